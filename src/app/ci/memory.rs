//! Data directories in memory, where there is enough of it.
//!
//! The engine forgets what is in such a volume as soon as no running container has it mounted. So one that does nothing of
//! its own holds all of them from before the first store is made until the stack goes: a store can be filled before its
//! first start, and be started again as often as the command likes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::app::doctor::available_memory;
use crate::app::faults;
use crate::domain::{
    ContainerId, ContainerSettings, ContainerSpec, Failure, ImageId, ImageRef, InMemory, Mount,
    MountAccess, MountSource, ProjectName, ServiceName, Stack, VolumeSpec,
};
use crate::engine::{Engine, EngineError, ExecRequest, Removal};
use crate::isolate::{MemoryVolumes, Room, into_memory};
use crate::plan::{Action, ONE_OFF, PROJECT, Plan, Step};
use crate::run::{Done, Perform};

/// Of the memory that is available to a local engine, a stack may take one part in so many; of what another machine has
/// altogether, where nobody tells what of it is available, half of that.
const PART: u64 = 2;
/// Where so many bytes are left, a store is about to stop: a broker takes no message any more with less than 50 MB.
const FULL: u64 = 64 << 20;
/// What a store says that finds no room for what it writes, see `ENOSPC` in errno(3).
const NO_ROOM: &str = "No space left on device";
/// Where the volumes are in the container that holds them.
const HELD: &str = "/held";
/// What that container is there for, on its label.
const ROLE: (&str, &str) = ("dev.jobsprint.role", "memory");

/// The volumes of a copy that are in memory, and the container that holds them.
pub(in crate::app) struct Memory {
    project: ProjectName,
    volumes: MemoryVolumes,
    /// The volumes' names, by their keys.
    names: BTreeMap<String, String>,
    /// Those of the lease.
    labels: BTreeMap<String, String>,
    held: OnceCell<Result<(), Failure>>,
}

impl Memory {
    /// Puts the volumes of `stack`, a copy, into memory where that is wanted and there is room for ones that hold `largest`
    /// bytes from the beginning on.
    pub async fn choose(
        engine: &dyn Engine,
        stack: &mut Stack,
        names: &BTreeSet<ServiceName>,
        (wanted, largest): (InMemory, u64),
        labels: BTreeMap<String, String>,
    ) -> Option<Self> {
        let room = match wanted {
            InMemory::Nothing => return None,
            InMemory::UpTo(size) => Room::Each(size),
            InMemory::WhereItFits => Room::Together(room(engine).await?),
        };
        let volumes = into_memory(stack, names, room, largest)?;
        let names = volumes.writers.keys();
        let names = names.map(|key| (key.clone(), stack.volumes[key].name.clone()));
        Some(Self {
            project: stack.project.clone(),
            names: names.collect(),
            volumes,
            labels,
            held: OnceCell::new(),
        })
    }

    /// Makes what `plan` says of the volumes and holds them, by a container of one of these images where it is here already.
    pub async fn hold_early(
        &self,
        engine: &dyn Engine,
        plan: &Plan,
        images: &BTreeMap<ImageRef, ImageId>,
    ) {
        let here = plan.steps().find_map(|(_, step)| match &step.action {
            Action::CreateContainer(spec) if self.is_for(step) => Some(&spec.image),
            _ => None,
        });
        if let Some(image) = here.filter(|image| images.contains_key(*image)) {
            // Whoever needs it asks again, and tells.
            self.hold(engine, plan, image).await.ok();
        }
    }

    async fn hold(
        &self,
        engine: &dyn Engine,
        plan: &Plan,
        image: &ImageRef,
    ) -> Result<(), Failure> {
        let making = || async {
            let made = self.make(engine, plan, image).await;
            made.map_err(|error| faults::at("hold the stores' data in memory", error))
        };
        self.held.get_or_init(making).await.clone()
    }

    async fn make(
        &self,
        engine: &dyn Engine,
        plan: &Plan,
        image: &ImageRef,
    ) -> Result<(), EngineError> {
        for volume in self.planned(plan) {
            engine.create_volume(volume).await?;
        }
        let mut labels = self.labels.clone();
        labels.extend(
            [(PROJECT, self.project.as_str()), (ONE_OFF, "True"), ROLE]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mounts = self.names.keys().map(|key| Mount {
            target: format!("{HELD}/{key}"),
            source: MountSource::Named {
                volume: key.clone(),
                no_copy: true,
                subpath: None,
            },
            access: MountAccess::ReadWrite,
        });
        let spec = ContainerSpec {
            name: holder(&self.project),
            image: image.clone(),
            labels,
            settings: ContainerSettings {
                entrypoint: Some(vec!["sleep".to_owned(), "604800".to_owned()]),
                command: Some(Vec::new()),
                user: Some("0:0".to_owned()),
                working_dir: Some("/".to_owned()),
                network_mode: Some("none".to_owned()),
                mounts: mounts.collect(),
                ..ContainerSettings::default()
            },
            network_names: BTreeMap::new(),
            volume_names: self.names.clone(),
            aliases: Vec::new(),
            unlisted: BTreeSet::new(),
            inherited_volumes: BTreeMap::new(),
        };
        let container = engine.create_container(&spec).await?;
        engine.start_container(&container).await
    }

    fn planned<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a VolumeSpec> {
        plan.steps().filter_map(|(_, step)| match &step.action {
            Action::CreateVolume(spec) => {
                let mut names = self.names.values();
                names
                    .any(|name| *name == spec.volume.name)
                    .then_some(&**spec)
            }
            _ => None,
        })
    }

    fn is_for(&self, step: &Step) -> bool {
        let service = step.service.as_ref();
        service.is_some_and(|service| self.volumes.has_of(service))
    }

    /// Whether the engine could not hold them.
    pub fn is_refused(&self) -> bool {
        self.held.get().is_some_and(Result::is_err)
    }

    /// How large each may get, in bytes.
    pub const fn size(&self) -> u64 {
        self.volumes.size
    }

    /// The services that have used up what they may take; none where that can't be told.
    pub async fn full(&self, engine: &dyn Engine) -> Vec<ServiceName> {
        let request = ExecRequest {
            command: ["df", "-P", "-k"].map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        let holder = ContainerId::new(holder(&self.project));
        let Ok(told) = engine.execute(&holder, &request).await else {
            return Vec::new();
        };
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let least = FULL.min(self.volumes.size / 8);
        let full = told.lines().filter_map(|line| full(line, least));
        let writers = full.filter_map(|key| self.volumes.writers.get(key));
        writers.flatten().cloned().collect()
    }
}

/// Whether the failure is that of a store which found no room for what it wrote; what it wrote may be gone again.
pub(super) fn lacks_room(failure: &Failure) -> bool {
    let details = failure.details.iter();
    details
        .chain([&failure.message])
        .any(|text| text.contains(NO_ROOM))
}

/// The volume of a line of `df -P -k`, where it is one that is held and has less than `least` bytes left.
fn full(line: &str, least: u64) -> Option<&str> {
    let mut fields = line.split_whitespace();
    let free: u64 = fields.nth(3)?.parse().ok()?;
    let key = fields.nth(1)?.strip_prefix(HELD)?.strip_prefix('/')?;
    (free * 1024 < least).then_some(key)
}

/// What the volumes of one stack may take all together, in bytes.
async fn room(engine: &dyn Engine) -> Option<u64> {
    if engine.facts().await.ok()?.routable {
        return Some(available_memory()? / PART);
    }
    Some(engine.survey().await.ok()?.memory / (2 * PART))
}

/// The name of the container that holds a project's volumes.
pub(super) fn holder(project: &ProjectName) -> String {
    format!("{project}-jobsprint-dev-memory")
}

/// Lets what a project has in memory go with the containers that use it.
///
/// # Errors
/// Where the engine fails.
pub(in crate::app) async fn let_go(
    engine: &dyn Engine,
    project: &ProjectName,
) -> Result<(), Failure> {
    let holder = ContainerId::new(holder(project));
    let removed = engine.remove_container(&holder, Removal::WithVolumes);
    let removed = removed.await;
    removed.map_err(|error| faults::at("let the data in memory go", error))
}

/// Hands that make no store before its data directory is held.
pub(super) struct Held {
    pub hands: Arc<dyn Perform>,
    pub engine: Arc<dyn Engine>,
    pub plan: Arc<Plan>,
    pub memory: Arc<Memory>,
}

#[async_trait]
impl Perform for Held {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        if let Action::CreateContainer(spec) = &step.action
            && self.memory.is_for(step)
        {
            let held = self.memory.hold(&*self.engine, &self.plan, &spec.image);
            held.await?;
        }
        self.hands.perform(step).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_with_next_to_no_room_left_is_full() {
        let row = |free: &str, place: &str| format!("tmpfs 524288 400000 {free} 80% {place}");
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on";

        assert_eq!(full(&row("65535", "/held/db"), FULL), Some("db"));
        assert_eq!(full(&row("65536", "/held/db"), FULL), None);
        assert_eq!(full(&row("0", "/dev/shm"), FULL), None);
        assert_eq!(full(head, FULL), None);
    }
}
