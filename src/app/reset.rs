//! `reset`: back to migrated and seeded, with a snapshot of what was there.

use std::sync::Arc;

use super::data::{Store, unless_interrupted};
use super::scene::Scene;
use super::session::Session;
use super::{down, question, stock, up};
use crate::data::{self, ResetOutcome};
use crate::domain::{Down, Failure, FailureKind, Phase, ResetRequest, Run, Setup, VolumeFate};
use crate::event::Event;

/// Puts the data back.
pub(super) async fn run(session: &mut Session, request: ResetRequest) -> Result<u8, Failure> {
    if request.volumes == VolumeFate::Remove {
        return make_anew(session, request).await;
    }
    let scene = Scene::open(session, &request.scope, Run::Real).await?;
    let store = Store::of(session, &scene.project, Arc::clone(&scene.engine)).await?;
    let project = &store.context.stack.project;
    let question = format!("Put the data of `{project}` back to migrated and seeded?");
    if !question::confirm(session, request.consent, &question)? {
        return Err(
            Failure::new(FailureKind::Usage, "nothing was reset").hint("say yes with `--yes`")
        );
    }
    let kept = match request.keep {
        Phase::Do => {
            let cover = data::touched(&store.context, &store.database).await;
            stock::keep(session, &scene.project, &scene.engine, "reset", cover).await?
        }
        Phase::Skip => None,
    };
    let reset = Box::pin(data::reset(&store.context, &store.database));
    let reset = unless_interrupted(session, reset);
    let (reset, settled, pruned) =
        tokio::join!(reset, stock::settled(kept), stock::prune(&scene.project));
    let reset = reset?;
    settled?;
    pruned?;
    let text = match reset {
        ResetOutcome::FromTemplate => "the data is back to migrated and seeded",
        ResetOutcome::FromNewTemplate => {
            "the data is back to migrated and seeded; the next reset is quicker, since its template is made"
        }
    };
    let text = text.to_owned();
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// The hard way: everything goes, and comes up as on the first day.
async fn make_anew(session: &mut Session, request: ResetRequest) -> Result<u8, Failure> {
    let removal = Down {
        scope: request.scope.clone(),
        volumes: VolumeFate::Remove,
        keep: request.keep,
        consent: request.consent,
        run: Run::Real,
    };
    down::run(session, removal).await?;
    let setup = Setup {
        scope: request.scope,
        ..Setup::default()
    };
    up::run(session, setup).await
}
