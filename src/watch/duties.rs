//! What a batch of changed files asks for, service by service.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::change::Presence;
use super::interest::{Interest, Purpose};
use super::work::{Errand, Replacement, Work};
use crate::domain::{ServiceName, WatchAction};

/// All that a batch asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Duties {
    /// What is done to services' running code.
    pub services: BTreeMap<ServiceName, Work>,
    /// Files that say what should run, or what is watched: they are read again.
    pub model: BTreeSet<PathBuf>,
    /// Seed files of the database.
    pub seed_files: BTreeSet<PathBuf>,
}

impl Duties {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what `interest` asks for on account of `path`.
    pub(super) fn add(
        &mut self,
        interest: &Interest,
        path: &Path,
        presence: Presence,
        (began, settled): (Instant, Instant),
    ) {
        let path = path.to_owned();
        match &interest.purpose {
            Purpose::Model => drop(self.model.insert(path)),
            Purpose::SeedFiles => drop(self.seed_files.insert(path)),
            Purpose::Migrations { service }
            | Purpose::Seed { service }
            | Purpose::Rule { service, .. }
            | Purpose::MountedDirectory { service }
            | Purpose::MountedFile { service }
            | Purpose::Recipe { service }
            | Purpose::Packages { service } => {
                let work = self
                    .services
                    .entry(service.clone())
                    .or_insert_with(|| Work::new(began, settled));
                work.absorb(asked(interest, &path, presence, began, settled));
            }
        }
    }
}

/// What one file asks for by one interest.
fn asked(
    interest: &Interest,
    path: &Path,
    presence: Presence,
    began: Instant,
    settled: Instant,
) -> Work {
    let mut work = Work::new(began, settled);
    work.files.insert(path.to_owned());
    if let Some(target) = interest.target(path) {
        match presence {
            Presence::Present => drop(work.copies.insert(target, path.to_owned())),
            Presence::Gone => drop(work.deletions.insert(target)),
        }
    }
    work.replacement = match &interest.purpose {
        Purpose::Rule { action, .. } => match action {
            WatchAction::Sync { .. } => Replacement::Keep,
            WatchAction::SyncExec { exec, .. } => {
                work.add_hook(exec.clone());
                Replacement::Keep
            }
            WatchAction::Restart | WatchAction::SyncRestart { .. } => Replacement::Restart,
            WatchAction::Rebuild if is_manifest(path) => Replacement::RebuildAndRenew,
            WatchAction::Rebuild => Replacement::Rebuild,
        },
        Purpose::MountedFile { .. } => Replacement::RestartContainer,
        Purpose::Recipe { .. } => Replacement::Rebuild,
        Purpose::Packages { .. } => Replacement::RebuildAndRenew,
        Purpose::Migrations { .. } => {
            work.errands.insert(Errand::Migrate);
            Replacement::Keep
        }
        Purpose::Seed { .. } => {
            work.errands.insert(Errand::Seed);
            Replacement::Keep
        }
        Purpose::MountedDirectory { .. } => Replacement::Restart,
        Purpose::Model | Purpose::SeedFiles => Replacement::Keep,
    };
    work
}

/// The files by which a package manager knows what `node_modules` holds.
pub(super) const MANIFESTS: [&str; 5] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
];

fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| MANIFESTS.contains(&name))
}
