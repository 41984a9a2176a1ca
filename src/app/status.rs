//! `status`: what runs now, with each running service asked by its own probe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::project::{Completeness, Project};
use super::scene::{glance, look};
use super::session::Session;
use super::{engine, faults, up};
use crate::domain::{Failure, Observed, Scope, Service, ServiceName};
use crate::engine::{Engine, EngineFacts};
use crate::plan;
use crate::probe::{Prober, Target};
use crate::report::{self, Mode, Probed, Status};
use crate::supervise::readiness::Answer;

/// The longest that a probe may take before its service counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prints the state of the project's services.
pub(super) async fn run(session: &mut Session, scope: Scope) -> Result<u8, Failure> {
    let project = Project::load_to_look(session, &scope)?;
    let stack = &project.stack;
    if !scope.services.is_empty() {
        plan::select(stack, &scope.services).map_err(|error| up::unknown(&error))?;
    }
    let engine = engine::reach(session).await?;
    // Who names a project outright means just that one.
    let observed = match scope.project {
        Some(_) => glance(&project, &*engine).await?,
        None => look(&project, &*engine).await?,
    };
    let mut status = of(&project, &engine, &observed).await?;
    status.rows.retain(|row| {
        scope.services.is_empty()
            || scope
                .services
                .iter()
                .any(|name| name == row.service.as_str())
    });
    let text = if session.manner.mode == Mode::Json {
        status.json() + "\n"
    } else {
        status.text(SystemTime::now())
    };
    report::print(&text);
    Ok(0)
}

/// How the project's services stand, each asked by its own probe.
///
/// # Errors
/// Where the engine can't be looked at.
pub(super) async fn standing(
    project: &Project,
    engine: &Arc<dyn Engine>,
) -> Result<Status, Failure> {
    let observed = look(project, &**engine).await?;
    of(project, engine, &observed).await
}

async fn of(
    project: &Project,
    engine: &Arc<dyn Engine>,
    observed: &Observed,
) -> Result<Status, Failure> {
    let stack = &project.stack;
    let looking = |error| faults::at("look at the project", error);
    let facts = engine.facts().await.map_err(looking)?;
    // A login with a stand-in would be refused: what runs is all that can be told then.
    let asked: Vec<&Service> = match project.completeness {
        Completeness::Whole => stack.services.values().collect(),
        Completeness::StandIns => Vec::new(),
    };
    let probed = probed(engine, &facts, asked.into_iter(), observed).await;
    Ok(Status::of(stack, observed, &probed))
}

/// What the running services say of themselves.
async fn probed<'a>(
    engine: &Arc<dyn Engine>,
    facts: &EngineFacts,
    services: impl Iterator<Item = &'a Service>,
    observed: &Observed,
) -> BTreeMap<ServiceName, Probed> {
    let prober = Prober::new(Arc::clone(engine), facts.clone());
    let asked = services.flat_map(|service| {
        let prober = &prober;
        observed
            .of(&service.name)
            .filter(|found| found.is_running())
            .map(move |found| async move {
                let target = Target::of(engine.as_ref(), facts, service, found.clone()).await;
                let answer = tokio::time::timeout(PATIENCE, prober.once(&target)).await;
                let said = match answer {
                    Ok(Answer::Ready) => Probed::Ready,
                    Ok(Answer::NotYet(reason) | Answer::Impossible(reason)) => {
                        Probed::Waiting(reason)
                    }
                    Err(_) => Probed::Waiting("no answer".to_owned()),
                };
                (service.name.clone(), said)
            })
            .collect::<Vec<_>>()
    });
    join_all(asked).await.into_iter().collect()
}
