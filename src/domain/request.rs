//! What a person asked for, translated from the command line once.

use std::path::PathBuf;
use std::time::Duration;

/// How the tool speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputMode {
    /// `tty` on a terminal, else `plain`.
    #[default]
    Auto,
    /// One line a service, redrawn.
    Tty,
    /// One line a change.
    Plain,
    /// One JSON event a line.
    Json,
    /// Errors alone.
    Quiet,
}

/// Where the project is and which part of it is meant: the options that every verb shares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// `-f`: Compose files, in merge order; empty to search for them.
    pub files: Vec<PathBuf>,
    /// `-p`: the project's name.
    pub project: Option<String>,
    /// `--project-directory`.
    pub directory: Option<PathBuf>,
    /// `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// The services named; empty for all.
    pub services: Vec<String>,
    /// `--output`.
    pub output: OutputMode,
}

/// Whether the person already said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Ask on a terminal; elsewhere take it for a no.
    #[default]
    Ask,
    /// `--yes`.
    Given,
}

/// Whether a phase is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Do it.
    #[default]
    Do,
    /// Leave it out.
    Skip,
}

/// Whether the plan is carried out or only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Run {
    /// Carry it out.
    #[default]
    Real,
    /// `--dry-run`: print the plan.
    Dry,
}

/// What happens to volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VolumeFate {
    /// They stay.
    #[default]
    Keep,
    /// They go.
    Remove,
}

/// `setup` and `up`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// The project.
    pub scope: Scope,
    /// `--yes`.
    pub consent: Consent,
    /// `--dry-run`.
    pub run: Run,
    /// `--no-migrate`.
    pub migrate: Phase,
    /// `--no-seed`.
    pub seed: Phase,
    /// `--timeout`: a hard limit for the whole.
    pub timeout: Option<Duration>,
    /// `--report`: print the startup report.
    pub report: Phase,
    /// `--rollback`: take down what was started when something fails.
    pub rollback: Phase,
    /// `--remove-orphans`.
    pub orphans: Phase,
}

/// `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logs {
    /// The project.
    pub scope: Scope,
    /// `-f`: go on as lines come.
    pub follow: bool,
    /// `--tail`: only the last lines.
    pub tail: Option<u64>,
    /// `--since`: seconds since the epoch.
    pub since: Option<i64>,
}
