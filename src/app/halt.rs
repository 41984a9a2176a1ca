//! `stop` and `restart`: two plans, one walk.

use std::sync::Arc;

use super::scene::{Scene, look};
use super::session::Session;
use super::{conclusion, up};
use crate::domain::{Consent, Failure, Halt, Observed, Run, Stack};
use crate::event::Event;
use crate::plan::{self, Plan, UnknownService};
use crate::report;

/// Stops containers and keeps them.
pub(super) async fn stop(session: &mut Session, request: Halt) -> Result<u8, Failure> {
    walk(session, request, plan::stop).await
}

/// Restarts containers, each once what it depends on is ready.
pub(super) async fn restart(session: &mut Session, request: Halt) -> Result<u8, Failure> {
    walk(session, request, plan::restart).await
}

async fn walk(
    session: &mut Session,
    request: Halt,
    planned: impl Fn(&Stack, &Observed, &[String]) -> Result<Plan, UnknownService>,
) -> Result<u8, Failure> {
    let scene = Scene::open(session, &request.scope, request.run).await?;
    let Scene {
        project,
        engine,
        observed,
        ..
    } = &scene;
    let plan = planned(&project.stack, observed, &request.scope.services)
        .map_err(|error| up::unknown(&error))?;
    if request.run == Run::Dry {
        report::print(&up::dry(&plan));
        return Ok(0);
    }
    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let walked = up::walk(session, project, engine, &plan, None, Consent::Ask).await?;
    if walked.outcome.interrupted {
        return Err(conclusion::interrupted());
    }
    let after = look(project, &**engine).await?;
    conclusion::conclude(session, project, &after, &plan, &walked, Vec::new())
}
