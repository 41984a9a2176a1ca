//! Small stacks for tests, put together in words.

#![expect(clippy::missing_panics_doc, reason = "a test's own names are valid")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{containers, labels};
use crate::domain::{
    Condition, ContainerId, ContainerSettings, ContainerSpec, ContainerState, Dependency, Home,
    ImageId, ImageRef, ImageSource, Mount, MountAccess, MountSource, Necessity, Network,
    NetworkAttachment, NetworkId, Observed, ObservedContainer, ObservedNetwork, ObservedVolume,
    OnRestart, ProjectName, PullPolicy, Readiness, ReplaceMode, Role, Service, ServiceName, Stack,
    Volume, Watching,
};

/// A stack `shop` of these services, with its default network.
#[must_use]
pub fn stack(services: impl IntoIterator<Item = Service>) -> Stack {
    let services: BTreeMap<ServiceName, Service> = services
        .into_iter()
        .map(|service| (service.name.clone(), service))
        .collect();
    let volumes = services
        .values()
        .flat_map(containers::named_volumes)
        .map(|key| {
            let volume = Volume {
                name: format!("shop_{key}"),
                ..Volume::default()
            };
            (key.to_owned(), volume)
        })
        .collect();
    let network = Network {
        name: "shop_default".to_owned(),
        ..Network::default()
    };
    Stack {
        project: ProjectName::new("shop").expect("a valid name"),
        working_dir: PathBuf::from("/shop"),
        config_files: vec![PathBuf::from("/shop/compose.yaml")],
        services,
        disabled: BTreeMap::new(),
        networks: BTreeMap::from([("default".to_owned(), network)]),
        volumes,
        bases: BTreeMap::new(),
        seeds: None,
    }
}

/// An app of the image `NAME:1` in the default network.
#[must_use]
pub fn service(name: &str) -> Service {
    let networks = BTreeMap::from([("default".to_owned(), NetworkAttachment::default())]);
    Service {
        name: ServiceName::new(name).expect("a valid name"),
        role: Role::App,
        image: ImageSource {
            reference: ImageRef::new(format!("{name}:1")),
            named: true,
            build: None,
            pull: PullPolicy::Missing,
        },
        container: ContainerSettings {
            networks,
            ..ContainerSettings::default()
        },
        home: Home::Own,
        container_name: None,
        replicas: 1,
        depends_on: BTreeMap::new(),
        ready: Readiness::Started,
        replace: ReplaceMode::Container,
        grace: Duration::from_secs(2),
        migrate: None,
        seed: None,
        url: None,
        necessity: Necessity::Required,
        watch: Vec::new(),
        watching: Watching::default(),
        check: None,
        profiles: Vec::new(),
        post_start: Vec::new(),
        pre_stop: Vec::new(),
        attach: true,
    }
}

/// The first container of a service in a stack of its own.
#[must_use]
pub fn spec(service: &Service) -> ContainerSpec {
    containers::specify(&stack([service.clone()]), service, 1, None)
}

impl Service {
    /// Waits for `other`.
    #[must_use]
    pub fn after(mut self, other: &str, condition: Condition) -> Self {
        let dependency = Dependency {
            condition,
            ..Dependency::default()
        };
        let other = ServiceName::new(other).expect("a valid name");
        self.depends_on.insert(other, dependency);
        self
    }

    /// Restarts with `other`.
    #[must_use]
    pub fn following(mut self, other: &str) -> Self {
        let dependency = Dependency {
            condition: Condition::Healthy,
            on_restart: OnRestart::Follow,
            ..Dependency::default()
        };
        let other = ServiceName::new(other).expect("a valid name");
        self.depends_on.insert(other, dependency);
        self
    }

    /// Keeps data in the named volume `key`.
    #[must_use]
    pub fn storing(mut self, key: &str) -> Self {
        self.role = Role::Data;
        self.container.mounts.push(Mount {
            target: "/data".to_owned(),
            source: MountSource::Named {
                volume: key.to_owned(),
                no_copy: false,
                subpath: None,
            },
            access: MountAccess::ReadWrite,
        });
        self
    }

    /// Has an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.container.environment.set(name, value);
        self
    }
}

/// What an engine has once `stack` is up: all images, networks, volumes, and containers running.
#[must_use]
pub fn running(stack: &Stack) -> Observed {
    let image_id = |reference: &ImageRef| ImageId::new(format!("sha256:{reference}"));
    let containers = stack
        .services
        .values()
        .map(|service| {
            let spec = containers::specify(stack, service, 1, None);
            ObservedContainer {
                id: ContainerId::new(format!("id-of-{}", spec.name)),
                name: spec.name,
                service: service.name.clone(),
                number: 1,
                image_id: image_id(&spec.image),
                image: spec.image,
                state: ContainerState::Running {
                    since: SystemTime::UNIX_EPOCH,
                    health: None,
                },
                restarts: 0,
                labels: spec.labels,
                ports: Vec::new(),
                addresses: BTreeMap::new(),
                volumes: BTreeMap::new(),
            }
        })
        .collect();
    Observed {
        containers,
        networks: vec![ObservedNetwork {
            id: NetworkId::new("id-of-network"),
            name: "shop_default".to_owned(),
            labels: labels::of_object(stack, labels::NETWORK, "default", &BTreeMap::new()),
        }],
        volumes: stack
            .volumes
            .iter()
            .map(|(key, volume)| ObservedVolume {
                name: volume.name.clone(),
                labels: labels::of_object(stack, labels::VOLUME, key, &BTreeMap::new()),
            })
            .collect(),
        images: stack
            .services
            .values()
            .map(|service| {
                let reference = service.image.reference.clone();
                (reference.clone(), image_id(&reference))
            })
            .collect(),
    }
}
