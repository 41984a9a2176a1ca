//! `migrate`: the migrations that are due, or what is due.

use super::data::{Store, unless_interrupted};
use super::session::Session;
use super::{seed, up};
use crate::data::{self, DataOutcome};
use crate::domain::{DataVerb, Failure, MigrateRequest};
use crate::event::Event;
use crate::plan;

/// Runs or tells what is due.
pub(super) async fn run(session: &mut Session, request: MigrateRequest) -> Result<u8, Failure> {
    let store = Store::open(session, &request.scope).await?;
    let context = &store.context;
    if request.verb == DataVerb::Status {
        let due = data::migrations(context, &store.database);
        seed::print(session, &unless_interrupted(session, due).await?);
        return Ok(0);
    }
    let chosen = &request.scope.services;
    if !chosen.is_empty() {
        plan::select(&context.stack, chosen).map_err(|error| up::unknown(&error))?;
    }
    let mut ran = 0;
    for service in context.stack.services.values() {
        let is_chosen =
            chosen.is_empty() || chosen.iter().any(|name| name == service.name.as_str());
        if !is_chosen || service.migrate.is_none() {
            continue;
        }
        let outcome = unless_interrupted(session, data::migrate(context, service)).await?;
        if let DataOutcome::Ran(count) = outcome {
            ran += count;
            let text = format!("migrated by `{}`", service.name);
            session.events.tell(Event::Notice { text });
        }
    }
    if ran == 0 {
        let text = "no migration is due".to_owned();
        session.events.tell(Event::Notice { text });
    }
    Ok(0)
}
