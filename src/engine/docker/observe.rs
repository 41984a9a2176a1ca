//! What the engine has: of a project, of all projects, and under one name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder,
    ListNetworksOptions, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::client::{ASK, DockerEngine, SHORT};
use super::fault::Subject;
use super::inspect::observed;
use crate::domain::{
    ImageId, ImageRef, NetworkId, Observed, ObservedContainer, ObservedNetwork, ObservedVolume,
    ProjectName,
};
use crate::engine::EngineError;

/// How many inspects are under way at once: each takes the engine a millisecond.
const AT_ONCE: usize = 16;
/// Compose's label of a project.
pub(super) const PROJECT: &str = "com.docker.compose.project";
/// Compose's label of a container run once by hand.
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";

impl DockerEngine {
    pub(super) async fn observe_project(
        &self,
        project: &ProjectName,
        images: &[ImageRef],
    ) -> Result<Observed, EngineError> {
        let label = format!("{PROJECT}={project}");
        let (containers, networks, volumes, images) = tokio::try_join!(
            self.containers_with(&label),
            self.networks_with(&label),
            self.volumes_with(&label),
            self.present(images),
        )?;
        Ok(Observed {
            containers,
            networks,
            volumes,
            images,
        })
    }

    pub(super) async fn labelled_projects(
        &self,
    ) -> Result<BTreeMap<String, Option<PathBuf>>, EngineError> {
        let subject = Subject::new("list", "project", "");
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&label_filter(PROJECT))
            .build();
        let list = self.docker.list_containers(Some(options));
        let mut projects = BTreeMap::new();
        for container in self.within(ASK, &subject, list).await? {
            let labels = container.labels.unwrap_or_default();
            if let Some(project) = labels.get(PROJECT) {
                let directory = labels.get(WORKING_DIR).map(PathBuf::from);
                projects.entry(project.clone()).or_insert(directory);
            }
        }
        Ok(projects)
    }

    pub(super) async fn projects_labelled(
        &self,
        label: &str,
    ) -> Result<BTreeSet<String>, EngineError> {
        let subject = Subject::new("list", "container", label);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&label_filter(label))
            .build();
        let containers = self.docker.list_containers(Some(options));
        let (containers, networks, volumes) = tokio::try_join!(
            self.within(SHORT, &subject, containers),
            self.networks_with(label),
            self.volumes_with(label),
        )?;
        let containers = containers
            .into_iter()
            .filter_map(|found| found.labels?.remove(PROJECT));
        let networks = networks
            .into_iter()
            .filter_map(|mut found| found.labels.remove(PROJECT));
        let volumes = volumes
            .into_iter()
            .filter_map(|mut found| found.labels.remove(PROJECT));
        Ok(containers.chain(networks).chain(volumes).collect())
    }

    pub(super) async fn network_subnets(&self) -> Result<Vec<String>, EngineError> {
        let subject = Subject::new("list", "network", "");
        let call = self.docker.list_networks(None::<ListNetworksOptions>);
        let networks = self.within(SHORT, &subject, call).await?;
        Ok(networks
            .into_iter()
            .filter_map(|network| network.ipam?.config)
            .flatten()
            .filter_map(|pool| pool.subnet)
            .collect())
    }

    async fn containers_with(&self, label: &str) -> Result<Vec<ObservedContainer>, EngineError> {
        let subject = Subject::new("list", "container", label);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&label_filter(label))
            .build();
        let list = self
            .within(ASK, &subject, self.docker.list_containers(Some(options)))
            .await?;
        let ids = list.into_iter().filter_map(|container| container.id);
        let found: Vec<_> = stream::iter(ids.map(|id| async move { self.inspect(&id).await }))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut containers: Vec<_> = found
            .into_iter()
            .flatten()
            .filter(|container| {
                container
                    .labels
                    .get(ONE_OFF)
                    .is_none_or(|word| word != "True")
            })
            .collect();
        containers
            .sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
        Ok(containers)
    }

    /// One container by id or name; `None` where it is gone.
    pub(super) async fn inspect(
        &self,
        name: &str,
    ) -> Result<Option<ObservedContainer>, EngineError> {
        let subject = Subject::new("inspect", "container", name);
        let call = self
            .docker
            .inspect_container(name, None::<InspectContainerOptions>);
        Ok(absent_is_none(self.within(ASK, &subject, call).await)?.and_then(observed))
    }

    async fn networks_with(&self, label: &str) -> Result<Vec<ObservedNetwork>, EngineError> {
        let subject = Subject::new("list", "network", label);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&label_filter(label))
            .build();
        let list = self.docker.list_networks(Some(options));
        let mut networks: Vec<_> = self
            .within(ASK, &subject, list)
            .await?
            .into_iter()
            .filter_map(|network| {
                Some(ObservedNetwork {
                    id: NetworkId::new(network.id?),
                    name: network.name?,
                    labels: network.labels.unwrap_or_default().into_iter().collect(),
                })
            })
            .collect();
        networks.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(networks)
    }

    async fn volumes_with(&self, label: &str) -> Result<Vec<ObservedVolume>, EngineError> {
        let subject = Subject::new("list", "volume", label);
        let options = ListVolumesOptionsBuilder::default()
            .filters(&label_filter(label))
            .build();
        let list = self.docker.list_volumes(Some(options));
        let mut volumes: Vec<_> = self
            .within(ASK, &subject, list)
            .await?
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| ObservedVolume {
                name: volume.name,
                labels: volume.labels.into_iter().collect(),
            })
            .collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    async fn present(
        &self,
        images: &[ImageRef],
    ) -> Result<BTreeMap<ImageRef, ImageId>, EngineError> {
        // Many services may have one image.
        let images: BTreeSet<ImageRef> = images.iter().cloned().collect();
        let looks = images.into_iter().map(|image| async move {
            let id = self.image_id(&image).await?;
            Ok::<_, EngineError>(id.map(|id| (image, id)))
        });
        let found: Vec<_> = stream::iter(looks)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The network of exactly this name; the engine's own filter takes parts of names too.
    pub(super) async fn network_id(&self, name: &str) -> Result<Option<NetworkId>, EngineError> {
        let subject = Subject::new("inspect", "network", name);
        let call = self
            .docker
            .inspect_network(name, None::<InspectNetworkOptions>);
        let network = match absent_is_none(self.within(ASK, &subject, call).await) {
            Err(refusal) if self.parted_twins(&refusal).await? => {
                return Ok(self.network_twins(name).await?.pop());
            }
            answer => answer?,
        };
        Ok(network
            .filter(|network| network.name.as_deref() == Some(name))
            .and_then(|network| network.id)
            .map(NetworkId::new))
    }

    pub(super) async fn has_volume(&self, name: &str) -> Result<bool, EngineError> {
        let subject = Subject::new("inspect", "volume", name);
        let call = self.docker.inspect_volume(name);
        Ok(absent_is_none(self.within(ASK, &subject, call).await)?.is_some())
    }
}

pub(super) fn label_filter(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

/// For calls to which "it isn't there" is an answer.
pub(super) fn absent_is_none<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(EngineError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
