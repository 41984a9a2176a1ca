//! What a person asked for, translated from the command line once.

use std::path::PathBuf;
use std::time::Duration;

use super::ProjectName;

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
    /// `--stack`: a further stack of the same files.
    pub stack: Option<ProjectName>,
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

/// Which of a stack's images are built anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildImages {
    /// Only missing ones.
    #[default]
    Missing,
    /// `--build`: all that have a recipe of their own.
    Anew,
}

/// Which containers are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recreation {
    /// Those that differ from the files.
    #[default]
    Changed,
    /// `--force-recreate`: all that are named.
    All,
}

/// What happens to containers of services that the files no longer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orphans {
    /// They stay, and are named.
    #[default]
    Keep,
    /// `--remove-orphans`: those that this project's files once made go.
    Remove,
}

/// What happens to what was started when something else fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It stays up for a look.
    #[default]
    Stay,
    /// `--rollback`: it is taken down again.
    Rollback,
}

/// What happens where a port is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Remap {
    /// Others are offered on a terminal; elsewhere it is a failure.
    #[default]
    Ask,
    /// `--remap-ports`: the next free ones are taken.
    Take,
}

/// Whether the startup report is printed at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// The summary alone.
    #[default]
    Summary,
    /// `--report`: the critical path too.
    Report,
}

/// Whether a run that went well says what to type next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guidance {
    /// It does.
    #[default]
    Given,
    /// It doesn't: it is only the beginning of something that goes on.
    Spared,
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
    /// Whether the startup report is printed.
    pub detail: Detail,
    /// What a failure does to the rest.
    pub on_failure: OnFailure,
    /// What happens to orphans.
    pub orphans: Orphans,
    /// Which images are built anew.
    pub build: BuildImages,
    /// Which containers are replaced.
    pub recreation: Recreation,
    /// What happens where a port is taken.
    pub remap: Remap,
    /// Whether it says what to type next.
    pub guidance: Guidance,
}

/// Whether a log is read to its present end, or on and on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// To its present end.
    #[default]
    No,
    /// `-f`: on, as lines come.
    Yes,
}

/// Whether sensitive values are masked in what services print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redaction {
    /// They are replaced by `***`.
    #[default]
    On,
    /// `--no-redact`.
    Off,
}

/// `report startup`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartupReport {
    /// The project.
    pub scope: Scope,
    /// `--picture`: the file that the waterfall is written to, `.svg` or `.html`.
    pub picture: Option<PathBuf>,
}

/// `logs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logs {
    /// The project.
    pub scope: Scope,
    /// Whether it goes on as lines come.
    pub follow: Follow,
    /// `--tail`: only the last lines.
    pub tail: Option<u64>,
    /// `--since`: only as far back.
    pub since: Option<Duration>,
    /// Whether sensitive values are masked.
    pub redaction: Redaction,
}

/// `down`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Down {
    /// The project.
    pub scope: Scope,
    /// `--volumes`.
    pub volumes: VolumeFate,
    /// `--no-snapshot`: whether the data is kept under a name before it goes.
    pub keep: Phase,
    /// `--yes`.
    pub consent: Consent,
    /// `--dry-run`.
    pub run: Run,
}

/// `stop` and `restart`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Halt {
    /// The project.
    pub scope: Scope,
    /// `--dry-run`.
    pub run: Run,
}

/// `exec`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exec {
    /// The project; its services are empty.
    pub scope: Scope,
    /// The service.
    pub service: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--workdir`.
    pub working_dir: Option<String>,
    /// `--env NAME=VALUE`.
    pub environment: Vec<(String, String)>,
    /// `--no-tty`.
    pub terminal: Phase,
}

/// What `engine` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineVerb {
    /// Tell what answers.
    Status,
    /// See that one answers, installing and starting it with consent.
    Ensure,
    /// Stop a daemon that the tool started.
    Stop,
}

/// `engine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineRequest {
    /// What to do.
    pub verb: EngineVerb,
    /// `--yes`.
    pub consent: Consent,
    /// `--output`.
    pub output: OutputMode,
}
