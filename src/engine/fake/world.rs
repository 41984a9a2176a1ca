//! The fake world: its objects, and the laws by which they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::image::Registry;
use crate::domain::{
    BoundPort, ContainerId, ContainerSpec, ContainerState, HostPort, ImageId, ImageRef,
    MountSource, NetworkId, ObservedContainer, ObservedNetwork, ObservedVolume, ServiceName,
};
use crate::engine::{EngineError, EngineEvent, EngineEventKind, Executed, Removal};

pub(super) const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const NUMBER: &str = "com.docker.compose.container-number";
const ONE_OFF: &str = "com.docker.compose.oneoff";
/// A process that is killed ends with this code.
const KILLED: i64 = 137;

/// All there is.
#[derive(Debug, Default)]
pub(super) struct World {
    pub images: BTreeMap<ImageRef, ImageId>,
    pub image_labels: BTreeMap<ImageRef, BTreeMap<String, String>>,
    pub subnets: Vec<String>,
    pub registries: BTreeMap<String, Registry>,
    pub failing_builds: Vec<ImageRef>,
    pub build_time: Duration,
    pub networks: Vec<ObservedNetwork>,
    pub volumes: Vec<ObservedVolume>,
    pub containers: Vec<Container>,
    pub taken_ports: Vec<u16>,
    pub exits: BTreeMap<String, i64>,
    pub logs: BTreeMap<String, Vec<String>>,
    /// Paths that images lack; all others are there.
    pub lacking: BTreeSet<(ImageRef, String)>,
    pub commands: BTreeMap<String, Executed>,
    pub journal: Vec<String>,
    pub listeners: Vec<Listener>,
    made: u64,
}

/// A container, with what it was made from.
#[derive(Debug)]
pub(super) struct Container {
    pub seen: ObservedContainer,
    pub spec: ContainerSpec,
    anonymous: Vec<String>,
}

/// Somebody who hears a project's events.
#[derive(Debug)]
pub(super) struct Listener {
    pub project: String,
    pub line: mpsc::UnboundedSender<Result<EngineEvent, EngineError>>,
}

impl World {
    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(super) fn note(&mut self, deed: impl Into<String>) {
        self.journal.push(deed.into());
    }

    pub(super) fn add_image(&mut self, image: &ImageRef) {
        let id = ImageId::new(format!("sha256:{:064x}", self.next()));
        self.images.insert(image.clone(), id);
    }

    pub(super) fn create_network(
        &mut self,
        name: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<NetworkId, EngineError> {
        if self.networks.iter().any(|network| network.name == name) {
            return Err(taken("network", name));
        }
        let id = NetworkId::new(format!("network{}", self.next()));
        self.networks.push(ObservedNetwork {
            id: id.clone(),
            name: name.to_owned(),
            labels,
        });
        self.note(format!("create network {name}"));
        Ok(id)
    }

    pub(super) fn remove_network(&mut self, id: &NetworkId) -> Result<(), EngineError> {
        let found = self.networks.iter().find(|network| &network.id == id);
        let Some(name) = found.map(|network| network.name.clone()) else {
            return Ok(());
        };
        let mut running = self
            .containers
            .iter()
            .filter(|container| container.seen.is_running());
        if running.any(|container| container.seen.addresses.contains_key(&name)) {
            return Err(EngineError::InUse {
                kind: "network",
                name: id.to_string(),
            });
        }
        self.networks.retain(|network| &network.id != id);
        self.note(format!("remove network {name}"));
        Ok(())
    }

    pub(super) fn create_volume(&mut self, name: &str, labels: BTreeMap<String, String>) {
        if self.volumes.iter().all(|volume| volume.name != name) {
            self.volumes.push(ObservedVolume {
                name: name.to_owned(),
                labels,
            });
            self.note(format!("create volume {name}"));
        }
    }

    pub(super) fn remove_volume(&mut self, name: &str) -> Result<(), EngineError> {
        if self.volumes.iter().all(|volume| volume.name != name) {
            return Ok(());
        }
        let mut users = self.containers.iter();
        if users.any(|container| container.seen.volumes.values().any(|used| used == name)) {
            return Err(EngineError::InUse {
                kind: "volume",
                name: name.to_owned(),
            });
        }
        self.volumes.retain(|volume| volume.name != name);
        self.note(format!("remove volume {name}"));
        Ok(())
    }

    pub(super) fn create_container(
        &mut self,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, EngineError> {
        if self.find(&spec.name).is_some() {
            return Err(taken("container", &spec.name));
        }
        let Some(image_id) = self.images.get(&spec.image).cloned() else {
            return Err(missing("image", spec.image.as_str()));
        };
        let id = ContainerId::new(format!("container{:055x}", self.next()));
        let (volumes, anonymous) = self.mount(spec);
        let service = spec.labels.get(SERVICE).unwrap_or(&spec.name);
        let seen = ObservedContainer {
            id: id.clone(),
            name: spec.name.clone(),
            service: ServiceName::new(service.as_str()).expect("a service label is a valid name"),
            number: spec
                .labels
                .get(NUMBER)
                .and_then(|number| number.parse().ok())
                .unwrap_or(1),
            image: spec.image.clone(),
            image_id,
            state: ContainerState::Created,
            restarts: 0,
            labels: spec.labels.clone(),
            ports: Vec::new(),
            addresses: BTreeMap::new(),
            volumes,
        };
        self.containers.push(Container {
            seen,
            spec: spec.clone(),
            anonymous,
        });
        self.note(format!("create container {}", spec.name));
        self.tell(&id, EngineEventKind::Created);
        Ok(id)
    }

    /// The volumes of a new container by target, and which of them are nameless.
    fn mount(&mut self, spec: &ContainerSpec) -> (BTreeMap<String, String>, Vec<String>) {
        let mut volumes = spec.inherited_volumes.clone();
        let mut anonymous = Vec::new();
        for mount in &spec.settings.mounts {
            match &mount.source {
                MountSource::Named { volume, .. } => {
                    let name = spec.volume_names.get(volume).unwrap_or(volume).clone();
                    self.create_volume(&name, BTreeMap::new());
                    volumes.insert(mount.target.clone(), name);
                }
                MountSource::Anonymous { .. } if !volumes.contains_key(&mount.target) => {
                    let name = format!("anonymous{}", self.next());
                    self.create_volume(&name, BTreeMap::new());
                    anonymous.push(name.clone());
                    volumes.insert(mount.target.clone(), name);
                }
                _ => {}
            }
        }
        (volumes, anonymous)
    }

    pub(super) fn start_container(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let index = self.index(id)?;
        if self.containers[index].seen.is_running() {
            return Ok(());
        }
        let spec = self.containers[index].spec.clone();
        let addresses = self.addresses(&spec, index)?;
        let ports = self.bind(&spec)?;
        let seen = &mut self.containers[index].seen;
        seen.addresses = addresses;
        seen.ports = ports;
        seen.state = ContainerState::Running {
            since: SystemTime::UNIX_EPOCH,
            health: None,
        };
        let service = seen.service.to_string();
        self.note(format!("start container {}", spec.name));
        self.tell(id, EngineEventKind::Started);
        let code = self.exits.get(&service).copied();
        if let Some(code) = code.or_else(|| own_exit(&spec)) {
            self.end(index, code);
        }
        Ok(())
    }

    fn addresses(
        &self,
        spec: &ContainerSpec,
        index: usize,
    ) -> Result<BTreeMap<String, IpAddr>, EngineError> {
        let last = u8::try_from(index % 250 + 2).expect("less than 252");
        let mut addresses = BTreeMap::new();
        for key in spec.settings.networks.keys() {
            let name = spec.network_names.get(key).unwrap_or(key);
            if self.networks.iter().all(|network| &network.name != name) {
                return Err(missing("network", name));
            }
            addresses.insert(name.clone(), IpAddr::V4(Ipv4Addr::new(172, 30, 0, last)));
        }
        Ok(addresses)
    }

    fn bind(&self, spec: &ContainerSpec) -> Result<Vec<BoundPort>, EngineError> {
        let held: Vec<u16> = self
            .containers
            .iter()
            .filter(|container| container.seen.is_running())
            .flat_map(|container| container.seen.ports.iter().map(|port| port.host))
            .chain(self.taken_ports.iter().copied())
            .collect();
        let mut bound: Vec<BoundPort> = Vec::new();
        for port in &spec.settings.ports {
            let free = |host: &u16| !held.contains(host) && bound.iter().all(|b| b.host != *host);
            let (first, last) = match port.host {
                HostPort::Fixed(host) => (host, host),
                HostPort::Range(first, last) => (first, last),
                HostPort::Any => (32_768, u16::MAX),
            };
            let host = (first..=last).find(free);
            bound.push(BoundPort {
                host_ip: port.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                host: host.ok_or(EngineError::PortTaken { port: first })?,
                container: port.container,
                protocol: port.protocol,
            });
        }
        Ok(bound)
    }

    pub(super) fn stop_container(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let index = self.index(id)?;
        if self.containers[index].seen.is_running() {
            let name = self.containers[index].spec.name.clone();
            self.note(format!("stop container {name}"));
            self.end(index, KILLED);
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let index = self.index(id)?;
        let seen = &mut self.containers[index].seen;
        match seen.state {
            ContainerState::Paused => return Ok(()),
            ContainerState::Running { .. } => seen.state = ContainerState::Paused,
            _ => {
                return Err(EngineError::Refused {
                    call: "pause",
                    reason: format!("Container {id} is not running"),
                });
            }
        }
        let deed = format!("pause container {}", seen.name);
        self.note(deed);
        Ok(())
    }

    pub(super) fn unpause(&mut self, id: &ContainerId) -> Result<(), EngineError> {
        let index = self.index(id)?;
        let seen = &mut self.containers[index].seen;
        if seen.state == ContainerState::Paused {
            seen.state = ContainerState::Running {
                since: SystemTime::UNIX_EPOCH,
                health: None,
            };
            let deed = format!("unpause container {}", seen.name);
            self.note(deed);
        }
        Ok(())
    }

    /// The first process of a container ends.
    pub(super) fn end(&mut self, index: usize, code: i64) {
        let seen = &mut self.containers[index].seen;
        seen.state = ContainerState::Exited {
            code,
            out_of_memory: false,
            at: None,
        };
        seen.addresses.clear();
        seen.ports.clear();
        let id = seen.id.clone();
        self.tell(&id, EngineEventKind::Died { code });
    }

    pub(super) fn remove_container(&mut self, id: &ContainerId, removal: Removal) {
        let Ok(index) = self.index(id) else { return };
        if self.containers[index].seen.is_running() {
            self.end(index, KILLED);
        }
        self.tell(id, EngineEventKind::Removed);
        let container = self.containers.remove(index);
        self.note(format!("remove container {}", container.spec.name));
        if removal == Removal::WithVolumes {
            self.volumes
                .retain(|volume| !container.anonymous.contains(&volume.name));
        }
    }

    /// The containers of a project, one-offs left out.
    pub(super) fn containers_of(&self, project: &str) -> Vec<ObservedContainer> {
        let mut seen: Vec<_> = self
            .containers
            .iter()
            .map(|container| &container.seen)
            .filter(|seen| is_of(&seen.labels, project))
            .filter(|seen| seen.labels.get(ONE_OFF).is_none_or(|word| word != "True"))
            .cloned()
            .collect();
        seen.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
        seen
    }

    /// A container by id or name.
    pub(super) fn find(&self, name: &str) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| container.seen.name == name || container.seen.id.as_str() == name)
    }

    pub(super) fn index(&self, id: &ContainerId) -> Result<usize, EngineError> {
        self.containers
            .iter()
            .position(|container| container.seen.id == *id || container.seen.name == id.as_str())
            .ok_or_else(|| missing("container", id.as_str()))
    }

    pub(super) fn tell(&mut self, id: &ContainerId, kind: EngineEventKind) {
        let at = self.next();
        let Some(container) = self.find(id.as_str()) else {
            return;
        };
        let event = EngineEvent {
            container: id.clone(),
            service: container.seen.service.clone(),
            kind,
            at,
        };
        let labels = &container.seen.labels;
        for listener in &self.listeners {
            if is_of(labels, &listener.project) {
                drop(listener.line.send(Ok(event.clone())));
            }
        }
    }
}

/// Whether labels name the project.
pub(super) fn is_of(labels: &BTreeMap<String, String>, project: &str) -> bool {
    labels.get(PROJECT).is_some_and(|name| name == project)
}

pub(super) fn missing(kind: &'static str, name: &str) -> EngineError {
    EngineError::NotFound {
        kind,
        name: name.to_owned(),
    }
}

fn taken(kind: &'static str, name: &str) -> EngineError {
    EngineError::NameTaken {
        kind,
        name: name.to_owned(),
    }
}

/// The one program that the fake world can run: `sh -c "exit N"`.
fn own_exit(spec: &ContainerSpec) -> Option<i64> {
    let command = spec.settings.command.as_ref()?;
    command.last()?.strip_prefix("exit ")?.parse().ok()
}
