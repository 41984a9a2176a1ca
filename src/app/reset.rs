//! `reset`: back to migrated and seeded, after a backup of what was there.

use super::data::{Store, unless_interrupted};
use super::session::Session;
use super::{backup, question};
use crate::data::{self, ResetOutcome};
use crate::domain::{Failure, FailureKind, Phase, ResetRequest};
use crate::event::Event;

/// Puts the database back.
pub(super) async fn run(session: &mut Session, request: ResetRequest) -> Result<u8, Failure> {
    let store = Store::open(session, &request.scope).await?;
    let project = &store.context.stack.project;
    let question = format!("Put the data of `{project}` back to migrated and seeded?");
    if !question::confirm(session, request.consent, &question)? {
        return Err(
            Failure::new(FailureKind::Usage, "nothing was reset").hint("say yes with `--yes`")
        );
    }
    if request.backup == Phase::Do {
        backup::make(session, &store, &backup::directory(&store, None)).await?;
    }
    let reset = data::reset(&store.context, &store.database);
    let text = match unless_interrupted(session, reset).await? {
        ResetOutcome::FromTemplate => "the data is back to migrated and seeded",
        ResetOutcome::FromNewTemplate => {
            "the data is back to migrated and seeded; the next reset is quicker, since its template is made"
        }
    };
    let text = text.to_owned();
    session.events.tell(Event::Notice { text });
    Ok(0)
}
