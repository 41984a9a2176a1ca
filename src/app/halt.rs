//! `stop` and `restart`: two plans, one walk.

use std::sync::Arc;

use super::project::Project;
use super::scene::{Scene, look};
use super::session::Session;
use super::{conclusion, engine, up};
use crate::domain::{Consent, Failure, Halt, Observed, Run, Stack};
use crate::event::Event;
use crate::plan::{self, Plan, UnknownService};
use crate::report;

/// Stops containers and keeps them.
pub(super) async fn stop(session: &mut Session, request: Halt) -> Result<u8, Failure> {
    let project = Project::load_to_look(session, &request.scope)?;
    let engine = engine::reach(session).await?;
    let scene = Scene::of(session, project, engine, request.run).await?;
    walk(session, request, &scene, plan::stop).await
}

/// Restarts containers, each once what it depends on is ready.
pub(super) async fn restart(session: &mut Session, request: Halt) -> Result<u8, Failure> {
    // A restarted store is waited for by a login, which needs every value.
    let scene = Scene::open(session, &request.scope, request.run).await?;
    walk(session, request, &scene, plan::restart).await
}

async fn walk(
    session: &mut Session,
    request: Halt,
    scene: &Scene,
    planned: impl Fn(&Stack, &Observed, &[String]) -> Result<Plan, UnknownService>,
) -> Result<u8, Failure> {
    let Scene {
        project,
        engine,
        observed,
        ..
    } = scene;
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
