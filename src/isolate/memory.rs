//! Data directories in memory: which volumes of a disposable stack can be there, and how large each may get.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    MountAccess, MountSource, Ownership, Role, Service, ServiceName, Stack, Volume,
};

/// Where less than this is left for each volume, none is in memory, in bytes: a broker with less room than that stops
/// taking messages, and a postgres has as much of its own log alone.
const LEAST: u64 = 512 << 20;

/// What a stack's volumes may take in memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// All of them together.
    Together(u64),
    /// Each of them, however little it is.
    Each(u64),
}

/// The volumes of a stack that are in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryVolumes {
    /// Their keys, with the services that write into each.
    pub writers: BTreeMap<String, BTreeSet<ServiceName>>,
    /// How large each may get, in bytes.
    pub size: u64,
}

impl MemoryVolumes {
    /// Whether the service writes into one of them.
    #[must_use]
    pub fn has_of(&self, service: &ServiceName) -> bool {
        self.writers
            .values()
            .any(|writers| writers.contains(service))
    }
}

/// Puts the volumes that the data services among `names` write into into memory; `None` where there are none, or the room
/// that they share isn't enough for ones that hold `largest` bytes from the beginning on.
///
/// The volumes are ones of the engine's own driver, and tmpfs (see mount(8)) for it. A service whose memory is limited
/// keeps its data on the disk: what it writes into memory is counted as its own.
pub fn into_memory(
    stack: &mut Stack,
    names: &BTreeSet<ServiceName>,
    room: Room,
    largest: u64,
) -> Option<MemoryVolumes> {
    let mut writers: BTreeMap<String, BTreeSet<ServiceName>> = BTreeMap::new();
    let mut kept: BTreeSet<&String> = BTreeSet::new();
    let services = stack.services.values();
    for service in services.filter(|service| names.contains(&service.name)) {
        let is_free = service.role == Role::Data && service.container.resources.memory.is_none();
        for (key, is_whole) in written(service) {
            if is_free && is_whole {
                let writers = writers.entry(key.clone()).or_default();
                writers.insert(service.name.clone());
            } else {
                kept.insert(key);
            }
        }
    }
    writers.retain(|key, _| !kept.contains(key) && stack.volumes.get(key).is_some_and(is_plain));
    let count = u64::try_from(writers.len())
        .ok()
        .filter(|count| *count > 0)?;
    let size = match room {
        Room::Each(size) => size,
        Room::Together(room) => room / count,
    };
    if matches!(room, Room::Together(_)) && size < LEAST.max(largest.saturating_mul(2)) {
        return None;
    }
    for key in writers.keys() {
        let volume = stack.volumes.get_mut(key)?;
        volume.driver = Some("local".to_owned());
        volume.driver_opts = [
            ("type", "tmpfs".to_owned()),
            ("device", "tmpfs".to_owned()),
            ("o", format!("size={size},mode=0755")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    }
    Some(MemoryVolumes { writers, size })
}

/// The keys of the volumes that a service writes into, and whether it has the whole of each.
fn written(service: &Service) -> impl Iterator<Item = (&String, bool)> {
    let mounts = service.container.mounts.iter();
    mounts.filter_map(|mount| match (&mount.source, mount.access) {
        (
            MountSource::Named {
                volume, subpath, ..
            },
            MountAccess::ReadWrite,
        ) => Some((volume, subpath.is_none())),
        _ => None,
    })
}

/// Whether it is one that the stack makes and says nothing of: somebody who chose a driver wants that.
fn is_plain(volume: &Volume) -> bool {
    volume.ownership == Ownership::Project
        && volume
            .driver
            .as_deref()
            .is_none_or(|driver| driver == "local")
        && volume.driver_opts.is_empty()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::{ImageSource, Mount, ProjectName};

    const ROOM: u64 = 8 << 30;
    const PLENTY: Room = Room::Together(ROOM);

    fn service(name: &str, role: Role, volume: &str) -> Service {
        let name = ServiceName::new(name).unwrap();
        let mut service = Service::new(name, ImageSource::named("image:1"));
        service.role = role;
        service.container.mounts = vec![Mount {
            target: "/data".to_owned(),
            source: MountSource::Named {
                volume: volume.to_owned(),
                no_copy: false,
                subpath: None,
            },
            access: MountAccess::ReadWrite,
        }];
        service
    }

    fn stack(services: impl IntoIterator<Item = Service>) -> Stack {
        let services: BTreeMap<_, _> = services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect();
        let volumes = services.values().flat_map(written);
        let volumes = volumes.map(|(key, _)| (key.clone(), Volume::default()));
        Stack {
            project: ProjectName::new("shop").unwrap(),
            working_dir: PathBuf::from("/shop"),
            config_files: Vec::new(),
            volumes: volumes.collect(),
            services,
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        }
    }

    fn stores() -> Stack {
        stack([
            service("postgres", Role::Data, "db"),
            service("redis", Role::Data, "cache"),
            service("n8n", Role::App, "flows"),
        ])
    }

    fn all(stack: &Stack) -> BTreeSet<ServiceName> {
        stack.services.keys().cloned().collect()
    }

    fn keys(memory: &MemoryVolumes) -> Vec<&str> {
        memory.writers.keys().map(String::as_str).collect()
    }

    #[test]
    fn the_data_services_volumes_share_the_room() {
        let mut stack = stores();
        let names = all(&stack);

        let memory = into_memory(&mut stack, &names, PLENTY, 0).unwrap();

        assert_eq!(keys(&memory), ["cache", "db"]);
        assert_eq!(memory.size, ROOM / 2);
        let options = &stack.volumes["db"].driver_opts;
        assert_eq!(options["type"], "tmpfs");
        assert_eq!(options["o"], format!("size={},mode=0755", ROOM / 2));
        assert_eq!(stack.volumes["flows"], Volume::default());
        assert!(memory.has_of(&ServiceName::new("redis").unwrap()));
        assert!(!memory.has_of(&ServiceName::new("n8n").unwrap()));
    }

    #[test]
    fn a_service_that_is_not_asked_for_takes_none_of_it() {
        let mut stack = stores();
        let names = BTreeSet::from([ServiceName::new("redis").unwrap()]);

        let memory = into_memory(&mut stack, &names, PLENTY, 0).unwrap();

        assert_eq!(keys(&memory), ["cache"]);
        assert_eq!(memory.size, ROOM);
    }

    #[test]
    fn too_little_room_leaves_everything_on_the_disk() {
        for (room, largest) in [(LEAST * 2 - 1, 0), (ROOM, ROOM / 4 + 1), (0, 0)] {
            let mut stack = stores();
            let names = all(&stack);

            let room = Room::Together(room);
            assert_eq!(into_memory(&mut stack, &names, room, largest), None);
            assert_eq!(stack, stores());
        }
    }

    #[test]
    fn a_size_that_somebody_gives_is_each_ones() {
        let mut stack = stores();
        let names = all(&stack);

        let memory = into_memory(&mut stack, &names, Room::Each(1 << 20), ROOM).unwrap();

        assert_eq!(memory.size, 1 << 20);
    }

    #[test]
    fn what_an_app_writes_too_or_somebody_chose_a_driver_for_stays_on_the_disk() {
        let mut limited = service("limited", Role::Data, "small");
        limited.container.resources.memory = Some(256 << 20);
        let mut part = service("part", Role::Data, "parts");
        if let MountSource::Named { subpath, .. } = &mut part.container.mounts[0].source {
            *subpath = Some("a".to_owned());
        }
        let mut stack = stack([
            service("chosen", Role::Data, "network"),
            service("kept", Role::Data, "external"),
            service("shared", Role::Data, "both"),
            service("app", Role::App, "both"),
            limited,
            part,
        ]);
        stack.volumes.get_mut("network").unwrap().driver = Some("nfs".to_owned());
        stack.volumes.get_mut("external").unwrap().ownership = Ownership::External;
        let names = all(&stack);

        assert_eq!(into_memory(&mut stack, &names, PLENTY, 0), None);
    }
}
