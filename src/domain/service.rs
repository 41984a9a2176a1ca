//! A service of the stack: what runs, from what, after whom, and how it is known to be ready.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    ContainerSettings, ImageSource, Mount, MountSource, Readiness, ServiceName, WatchAction,
    WatchRule, Watching,
};

/// Whether a service keeps data or serves people; data services start first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Role {
    /// A database, cache or broker.
    Data,
    /// Anything else.
    #[default]
    App,
}

/// What must be true of a dependency before its dependent starts (Compose's `condition`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// Its container was started.
    #[default]
    Started,
    /// It is ready, by its own probe.
    Healthy,
    /// It ran to its end with exit code 0.
    Completed,
}

/// Whether the stack can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Necessity {
    /// A failure is a failure of the whole.
    #[default]
    Required,
    /// A failure is told, and the rest goes on.
    Optional,
}

/// What a dependency's restart does to the dependent (`depends_on.restart`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRestart {
    /// Nothing.
    #[default]
    Stay,
    /// It restarts too.
    Follow,
}

/// One entry of `depends_on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dependency {
    /// What is waited for.
    pub condition: Condition,
    /// Whether the dependency may be missing or fail (`required: false`).
    pub necessity: Necessity,
    /// What its restart does.
    pub on_restart: OnRestart,
}

/// How a running service is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplaceMode {
    /// Its process alone, under the tool's supervisor as PID 1.
    Process,
    /// Its container.
    #[default]
    Container,
}

/// A command run inside a container at a point of its life.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hook {
    /// The command.
    pub command: Vec<String>,
    /// The user; `None` for the container's.
    pub user: Option<String>,
    /// The working directory; `None` for the container's.
    pub working_dir: Option<String>,
    /// Further environment variables.
    pub environment: super::Environment,
    /// Whether it has all capabilities.
    pub privileged: bool,
}

/// Whose a service's container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// The stack's own.
    #[default]
    Own,
    /// One that stacks share: this one has a part of its data, and neither makes nor removes it.
    Shared,
}

/// A service's migrations (`x-jobsprint.migrate`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migrate {
    /// The service's own command, run in its container.
    Command {
        /// The command.
        run: Vec<String>,
        /// Absolute files and directories whose content decides whether it is due.
        inputs: Vec<PathBuf>,
    },
    /// The absolute directory of `NNN_name.sql` files, which the tool runs in the stack's database.
    Directory(PathBuf),
}

impl Migrate {
    /// The absolute files and directories that decide whether it is due.
    #[must_use]
    pub fn inputs(&self) -> &[PathBuf] {
        match self {
            Self::Command { inputs, .. } => inputs,
            Self::Directory(directory) => std::slice::from_ref(directory),
        }
    }
}

/// A service's own seed command (`x-jobsprint.seed`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedCommand {
    /// The command.
    pub run: Vec<String>,
    /// Absolute files and directories whose content decides whether it is due.
    pub inputs: Vec<PathBuf>,
}

/// A service, checked: every name it mentions exists, every path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Data or app (`x-jobsprint.role`).
    pub role: Role,
    /// Its image.
    pub image: ImageSource,
    /// What the engine applies.
    pub container: ContainerSettings,
    /// Whose its container is.
    pub home: Home,
    /// A name for the container other than `{project}-{service}-{n}`.
    pub container_name: Option<String>,
    /// How many containers.
    pub replicas: u32,
    /// What it waits for. Where the file names nothing and the service is an app: every data service, ready.
    pub depends_on: BTreeMap<ServiceName, Dependency>,
    /// How it is known to be ready (`x-jobsprint.ready`; else its healthcheck; else started).
    pub ready: Readiness,
    /// How a file change restarts it (`x-jobsprint.restart`).
    pub replace: ReplaceMode,
    /// Time between SIGTERM and SIGKILL of a restart in place (`x-jobsprint.grace`).
    pub grace: Duration,
    /// Its migrations.
    pub migrate: Option<Migrate>,
    /// Its seed command.
    pub seed: Option<SeedCommand>,
    /// The URL a person opens (`x-jobsprint.url`).
    pub url: Option<String>,
    /// Whether the stack can do without (`x-jobsprint.optional`).
    pub necessity: Necessity,
    /// File-change rules.
    pub watch: Vec<WatchRule>,
    /// Whether file changes do anything (`x-jobsprint.watch`).
    pub watching: Watching,
    /// A command that must pass before a restart (`x-jobsprint.check`); `{files}` stands for the changed files, `{file}` for each in a run of its own.
    pub check: Option<Vec<String>>,
    /// Profiles that enable it; empty for always.
    pub profiles: Vec<String>,
    /// Run in the container after each start.
    pub post_start: Vec<Hook>,
    /// Run in the container before each stop.
    pub pre_stop: Vec<Hook>,
    /// Whether its logs are followed by `up` and `watch` (`attach`).
    pub attach: bool,
}

impl Service {
    /// A service of this name and image with every setting left at its default.
    #[must_use]
    pub fn new(name: ServiceName, image: ImageSource) -> Self {
        Self {
            name,
            role: Role::default(),
            image,
            container: ContainerSettings::default(),
            home: Home::default(),
            container_name: None,
            replicas: 1,
            depends_on: BTreeMap::new(),
            ready: Readiness::default(),
            replace: ReplaceMode::default(),
            grace: Duration::from_secs(2),
            migrate: None,
            seed: None,
            url: None,
            necessity: Necessity::default(),
            watch: Vec::new(),
            watching: Watching::default(),
            check: None,
            profiles: Vec::new(),
            post_start: Vec::new(),
            pre_stop: Vec::new(),
            attach: true,
        }
    }

    /// Whether its command runs under the tool's supervisor, where its image has a shell for it.
    ///
    /// The supervisor must be PID 1, and a terminal would not follow the command into its own session.
    #[must_use]
    pub fn is_supervised(&self) -> bool {
        self.replace == ReplaceMode::Process && !self.container.tty && self.container.pid.is_none()
    }

    /// Whether a change of its files may restart it: by a rule, or, without any, by a mount of the host's files.
    #[must_use]
    pub fn restarts_on_change(&self) -> bool {
        let restarts = |rule: &WatchRule| {
            matches!(
                rule.action,
                WatchAction::Restart | WatchAction::SyncRestart { .. }
            )
        };
        let is_bind = |mount: &Mount| matches!(mount.source, MountSource::Bind { .. });
        if self.watching == Watching::Off {
            false
        } else if self.watch.is_empty() {
            self.role == Role::App && self.container.mounts.iter().any(is_bind)
        } else {
            self.watch.iter().any(restarts)
        }
    }
}
