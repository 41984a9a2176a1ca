//! What a person asked of `ci` and `stacks`.

use std::path::PathBuf;
use std::time::Duration;

use super::{BuildImages, Consent, OutputMode, Phase, ProjectName, Scope};

/// What happens to a disposable stack once its command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// It is removed, whatever happened.
    #[default]
    Never,
    /// It stays where the command or the set-up failed.
    OnFailure,
    /// It stays.
    Always,
}

/// Whose stack a run gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// One of its own.
    #[default]
    Fresh,
    /// `--reuse`: the one that an earlier run of the checkout left, brought up to date; it stays for the next run.
    Left,
}

/// How far a run's stack is from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// It has all of its own.
    #[default]
    Full,
    /// Its stores are parts of ones that runs share.
    Tenant,
}

/// Which data of a disposable stack's stores is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InMemory {
    /// What there is enough memory for.
    #[default]
    WhereItFits,
    /// `--tmpfs-size`: each volume up to so many bytes.
    UpTo(u64),
    /// `--no-tmpfs`: nothing.
    Nothing,
}

/// Where `ci`'s command runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CommandPlace {
    /// On this machine.
    #[default]
    Host,
    /// `--in`: in the container of this service.
    Service(String),
}

/// `ci`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CiRequest {
    /// The project; its services are those of `--services`.
    pub scope: Scope,
    /// `--keep`.
    pub keep: Keep,
    /// `--timeout`: for the command.
    pub timeout: Option<Duration>,
    /// `--ready-timeout`: for all until the command starts.
    pub ready_timeout: Duration,
    /// `--artifacts`: where a failure's capsule goes; `None` for the project's `target/jobsprint-ci`.
    pub artifacts: Option<PathBuf>,
    /// `--junit`.
    pub junit: Option<PathBuf>,
    /// `--no-migrate`.
    pub migrate: Phase,
    /// `--no-seed`.
    pub seed: Phase,
    /// `--isolate`.
    pub isolation: Isolation,
    /// `--reuse`.
    pub reuse: Reuse,
    /// `--no-template`.
    pub template: Phase,
    /// `--tmpfs-size` and `--no-tmpfs`.
    pub memory: InMemory,
    /// `--build`.
    pub build: BuildImages,
    /// `--in`.
    pub place: CommandPlace,
    /// The command and its arguments.
    pub command: Vec<String>,
}

/// `ci replay`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayRequest {
    /// How to speak, and which project is at hand.
    pub scope: Scope,
    /// The capsule's directory.
    pub capsule: PathBuf,
    /// `--unpinned`: whether just that run's images are taken.
    pub images: Phase,
    /// `--ready-timeout`.
    pub ready_timeout: Duration,
    /// The command and its arguments; none for a look.
    pub command: Vec<String>,
}

/// Which stack goes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackRemoval {
    /// Its project.
    pub project: ProjectName,
    /// `--no-snapshot`: whether the data of one that somebody works with is kept first.
    pub keep: Phase,
    /// `--yes`.
    pub consent: Consent,
}

/// What `stacks` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StacksVerb {
    /// Tell of each.
    List,
    /// Remove those whose owner is gone.
    Gc,
    /// Remove one.
    Remove(StackRemoval),
    /// Stand by until the owner of this one is gone, then remove what it left: the tool's own use.
    Guard(ProjectName),
}

/// `stacks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StacksRequest {
    /// What to do.
    pub verb: StacksVerb,
    /// `--output`.
    pub output: OutputMode,
}
