//! The door's calls, each handed to the file that knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{
    Ipam, IpamConfig, NetworkConnectRequest, NetworkCreateRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, RestartContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::archive::tar_of;
use super::attachment::attachments;
use super::body::body;
use super::client::{DockerEngine, LONG, SHORT};
use super::fault::Subject;
use super::observe::absent_is_none;
use crate::domain::{
    ContainerId, ContainerSpec, ImageId, ImageRef, NetworkId, NetworkSpec, Observed,
    ObservedContainer, ProjectName, Subnet, VolumeSpec,
};
use crate::engine::{
    BuildRequest, Credentials, DiskUsers, Engine, EngineError, EngineFacts, EngineSurvey,
    EventStream, ExecRequest, ExecSession, Executed, ImageCommand, ImageProgress, ImageTraits,
    LogRequest, LogStreamReader, Removal, Usage, VolumePlace,
};

/// What a stop may take beyond its grace: the kill, and the engine's own work.
const MARGIN: Duration = Duration::from_secs(30);
/// The engine's own grace, where neither the call nor the container has one.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

#[async_trait]
impl Engine for DockerEngine {
    async fn facts(&self) -> Result<EngineFacts, EngineError> {
        Ok(self.facts.clone())
    }

    async fn observe(
        &self,
        project: &ProjectName,
        images: &[ImageRef],
    ) -> Result<Observed, EngineError> {
        self.observe_project(project, images).await
    }

    async fn projects(&self) -> Result<BTreeMap<String, Option<PathBuf>>, EngineError> {
        self.labelled_projects().await
    }

    async fn survey(&self) -> Result<EngineSurvey, EngineError> {
        self.look_around().await
    }

    async fn disk_users(&self) -> Result<DiskUsers, EngineError> {
        self.measure_disk().await
    }

    async fn projects_with(&self, label: &str) -> Result<BTreeSet<String>, EngineError> {
        self.projects_labelled(label).await
    }

    async fn image(&self, image: &ImageRef) -> Result<Option<ImageId>, EngineError> {
        self.image_id(image).await
    }

    async fn image_command(&self, image: &ImageRef) -> Result<ImageCommand, EngineError> {
        self.default_command(image).await
    }

    async fn image_traits(&self, image: &ImageRef) -> Result<Option<ImageTraits>, EngineError> {
        self.traits_of(image).await
    }

    async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&str>,
        credentials: Option<&Credentials>,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<(), EngineError> {
        self.pull_once(image, platform, credentials, progress).await
    }

    async fn build(
        &self,
        request: BuildRequest,
        progress: &(dyn Fn(ImageProgress) + Sync),
    ) -> Result<ImageId, EngineError> {
        self.build_image(request, progress).await
    }

    async fn import(
        &self,
        image: &ImageRef,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
        changes: &[String],
    ) -> Result<ImageId, EngineError> {
        self.import_tar(image, tar, changes).await
    }

    async fn tag(&self, image: &ImageRef, name: &ImageRef) -> Result<(), EngineError> {
        self.tag_image(image, name).await
    }

    async fn commit(
        &self,
        container: &ContainerId,
        image: &ImageRef,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), EngineError> {
        self.commit_container(container, image, labels).await
    }

    async fn images_with(
        &self,
        label: &str,
    ) -> Result<BTreeMap<ImageRef, BTreeMap<String, String>>, EngineError> {
        self.images_labelled(label).await
    }

    async fn remove_image(&self, image: &ImageRef) -> Result<(), EngineError> {
        self.drop_image(image).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        let network = &spec.network;
        // Old engines make a second network of the same name without a word, and refuse it at start.
        if self.network_id(&network.name).await?.is_some() {
            return Err(EngineError::NameTaken {
                kind: "network",
                name: network.name.clone(),
            });
        }
        let subject = Subject::new("create network", "network", &network.name);
        let has_ipam = network.ipam_driver.is_some() || !network.subnets.is_empty();
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: network.driver.clone(),
            internal: Some(network.internal),
            attachable: Some(network.attachable),
            enable_ipv6: Some(network.enable_ipv6),
            options: Some(network.driver_opts.clone().into_iter().collect()),
            labels: Some(network.labels.clone().into_iter().collect()),
            ipam: has_ipam.then(|| Ipam {
                driver: network.ipam_driver.clone(),
                config: Some(network.subnets.iter().map(pool).collect()),
                options: None,
            }),
            ..Default::default()
        };
        let made = self
            .within(SHORT, &subject, self.docker.create_network(request))
            .await?;
        let made = NetworkId::new(made.id);
        // A call of a run that was killed may have gone on at the engine meanwhile: the first one stays.
        let mut twins = self.network_twins(&network.name).await?.into_iter();
        match twins.find(|id| id != &made) {
            Some(first) => {
                self.remove_network(&made).await?;
                Ok(first)
            }
            None => Ok(made),
        }
    }

    async fn remove_network(&self, network: &NetworkId) -> Result<(), EngineError> {
        self.drop_network(network).await
    }

    async fn subnets(&self) -> Result<Vec<String>, EngineError> {
        self.network_subnets().await
    }

    async fn network(&self, name: &str) -> Result<Option<NetworkId>, EngineError> {
        self.network_id(name).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        let volume = &spec.volume;
        let subject = Subject::new("create volume", "volume", &volume.name);
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: volume.driver.clone(),
            driver_opts: Some(volume.driver_opts.clone().into_iter().collect()),
            labels: Some(volume.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        let call = self.docker.create_volume(request);
        self.within(SHORT, &subject, call).await.map(drop)
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let subject = Subject::new("remove volume", "volume", name);
        let call = self.docker.remove_volume(name, None::<RemoveVolumeOptions>);
        absent_is_none(self.within(LONG, &subject, call).await).map(drop)
    }

    async fn volume(&self, name: &str) -> Result<bool, EngineError> {
        self.has_volume(name).await
    }

    async fn volume_place(
        &self,
        container: &ContainerId,
        volume: &str,
    ) -> Result<Option<VolumePlace>, EngineError> {
        self.place_of_volume(container, volume).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        let subject = Subject::new("create container", "container", &spec.name);
        let attachments = attachments(spec, self.api);
        let body = body(spec, &attachments, self.api)?;
        let mut options = CreateContainerOptionsBuilder::default().name(&spec.name);
        if let Some(platform) = &spec.settings.platform {
            options = options.platform(platform);
        }
        let create = self.docker.create_container(Some(options.build()), body);
        let container = ContainerId::new(self.within(LONG, &subject, create).await?.id);
        let finished = async {
            for (network, endpoint) in attachments.afterwards {
                let join = NetworkConnectRequest {
                    container: container.to_string(),
                    endpoint_config: Some(endpoint),
                };
                let subject = Subject::new("connect network", "network", &network);
                let connect = || {
                    let call = self.docker.connect_network(&network, join.clone());
                    self.within(SHORT, &subject, call)
                };
                match connect().await {
                    Err(refusal) if self.parted_twins(&refusal).await? => connect().await?,
                    answer => answer?,
                }
            }
            self.place_files(&container, spec).await
        };
        match finished.await {
            Ok(()) => Ok(container),
            Err(error) => {
                // Half a container would be taken for a whole one by the next run.
                drop(
                    self.remove_container(&container, Removal::WithVolumes)
                        .await,
                );
                Err(error)
            }
        }
    }

    async fn start_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        let subject = Subject::new("start", "container", container.as_str());
        let start = || {
            let options = None::<StartContainerOptions>;
            let call = self.docker.start_container(container.as_str(), options);
            self.within(LONG, &subject, call)
        };
        match start().await {
            Err(refusal) if self.parted_twins(&refusal).await? => start().await,
            answer => answer,
        }
    }

    async fn stop_container(
        &self,
        container: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("stop", "container", container.as_str());
        let mut options = StopContainerOptionsBuilder::default();
        if let Some(grace) = grace {
            options = options.t(whole_seconds(grace));
        }
        let call = self
            .docker
            .stop_container(container.as_str(), Some(options.build()));
        self.within(self.patience(container, grace).await, &subject, call)
            .await
    }

    async fn restart_container(
        &self,
        container: &ContainerId,
        grace: Option<Duration>,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("restart", "container", container.as_str());
        let mut options = RestartContainerOptionsBuilder::default();
        if let Some(grace) = grace {
            options = options.t(whole_seconds(grace));
        }
        let call = self
            .docker
            .restart_container(container.as_str(), Some(options.build()));
        let limit = self.patience(container, grace).await + LONG;
        self.within(limit, &subject, call).await
    }

    async fn signal_container(
        &self,
        container: &ContainerId,
        signal: &str,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("signal", "container", container.as_str());
        let options = KillContainerOptionsBuilder::default()
            .signal(signal)
            .build();
        let call = self
            .docker
            .kill_container(container.as_str(), Some(options));
        self.within(SHORT, &subject, call).await
    }

    async fn pause_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.pause(container).await
    }

    async fn unpause_container(&self, container: &ContainerId) -> Result<(), EngineError> {
        self.unpause(container).await
    }

    async fn remove_container(
        &self,
        container: &ContainerId,
        removal: Removal,
    ) -> Result<(), EngineError> {
        let subject = Subject::new("remove", "container", container.as_str());
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(removal == Removal::WithVolumes)
            .build();
        let call = self
            .docker
            .remove_container(container.as_str(), Some(options));
        match absent_is_none(self.within(LONG, &subject, call).await) {
            Err(EngineError::Refused { reason, .. }) if reason.contains("already in progress") => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    async fn container(&self, name: &str) -> Result<Option<ObservedContainer>, EngineError> {
        self.inspect(name).await
    }

    async fn has_file(&self, container: &ContainerId, path: &str) -> Result<bool, EngineError> {
        self.stat_path(container, path).await
    }

    async fn upload(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: Bytes,
    ) -> Result<(), EngineError> {
        self.upload_tar(container, directory, tar).await
    }

    async fn unpack(
        &self,
        container: &ContainerId,
        directory: &str,
        tar: BoxStream<'static, Result<Bytes, std::io::Error>>,
    ) -> Result<(), EngineError> {
        self.unpack_tar(container, directory, tar).await
    }

    async fn download(
        &self,
        container: &ContainerId,
        path: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, EngineError>>, EngineError> {
        Ok(self.download_tar(container, path))
    }

    async fn usage(&self, container: &ContainerId) -> Result<Usage, EngineError> {
        self.usage_of(container).await
    }

    async fn execute(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Executed, EngineError> {
        self.execute_to_end(container, request).await
    }

    async fn open_exec(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecSession, EngineError> {
        self.attach(container, request, true).await
    }

    async fn logs(
        &self,
        container: &ContainerId,
        request: &LogRequest,
    ) -> Result<LogStreamReader, EngineError> {
        self.read_logs(container, request).await
    }

    async fn events(&self, project: &ProjectName) -> Result<EventStream, EngineError> {
        self.subscribe(project).await
    }
}

impl DockerEngine {
    async fn place_files(
        &self,
        container: &ContainerId,
        spec: &ContainerSpec,
    ) -> Result<(), EngineError> {
        if spec.settings.files.is_empty() {
            return Ok(());
        }
        let tar = tar_of(&spec.settings.files).map_err(|error| EngineError::Refused {
            call: "copy files into",
            reason: error.to_string(),
        })?;
        self.upload_tar(container, "/", tar).await
    }

    /// How long a stop may take: the grace asked for, or the container's own.
    async fn patience(&self, container: &ContainerId, grace: Option<Duration>) -> Duration {
        let grace = match grace {
            Some(grace) => grace,
            None => self.own_grace(container).await.unwrap_or(DEFAULT_GRACE),
        };
        grace + MARGIN
    }

    async fn own_grace(&self, container: &ContainerId) -> Option<Duration> {
        let subject = Subject::new("inspect", "container", container.as_str());
        let call = self.docker.inspect_container(
            container.as_str(),
            None::<bollard::query_parameters::InspectContainerOptions>,
        );
        let seconds = self
            .within(SHORT, &subject, call)
            .await
            .ok()?
            .config?
            .stop_timeout?;
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

fn pool(subnet: &Subnet) -> IpamConfig {
    IpamConfig {
        subnet: subnet.subnet.clone(),
        ip_range: subnet.ip_range.clone(),
        gateway: subnet.gateway.clone(),
        auxiliary_addresses: (!subnet.aux_addresses.is_empty())
            .then(|| subnet.aux_addresses.clone().into_iter().collect()),
    }
}

/// The engine counts whole seconds; a part of one is not taken from a service's grace.
fn whole_seconds(grace: Duration) -> i32 {
    i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}
