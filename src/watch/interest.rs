//! One place of the disk in which somebody takes an interest, and for what.

use std::fmt;
use std::path::{Path, PathBuf};

use super::ignored::{Ignored, Reason};
use crate::domain::{ServiceName, WatchAction};

/// What a change means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A rule of the service's `develop.watch`.
    Rule {
        /// The service.
        service: ServiceName,
        /// What the rule does.
        action: WatchAction,
        /// Whether its files are copied at the start.
        initial_sync: bool,
    },
    /// A directory mounted into a service that has no rule.
    MountedDirectory {
        /// The service.
        service: ServiceName,
    },
    /// A file mounted into a service that has no rule.
    MountedFile {
        /// The service.
        service: ServiceName,
    },
    /// What a service's image is made by: its Dockerfile.
    Recipe {
        /// The service.
        service: ServiceName,
    },
    /// What a service's image installs: a package manager's manifest or lock file.
    Packages {
        /// The service.
        service: ServiceName,
    },
    /// The files that say what should run.
    Model,
    /// Migrations of a service.
    Migrations {
        /// The service.
        service: ServiceName,
    },
    /// Input of a service's seed command.
    Seed {
        /// The service.
        service: ServiceName,
    },
    /// Seed files of the stack's database.
    SeedFiles,
}

impl Purpose {
    /// The service that it is about, where it is one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Rule { service, .. }
            | Self::MountedDirectory { service }
            | Self::MountedFile { service }
            | Self::Recipe { service }
            | Self::Packages { service }
            | Self::Migrations { service }
            | Self::Seed { service } => Some(service),
            Self::Model | Self::SeedFiles => None,
        }
    }
}

impl fmt::Display for Purpose {
    /// What a change does, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule {
                service, action, ..
            } => match action {
                WatchAction::Sync { target } => {
                    write!(f, "{service}: sync to {target}, by its rule")
                }
                WatchAction::Restart => write!(f, "{service}: restart, by its rule"),
                WatchAction::Rebuild => write!(f, "{service}: rebuild, by its rule"),
                WatchAction::SyncRestart { target } => {
                    write!(f, "{service}: sync to {target} and restart, by its rule")
                }
                WatchAction::SyncExec { target, exec } => write!(
                    f,
                    "{service}: sync to {target} and run `{}`, by its rule",
                    exec.command.join(" ")
                ),
            },
            Self::MountedDirectory { service } => {
                write!(f, "{service}: restart, since the directory is mounted")
            }
            Self::MountedFile { service } => {
                write!(f, "{service}: restart, since the file is mounted")
            }
            Self::Recipe { service } => {
                write!(f, "{service}: rebuild, since its image is made by it")
            }
            Self::Packages { service } => {
                write!(f, "{service}: rebuild, since its image installs from it")
            }
            Self::Model => f.write_str("the project: read the files again, and converge"),
            Self::Migrations { service } => write!(f, "{service}: run the migrations that are due"),
            Self::Seed { service } => write!(f, "{service}: run its seed command where it is due"),
            Self::SeedFiles => f.write_str("the database: apply the seeds that are due"),
        }
    }
}

/// An interest in a file or directory.
#[derive(Debug, Clone)]
pub struct Interest {
    /// The file or directory, absolute.
    pub root: PathBuf,
    /// What a change there means.
    pub purpose: Purpose,
    /// What is left aside below the root.
    pub ignored: Ignored,
}

/// What an interest says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It lies elsewhere.
    Elsewhere,
    /// It is left aside.
    LeftAside(Reason),
    /// A change of it counts.
    Counts,
}

impl Interest {
    /// What it says of the file at `path`.
    #[must_use]
    pub fn on(&self, path: &Path) -> Word {
        if !path.starts_with(&self.root) {
            return Word::Elsewhere;
        }
        match self.ignored.why(path) {
            Some(reason) => Word::LeftAside(reason),
            None => Word::Counts,
        }
    }

    /// Whether the directory at `path` may hold something that counts.
    #[must_use]
    pub fn reaches_into(&self, path: &Path) -> bool {
        path.starts_with(&self.root) && !self.ignored.prunes(path)
    }

    /// Where a file below the root lies in the container, for rules that copy.
    #[must_use]
    pub fn target(&self, path: &Path) -> Option<String> {
        let Purpose::Rule { action, .. } = &self.purpose else {
            return None;
        };
        let target = action.target()?;
        let below = path.strip_prefix(&self.root).ok()?;
        let target = target.trim_end_matches('/');
        Some(if below.as_os_str().is_empty() {
            target.to_owned()
        } else {
            format!("{target}/{}", below.display())
        })
    }
}
