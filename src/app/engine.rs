//! `engine`, and the way to an engine for every other verb.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinHandle;

use super::question::{self, Person};
use super::session::Session;
use crate::domain::{BaseImage, Consent, EngineRequest, EngineVerb, Failure, Stack};
use crate::engine::{
    self, Absence, Daemon, Engine, EngineFacts, EngineStatus, ProvisionError, Stopped,
    Surroundings, connect, is_installed,
};
use crate::event::Event;
use crate::report::{self, Mode};

/// What bootstraps a base image.
const BOOTSTRAP: &str = "mmdebstrap";

/// The engine that answers.
///
/// # Errors
/// Why none does, with what mends it.
pub(super) async fn reach(session: &Session) -> Result<Arc<dyn Engine>, Failure> {
    seek(session).await.map_err(Absence::into_failure)
}

/// The engine that answers, looked for while the caller does something else.
pub(super) fn begin_to_reach(session: &Session) -> JoinHandle<Result<Arc<dyn Engine>, Absence>> {
    let around = around(session);
    tokio::spawn(async move { connect(&around).await })
}

/// The engine that answers; `None` where this machine has none that runs, so that nothing of the project can run either.
///
/// # Errors
/// Where an engine may run, and doesn't answer us.
pub(super) async fn running(session: &Session) -> Result<Option<Arc<dyn Engine>>, Failure> {
    match seek(session).await {
        Ok(engine) => Ok(Some(engine)),
        Err(Absence::NotInstalled | Absence::NotRunning) => Ok(None),
        Err(absence) => Err(absence.into_failure()),
    }
}

/// The engine that answers, or which way it is absent.
///
/// # Errors
/// [`Absence`] where none answers.
pub(super) async fn seek(session: &Session) -> Result<Arc<dyn Engine>, Absence> {
    connect(&around(session)).await
}

/// The engine that answers, after seeing to it that one does; asks before anything is installed or started.
///
/// # Errors
/// Why none does, with what mends it.
pub(super) async fn ensure(
    session: &Session,
    consent: Consent,
) -> Result<Arc<dyn Engine>, Failure> {
    let around = around(session);
    let ensured = match engine::ensure(&around, consent, &session.events).await {
        Err(ProvisionError::NoConsent { absence, wanted }) => {
            let question = format!("{absence}: go on with {wanted}?");
            if question::confirm(session, consent, &question)? {
                engine::ensure(&around, Consent::Given, &session.events).await
            } else {
                Err(ProvisionError::NoConsent { absence, wanted })
            }
        }
        ensured => ensured,
    };
    ensured.map_err(ProvisionError::into_failure)
}

/// Whether packages may be installed that making a base image of `stack` needs; asks only where it may come to that.
///
/// # Errors
/// Where the question is not answered.
pub(super) async fn bootstrap_consent(
    person: Option<Person<'_>>,
    stack: &Stack,
    engine: &dyn Engine,
    consent: Consent,
) -> Result<Consent, Failure> {
    if consent == Consent::Given || is_installed(BOOTSTRAP) {
        return Ok(Consent::Given);
    }
    for (image, base) in &stack.bases {
        let is_bootstrapped = matches!(base, BaseImage::Bootstrap { .. });
        // An engine that doesn't answer is told of by the first step that needs it.
        if is_bootstrapped && matches!(engine.image(image).await, Ok(None)) {
            let question =
                format!("Install `{BOOTSTRAP}`, to make `{image}` where no registry has it?");
            let agreed = person.map_or(Ok(false), |person| person.confirm(&question));
            return Ok(if agreed? {
                Consent::Given
            } else {
                Consent::Ask
            });
        }
    }
    Ok(Consent::Ask)
}

/// `engine status|ensure|stop`.
///
/// # Errors
/// Why no engine answers, or why ours can't be stopped.
pub(super) async fn run(session: &mut Session, request: EngineRequest) -> Result<u8, Failure> {
    match request.verb {
        EngineVerb::Status => match engine::status(&around(session)).await {
            EngineStatus::Running { facts, ours } => tell(session, &facts, ours),
            EngineStatus::Absent(absence) => return Err(absence.into_failure()),
        },
        EngineVerb::Ensure => {
            ensure(session, request.consent).await?;
            match engine::status(&around(session)).await {
                EngineStatus::Running { facts, ours } => tell(session, &facts, ours),
                EngineStatus::Absent(absence) => return Err(absence.into_failure()),
            }
        }
        EngineVerb::Stop => {
            let stopped = engine::stop().await.map_err(ProvisionError::into_failure)?;
            let text = match stopped {
                Stopped::Ended => "the engine that this tool started has stopped",
                Stopped::NotOurs => {
                    "no engine that this tool started is running; others are left alone"
                }
            };
            let text = text.to_owned();
            session.events.tell(Event::Notice { text });
        }
    }
    Ok(0)
}

fn tell(session: &Session, facts: &EngineFacts, ours: Option<i32>) {
    let (major, minor) = facts.api;
    let text = if session.manner.mode == Mode::Json {
        json!({
            "schema": 1,
            "address": facts.address,
            "version": facts.version,
            "api": format!("{major}.{minor}"),
            "platform": facts.platform,
            "started_here": ours.is_some(),
            "pid": ours,
        })
        .to_string()
    } else {
        let started = ours.map_or_else(String::new, |pid| {
            let log = Daemon::default().log();
            format!("\nstarted by this tool (pid {pid}, log {})", log.display())
        });
        format!(
            "engine {} (API {major}.{minor}, {}) at {}{started}",
            facts.version, facts.platform, facts.address
        )
    };
    report::print(&(text + "\n"));
}

fn around(session: &Session) -> Surroundings {
    Surroundings::read(|name| session.environment.get(name).cloned())
}
