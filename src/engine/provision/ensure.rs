//! Brings an engine up, says how it stands, and stops the one that the tool started.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::packages::{PackageError, install};
use super::{Daemon, Machine, Obstacle, Privilege, Remedy, Stopped, remedy};
use crate::domain::{Consent, Failure, FailureKind};
use crate::engine::{Absence, Engine, EngineFacts, Surroundings, connect};
use crate::event::{Event, Events};

/// The distribution's engine package.
const PACKAGE: &str = "docker.io";
/// How long an engine may take from its start to its first answer.
const BOOT: Duration = Duration::from_mins(1);
/// How many lines of its log are shown where it ends at once.
const SHOWN: usize = 10;

/// How the engine stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineStatus {
    /// It runs.
    Running {
        /// Who it is.
        facts: EngineFacts,
        /// Its process id, where this tool started it.
        ours: Option<i32>,
    },
    /// It is absent.
    Absent(Absence),
}

/// Why no engine could be brought up.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The tool can't mend it.
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// Nobody said yes.
    #[error("{absence}, and {} needs your consent", .wanted)]
    NoConsent {
        /// What was found.
        absence: Absence,
        /// What would be done.
        wanted: &'static str,
    },
    /// The package can't be installed.
    #[error(transparent)]
    Packages(#[from] PackageError),
    /// It can't be started or stopped.
    #[error("cannot {what} the container engine: {reason}")]
    Process {
        /// `start` or `stop`.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// It was started, and doesn't answer.
    #[error("the container engine was started and does not answer: {absence}")]
    Mute {
        /// How it is absent.
        absence: Absence,
        /// The last lines of its log.
        log: Vec<String>,
    },
}

impl ProvisionError {
    /// The error as it is shown.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(FailureKind::Engine, self.to_string());
        match self {
            Self::Obstacle(Obstacle::Absence(absence)) => absence.into_failure(),
            Self::Obstacle(Obstacle::UnknownDistribution) => {
                failure.hint("install Docker or Podman as your distribution says, then run again")
            }
            Self::Obstacle(Obstacle::NoPrivilege) => failure.hint("run this command with `sudo`"),
            Self::NoConsent { .. } => {
                failure.hint("say yes with `jobsprint-dev engine ensure --yes`")
            }
            Self::Packages(error) => failure.details(error.output().to_vec()).hint(format!(
                "install it by hand with `sudo apt-get install {PACKAGE}`"
            )),
            Self::Process { .. } => {
                failure.hint("see how it stands with `jobsprint-dev engine status`")
            }
            Self::Mute { absence, log } => {
                let mut failure = failure.details(log);
                failure.hints = absence.hints();
                failure
            }
        }
    }
}

/// How the engine stands.
pub async fn status(surroundings: &Surroundings) -> EngineStatus {
    match connect(surroundings).await {
        Ok(engine) => match engine.facts().await {
            Ok(facts) => EngineStatus::Running {
                facts,
                ours: Daemon::default().process(),
            },
            Err(_) => EngineStatus::Absent(Absence::NotRunning),
        },
        Err(absence) => EngineStatus::Absent(absence),
    }
}

/// The engine, installed and started where that takes it and `consent` is given.
///
/// # Errors
/// [`ProvisionError`] where it can't be brought up.
pub async fn ensure(
    surroundings: &Surroundings,
    consent: Consent,
    events: &Events,
) -> Result<Arc<dyn Engine>, ProvisionError> {
    let absence = match connect(surroundings).await {
        Ok(engine) => return Ok(engine),
        Err(absence) => absence,
    };
    let machine = Machine::this().await;
    let steps = remedy(absence.clone(), machine)?;
    if consent != Consent::Given {
        let wanted = match steps.first() {
            Some(Remedy::Install) => "installing it",
            _ => "starting it",
        };
        return Err(ProvisionError::NoConsent { absence, wanted });
    }
    let daemon = Daemon::default();
    for step in &steps {
        take(*step, &daemon, machine.privilege, surroundings, events).await?;
    }
    answer(surroundings, &daemon, &steps).await
}

/// Stops the engine that this tool started, and no other.
///
/// # Errors
/// [`ProvisionError::Process`] where it doesn't end.
pub async fn stop() -> Result<Stopped, ProvisionError> {
    let privilege = Privilege::of_this_process().await;
    Daemon::default()
        .stop(privilege)
        .await
        .map_err(|error| process("stop", &error))
}

async fn take(
    step: Remedy,
    daemon: &Daemon,
    privilege: Privilege,
    surroundings: &Surroundings,
    events: &Events,
) -> Result<(), ProvisionError> {
    let tell = |doing: String| events.tell(Event::EngineProgress { doing });
    match step {
        Remedy::Install => {
            tell(format!("installing `{PACKAGE}`"));
            install(&[PACKAGE], Consent::Given, events).await?;
            Ok(())
        }
        // The package may have started it already.
        _ if connect(surroundings).await.is_ok() => Ok(()),
        Remedy::StartService => {
            tell("starting the engine with `systemctl start docker`".to_owned());
            privilege.unlock().await;
            let mut command = privilege.command("systemctl");
            let started = command
                .args(["start", "docker"])
                .stdin(Stdio::null())
                .output();
            let started = started.await.map_err(|error| process("start", &error))?;
            if started.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&started.stderr);
            Err(process("start", &io::Error::other(said.trim().to_owned())))
        }
        Remedy::StartDaemon => {
            tell(format!(
                "starting the engine in the background; its log is {}, its process id in {}",
                daemon.log().display(),
                daemon.note().display()
            ));
            privilege.unlock().await;
            let started = daemon.start(privilege).await;
            started.map_err(|error| process("start", &error))
        }
    }
}

fn process(what: &'static str, error: &io::Error) -> ProvisionError {
    ProvisionError::Process {
        what,
        reason: error.to_string(),
    }
}

/// Waits for the first answer; a daemon that ends before it is told with its log.
async fn answer(
    surroundings: &Surroundings,
    daemon: &Daemon,
    steps: &[Remedy],
) -> Result<Arc<dyn Engine>, ProvisionError> {
    let began = Instant::now();
    loop {
        let absence = match connect(surroundings).await {
            Ok(engine) => return Ok(engine),
            Err(absence) => absence,
        };
        let is_ours = steps.contains(&Remedy::StartDaemon);
        let has_ended = is_ours && daemon.process().is_none();
        let refuses_us = matches!(absence, Absence::NoPermission { .. });
        if has_ended || refuses_us || began.elapsed() > BOOT {
            let log = if is_ours {
                daemon.last_lines(SHOWN)
            } else {
                Vec::new()
            };
            return Err(ProvisionError::Mute { absence, log });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
