//! The handle on a fake world: made of sentences, asked by tests what was done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::script;
use super::world::{World, missing};
use crate::domain::{ContainerId, ContainerSpec};
use crate::engine::{EngineError, EngineEventKind};

/// An engine whose containers exist in memory alone. Clones share their world.
#[derive(Debug, Clone, Default)]
pub struct FakeEngine {
    world: Arc<Mutex<World>>,
}

impl FakeEngine {
    /// A world of these sentences, one a line: `image NAME`, `image NAME lacks PATH`, `registry HOST has NAME`, `registry HOST is unreachable`, `registry HOST hangs`, `registry HOST limits N pulls`, `registry HOST breaks N pulls`, `build of NAME fails`, `builds take N seconds`, `port N is taken`, `service NAME exits with N`, `service NAME says TEXT`, `command PROGRAM exits with N`, `command PROGRAM says TEXT`.
    ///
    /// # Panics
    /// At a sentence that is none of these.
    #[must_use]
    pub fn of(sentences: &str) -> Self {
        Self {
            world: Arc::new(Mutex::new(script::read(sentences))),
        }
    }

    /// What was done so far, a deed a line: `create container shop-web-1`.
    #[must_use]
    pub fn journal(&self) -> Vec<String> {
        self.world().journal.clone()
    }

    /// The settings that a container was made with.
    #[must_use]
    pub fn spec(&self, container: &str) -> Option<ContainerSpec> {
        self.world().find(container).map(|found| found.spec.clone())
    }

    /// The first process of a container ends by itself.
    ///
    /// # Panics
    /// Where there is no such container.
    pub fn end(&self, container: &str, code: i64) {
        let mut world = self.world();
        let index = world
            .index(&ContainerId::new(container))
            .expect("the test names a container that is there");
        world.end(index, code);
    }

    /// Something else happens to a container, as a healthcheck's verdict.
    pub fn happens(&self, container: &str, kind: EngineEventKind) {
        let mut world = self.world();
        if let Some(id) = world.find(container).map(|found| found.seen.id.clone()) {
            world.tell(&id, kind);
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self, container: &ContainerId) -> Result<String, EngineError> {
        let world = self.world();
        let found = world.find(container.as_str());
        let found = found.ok_or_else(|| missing("container", container.as_str()))?;
        if found.seen.is_running() {
            Ok(found.seen.name.clone())
        } else {
            Err(EngineError::Refused {
                call: "exec",
                reason: format!("Container {container} is not running"),
            })
        }
    }
}
