//! `down`: containers and networks go; volumes only where asked, and confirmed.

use std::sync::Arc;

use super::project::Project;
use super::scene::Scene;
use super::session::Session;
use super::{ci, conclusion, engine, question, stock, up};
use crate::data::{Cover, release_volumes};
use crate::domain::{Consent, Down, Failure, FailureKind, Phase, Run, VolumeFate};
use crate::event::Event;
use crate::plan::{self, DownOptions};
use crate::report;

/// Takes the stack down.
pub(super) async fn run(session: &mut Session, request: Down) -> Result<u8, Failure> {
    let project = Project::load_to_look(session, &request.scope)?;
    let engine = engine::reach(session).await?;
    let scene = Scene::of(session, project, engine, request.run).await?;
    let Scene {
        project,
        engine,
        observed,
        ..
    } = &scene;
    let options = DownOptions {
        services: request.scope.services,
        volumes: request.volumes,
    };
    let plan =
        plan::down(&project.stack, observed, &options).map_err(|error| up::unknown(&error))?;
    if request.run == Run::Dry {
        report::print(&up::dry(&plan));
        return Ok(0);
    }
    if request.volumes == VolumeFate::Remove {
        let volumes: Vec<&str> = observed
            .volumes
            .iter()
            .map(|volume| volume.name.as_str())
            .collect();
        let question = format!(
            "Remove {} and all data in them?",
            report::words::list(&volumes.iter().map(ToString::to_string).collect::<Vec<_>>())
        );
        if !volumes.is_empty() && !question::confirm(session, request.consent, &question)? {
            return Err(Failure::new(FailureKind::Usage, "nothing was removed")
                .hint("say yes with `--yes`, or leave `--volumes` out"));
        }
    }
    if request.volumes == VolumeFate::Remove && request.keep == Phase::Do {
        stock::before(session, project, engine, "down", Cover::Stack).await?;
    }
    if request.volumes == VolumeFate::Remove {
        release_volumes(&stock::of(project, engine)).await?;
    }
    if options.services.is_empty() {
        ci::let_go(&**engine, &project.stack.project).await?;
    }
    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let walked = up::walk(session, project, engine, &plan, None, Consent::Ask).await?;
    if walked.outcome.interrupted {
        return Err(conclusion::interrupted());
    }
    if let Some((_, failure)) = walked.outcome.failures.into_iter().next() {
        return Err(failure);
    }
    session.events.tell(Event::Finished {
        services: Vec::new(),
        took: session.events.elapsed(),
        unchanged: plan.is_empty(),
        next: Vec::new(),
    });
    Ok(0)
}
