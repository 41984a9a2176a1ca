//! One watcher a project: a lock that dies with its holder, and what the watcher leaves on the disk for others to read.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::project::Project;
use crate::domain::{Failure, FailureKind, ServiceName};
use crate::run::ProjectLock;
use crate::store::{BrokenRecord, StateDir, StoreError, read_record, write_record};
use crate::watch::Figures;

/// Where a watcher keeps its state, below `.jobsprint/`.
const DIRECTORY: &str = "watch";
/// The version of the figures' file.
const VERSION: u32 = 1;

/// The watcher's place.
pub(super) struct Station {
    directory: PathBuf,
    _lock: ProjectLock,
}

impl Station {
    /// Takes the place, where nobody has it.
    ///
    /// # Errors
    /// Who watches already.
    pub async fn take(project: &Project) -> Result<Self, Failure> {
        let name = project.stack.project.as_str();
        let (told, heard) = oneshot::channel();
        let locks = project.locks();
        let lock = format!("{name}.watch");
        let taking = ProjectLock::take(&locks, &lock, |holder| {
            // Nobody waits for the word any more only where the lock was taken.
            told.send(holder).ok();
        });
        let lock = tokio::select! {
            biased;
            taken = taking => taken?,
            Ok(holder) = heard => {
                let who = holder.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                let message = format!("another watcher{who} is at work on `{name}`");
                return Err(Failure::new(FailureKind::Usage, message)
                    .hint("see what it does with `jobsprint-dev watch status`")
                    .hint("end it with `jobsprint-dev watch stop`"));
            }
        };
        let directory = project
            .state
            .directory(DIRECTORY)
            .map_err(|error| refused(&error))?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// The directory of its state.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps the figures for `watch status`. Nobody's save fails because they can't be kept.
    pub fn keep(&self, figures: &Figures) {
        let services: serde_json::Map<String, Value> = figures
            .all()
            .into_iter()
            .map(|(service, figure)| {
                let value = json!({
                    "changes": figure.count,
                    "p50_ms": millis(figure.p50),
                    "p95_ms": millis(figure.p95),
                });
                (service.to_string(), value)
            })
            .collect();
        let figures = json!({ "version": VERSION, "services": services });
        write_record(&figures_at(&self.directory), VERSION, &figures).ok();
    }

    /// Forgets the figures of a watcher before this one.
    pub fn clear(&self) {
        fs::remove_file(figures_at(&self.directory)).ok();
    }
}

fn figures_at(directory: &Path) -> PathBuf {
    directory.join("figures.json")
}

fn path(state: &StateDir) -> PathBuf {
    figures_at(&state.path().join(DIRECTORY))
}

/// Why the figures can't be read, where they can't: the next watcher begins with none.
pub(in crate::app) fn fault(state: &StateDir) -> Option<BrokenRecord> {
    read_record::<Value>(&path(state), VERSION).err()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The watcher's figures, service by service: changes, p50 and p95 in milliseconds.
pub(super) fn figures(state: &StateDir) -> Vec<(ServiceName, u64, u64, u64)> {
    let read: Result<Option<Value>, _> = read_record(&path(state), VERSION);
    let document = read.ok().flatten().unwrap_or_default();
    let services = document["services"].as_object().cloned();
    services
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, figure)| {
            let number = |key: &str| figure[key].as_u64();
            let name = ServiceName::new(name).ok()?;
            Some((
                name,
                number("changes")?,
                number("p50_ms")?,
                number("p95_ms")?,
            ))
        })
        .collect()
}

/// Where a watcher in the background writes what it says.
pub(super) fn log(state: &StateDir) -> Result<PathBuf, Failure> {
    let directory = state
        .directory(DIRECTORY)
        .map_err(|error| refused(&error))?;
    Ok(directory.join("watch.log"))
}

/// The process that watches, where one does.
pub(super) fn holder(project: &Project) -> Option<u32> {
    let name = format!("{}.watch.lock", project.stack.project);
    let path = project.locks().join(name);
    let file = File::open(&path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => fs::read_to_string(&path).ok()?.trim().parse().ok(),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn refused(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Project, error.to_string()).hint(error.hint())
}
