//! The most memory that each service was seen to take: noted after starts, and compared by `doctor` with what the engine has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::project::Project;
use crate::domain::{Observed, ObservedContainer, ServiceName};
use crate::engine::Engine;
use crate::store::{BrokenRecord, StateDir, read_record, write_record};

/// Where it is noted, in the project's state.
const FILE: &str = "memory.json";
/// The version of that file.
const VERSION: u32 = 1;
/// How long the engine may take to tell: a start isn't held up. One answer takes it some 20 ms of a core.
const PATIENCE: Duration = Duration::from_millis(200);
/// So many are asked for at once.
const AT_ONCE: usize = 8;

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

    /// Looks at what runs and notes what grew, first of all of services that nothing is noted of: of many, some wait for the
    /// next start. What can't be learnt or written fails nobody's start.
    pub async fn note(project: &Project, engine: &dyn Engine, observed: &Observed) {
        let mut noted = Self::read(&project.root).ok().flatten().unwrap_or_default();
        let before = noted.clone();
        noted.version = VERSION;
        let mut running: Vec<&ObservedContainer> = observed
            .containers
            .iter()
            .filter(|found| found.is_running())
            .collect();
        running.sort_by_key(|found| before.services.contains_key(found.service.as_str()));
        let asked = running.into_iter().map(|found| async {
            let usage = engine.usage(&found.id).await;
            Some((found.service.to_string(), usage.ok()?.memory))
        });
        let told: Vec<_> = stream::iter(asked)
            .buffer_unordered(AT_ONCE)
            .take_until(sleep(PATIENCE))
            .collect()
            .await;
        for (service, bytes) in told.into_iter().flatten() {
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
