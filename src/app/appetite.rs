//! The most memory that each service was seen to take: noted after starts, and compared by `doctor` with what the engine has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::project::Project;
use crate::domain::{Observed, ServiceName};
use crate::engine::Engine;
use crate::store::{BrokenRecord, StateDir, read_record, write_record};

/// Where it is noted, in the project's state.
const FILE: &str = "memory.json";
/// The version of that file.
const VERSION: u32 = 1;
/// How long the engine may take to tell. It answers at once but where it has much to do.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most that each service took, in bytes of one container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Appetites {
    version: u32,
    services: BTreeMap<String, u64>,
}

impl Appetites {
    /// What is noted at `root`.
    ///
    /// # Errors
    /// Why it can't be read: it is noted anew after the next start, and nobody needs to be told before.
    pub fn read(root: &Path) -> Result<Option<Self>, BrokenRecord> {
        read_record(&StateDir::of(root).path().join(FILE), VERSION)
    }

    /// By service.
    pub fn services(&self) -> &BTreeMap<String, u64> {
        &self.services
    }

    /// Looks at what runs and notes what grew. What can't be learnt or written fails nobody's start.
    pub async fn note(project: &Project, engine: &dyn Engine, observed: &Observed) {
        let running = observed
            .containers
            .iter()
            .filter(|found| found.is_running());
        let asked = running.map(|found| async {
            let usage = timeout(PATIENCE, engine.usage(&found.id)).await;
            Some((found.service.to_string(), usage.ok()?.ok()?.memory))
        });
        let mut noted = Self::read(&project.root).ok().flatten().unwrap_or_default();
        let before = noted.clone();
        noted.version = VERSION;
        for (service, bytes) in join_all(asked).await.into_iter().flatten() {
            let most = noted.services.entry(service).or_default();
            *most = bytes.max(*most);
        }
        let known: Vec<&str> = project
            .stack
            .services
            .keys()
            .map(ServiceName::as_str)
            .collect();
        noted
            .services
            .retain(|service, _| known.contains(&service.as_str()));
        if noted != before {
            noted.keep(&project.root);
        }
    }

    fn keep(&self, root: &Path) {
        if let Ok(state) = StateDir::of(root).directory("") {
            write_record(&state.join(FILE), VERSION, self).ok();
        }
    }
}
