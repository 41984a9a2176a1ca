//! What a change of a file does to a service (Compose's `develop.watch`).

use std::path::PathBuf;

use super::Hook;

/// What is done when a watched file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchAction {
    /// Copy the files into the container.
    Sync {
        /// Absolute directory in the container.
        target: String,
    },
    /// Restart the service.
    Restart,
    /// Build the image anew and recreate the container.
    Rebuild,
    /// Copy, then restart.
    SyncRestart {
        /// Absolute directory in the container.
        target: String,
    },
    /// Copy, then run a command in the container.
    SyncExec {
        /// Absolute directory in the container.
        target: String,
        /// The command.
        exec: Hook,
    },
}

/// Whether changes of a service's files do anything (`x-jobsprint.watch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watching {
    /// By its rules; without any, a change in a bind-mounted source restarts it.
    #[default]
    On,
    /// Nothing happens.
    Off,
}

/// One rule of `develop.watch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRule {
    /// Absolute path of the watched file or directory.
    pub path: PathBuf,
    /// What a change does.
    pub action: WatchAction,
    /// Patterns left aside, relative to `path`, in `.dockerignore` syntax.
    pub ignore: Vec<String>,
    /// Patterns that alone count, relative to `path`; empty for all.
    pub include: Vec<String>,
    /// Whether the files are copied once at the start.
    pub initial_sync: bool,
}
