//! The stack whose volumes are kept, and the shelf that keeps them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::journal::Journal;
use super::shelf::Shelf;
use crate::data::DataError;
use crate::domain::{MountSource, ObservedContainer, Ownership, ServiceName, Stack};
use crate::engine::Engine;

/// A stack and its snapshots. The caller holds the project's lock.
pub struct Stock {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// The stack.
    pub stack: Arc<Stack>,
    /// Where its snapshots are.
    pub shelf: Shelf,
    /// This program: it guards paused containers, sweeps, and works in containers of its own.
    pub program: Option<PathBuf>,
}

/// What of a stack's data a snapshot covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cover {
    /// All of it.
    Stack,
    /// What some services have: the others' data isn't about to change, and the others aren't held up.
    Services {
        /// Their names.
        names: BTreeSet<ServiceName>,
        /// How much that is about.
        bytes: u64,
    },
}

/// So much is packed before a helper that copies files has started, and is removed in no time.
const SMALL: u64 = 128 * 1024 * 1024;

impl Cover {
    /// Whether what `service` has is covered.
    #[must_use]
    pub fn has(&self, service: &str) -> bool {
        match self {
            Self::Stack => true,
            Self::Services { names, .. } => names.iter().any(|name| name.as_str() == service),
        }
    }

    /// Whether it is known to be little.
    pub(super) fn is_small(&self) -> bool {
        matches!(self, Self::Services { bytes, .. } if *bytes <= SMALL)
    }
}

/// A volume that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// The engine's name of it.
    pub name: String,
    /// The services that mount it.
    pub services: Vec<String>,
}

impl Stock {
    /// The project's own volumes that services mount by name, by their keys.
    pub(super) fn volumes(&self) -> BTreeMap<String, Kept> {
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        for service in self.stack.services.values() {
            for mount in &service.container.mounts {
                let MountSource::Named { volume: key, .. } = &mount.source else {
                    continue;
                };
                let Some(volume) = self.stack.volumes.get(key) else {
                    continue;
                };
                if volume.ownership == Ownership::External {
                    continue;
                }
                let entry = kept.entry(key.clone()).or_insert_with(|| Kept {
                    name: volume.name.clone(),
                    services: Vec::new(),
                });
                let name = service.name.to_string();
                if !entry.services.contains(&name) {
                    entry.services.push(name);
                }
            }
        }
        kept
    }

    /// Whether there is anything to keep.
    ///
    /// # Errors
    /// Where the engine can't be asked.
    pub async fn has_data(&self, cover: &Cover) -> Result<bool, DataError> {
        Ok(!self.present(cover).await?.is_empty())
    }

    /// Those of [`volumes`](Self::volumes) that are covered and that the engine has.
    pub(super) async fn present(&self, cover: &Cover) -> Result<BTreeMap<String, Kept>, DataError> {
        let mut covered = self.volumes();
        covered.retain(|_, kept| kept.services.iter().any(|service| cover.has(service)));
        let mut present = BTreeMap::new();
        for (key, kept) in covered {
            if self.engine.volume(&kept.name).await? {
                present.insert(key, kept);
            }
        }
        Ok(present)
    }

    /// The project's containers that run now.
    pub(super) async fn running(&self) -> Result<Vec<ObservedContainer>, DataError> {
        let observed = self.engine.observe(&self.stack.project, &[]).await?;
        let containers = observed.containers.into_iter();
        Ok(containers.filter(ObservedContainer::is_running).collect())
    }

    pub(super) fn journal(&self) -> Journal {
        Journal::of(self.shelf.directory(), self.stack.project.as_str())
    }
}
