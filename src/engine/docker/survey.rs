//! What the engine says of itself, its networks and its images.

use std::time::SystemTime;

use bollard::models::{Network, SystemInfo};
use bollard::query_parameters::{ListImagesOptions, ListNetworksOptions};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::{ASK, DockerEngine};
use super::fault::Subject;
use super::observe::absent_is_none;
use crate::domain::ImageRef;
use crate::engine::{EngineError, EngineSurvey, ImageTraits};

impl DockerEngine {
    pub(super) async fn look_around(&self) -> Result<EngineSurvey, EngineError> {
        let asking = Subject::new("info", "engine", "");
        let info = self.within(ASK, &asking, self.docker.info());
        let listing = Subject::new("list", "network", "");
        let networks = self.docker.list_networks(None::<ListNetworksOptions>);
        let networks = self.within(ASK, &listing, networks);
        let listing = Subject::new("list", "image", "");
        let images = self.docker.list_images(None::<ListImagesOptions>);
        let images = self.within(ASK, &listing, images);
        let (info, networks, images) = tokio::try_join!(info, networks, images)?;

        let mut sizes: Vec<(String, u64)> = images
            .into_iter()
            .map(|image| {
                let named = image.repo_tags.into_iter().next();
                let size = u64::try_from(image.size).unwrap_or_default();
                (named.unwrap_or(image.id), size)
            })
            .collect();
        sizes.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        Ok(EngineSurvey {
            subnets: networks.into_iter().flat_map(subnets).collect(),
            images: sizes,
            ..survey(info)
        })
    }

    pub(super) async fn traits_of(
        &self,
        image: &ImageRef,
    ) -> Result<Option<ImageTraits>, EngineError> {
        let subject = Subject::new("inspect", "image", image.as_str());
        let call = self.docker.inspect_image(image.as_str());
        let found = absent_is_none(self.within(ASK, &subject, call).await)?;
        Ok(found.map(|image| ImageTraits {
            platform: format!(
                "{}/{}",
                image.os.unwrap_or_default(),
                image.architecture.unwrap_or_default()
            ),
            // A build that finds every layer in its cache keeps the old date, and only tags the image anew.
            made: image
                .metadata
                .and_then(|metadata| metadata.last_tag_time)
                .max(image.created)
                .map(SystemTime::from),
            digests: image.repo_digests.unwrap_or_default(),
        }))
    }
}

fn survey(info: SystemInfo) -> EngineSurvey {
    let proxy = [info.https_proxy, info.http_proxy]
        .into_iter()
        .flatten()
        .find(|proxy| !proxy.is_empty());
    let security = info.security_options.unwrap_or_default();
    EngineSurvey {
        storage: info.driver.unwrap_or_default(),
        cgroup_driver: info
            .cgroup_driver
            .map(|driver| driver.to_string())
            .unwrap_or_default(),
        memory: info
            .mem_total
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or_default(),
        clock: info
            .system_time
            .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok())
            .map(SystemTime::from),
        root: info.docker_root_dir.unwrap_or_default(),
        rootless: security
            .iter()
            .any(|option| option.contains("name=rootless")),
        forwards: info.ipv4_forwarding.unwrap_or(true),
        proxy: proxy.unwrap_or_default(),
        system: info.operating_system.unwrap_or_default(),
        pools: info
            .default_address_pools
            .unwrap_or_default()
            .into_iter()
            .filter_map(|pool| Some((pool.base?, u32::try_from(pool.size?).ok()?)))
            .collect(),
        ..EngineSurvey::default()
    }
}

fn subnets(network: Network) -> Vec<String> {
    let configured = network.ipam.and_then(|ipam| ipam.config);
    configured
        .unwrap_or_default()
        .into_iter()
        .filter_map(|pool| pool.subnet)
        .collect()
}
