//! What a change of a file does to a service (Compose's `develop.watch`).

use std::path::PathBuf;
use std::time::Duration;

use super::{Consent, Hook, Phase, Scope};

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

impl WatchAction {
    /// The directory of the container that files are copied to, where they are.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Sync { target }
            | Self::SyncRestart { target }
            | Self::SyncExec { target, .. } => Some(target),
            Self::Restart | Self::Rebuild => None,
        }
    }
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

/// What `watch` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WatchVerb {
    /// Watches here, until interrupted.
    #[default]
    Here,
    /// Watches in the background.
    Detached,
    /// Tells what a change of this path would do.
    Explain(PathBuf),
    /// Tells whether somebody watches, and how long changes took.
    Status,
    /// Ends the watcher that runs.
    Stop,
    /// Shows what the watcher in the background said.
    Logs,
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notice {
    /// By the system's notices, while they prove true.
    #[default]
    Told,
    /// `--poll`: by looking.
    Polled,
}

/// What happens to the stack when the watcher ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Afterwards {
    /// It stays up.
    #[default]
    Up,
    /// `--down`: its containers are stopped and removed.
    Down,
}

/// `watch`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchRequest {
    /// The project; the services named are watched, and those that they depend on are brought up.
    pub scope: Scope,
    /// What to do.
    pub verb: WatchVerb,
    /// Whether the services' logs are shown.
    pub logs: Phase,
    /// Whether new migrations and seeds run, or are only told of.
    pub migrate: Phase,
    /// How changes are noticed.
    pub notice: Notice,
    /// The quiet time after a change that may go on (`--settle`); `None` for the tool's own.
    pub quiet: Option<Duration>,
    /// The longest time that changes are gathered (`--max-wait`); `None` for the tool's own.
    pub longest: Option<Duration>,
    /// What happens to the stack at the end.
    pub afterwards: Afterwards,
    /// `--yes`.
    pub consent: Consent,
}
