//! `seed`: the seeds that are due, or what is due.

use serde_json::json;

use super::data::{Store, unless_interrupted};
use super::session::Session;
use crate::data::{self, Again, DataOutcome, Due, SeedOptions};
use crate::domain::{DataVerb, Failure, Freshness, Role, SeedRequest};
use crate::event::Event;
use crate::report::{self, Mode};

/// Runs or tells what is due.
pub(super) async fn run(session: &mut Session, request: SeedRequest) -> Result<u8, Failure> {
    let store = Store::open(session, &request.scope).await?;
    let context = &store.context;
    let is_narrowed = request.only.is_some();
    let options = SeedOptions {
        only: request.only,
        set: request.set,
        again: match request.freshness {
            Freshness::WhereChanged => Again::WhereChanged,
            Freshness::Again => Again::Always,
        },
    };
    if request.verb == DataVerb::Status {
        let due = data::seeds(context, &store.database, &options);
        print(session, &unless_interrupted(session, due).await?);
        return Ok(0);
    }
    let mut ran = 0;
    for service in context.stack.services.values() {
        if service.role == Role::Data || service.name == store.database.name {
            let files = data::seed_store(context, service, &options);
            ran += count(unless_interrupted(session, files).await?);
        }
    }
    if !is_narrowed {
        for service in context.stack.services.values() {
            let command = data::seed_service(context, service, options.again);
            ran += count(unless_interrupted(session, command).await?);
        }
    }
    let text = match ran {
        0 => "no seed is due".to_owned(),
        1 => "applied 1 seed".to_owned(),
        ran => format!("applied {ran} seeds"),
    };
    session.events.tell(Event::Notice { text });
    Ok(0)
}

fn count(outcome: DataOutcome) -> usize {
    match outcome {
        DataOutcome::Ran(count) => count,
        DataOutcome::NothingDue => 0,
    }
}

/// Prints what is due.
pub(super) fn print(session: &Session, due: &[Due]) {
    let text = if session.manner.mode == Mode::Json {
        let rows: Vec<_> = due
            .iter()
            .map(|due| json!({ "name": due.name, "state": due.state }))
            .collect();
        format!("{}\n", json!({ "schema": 1, "due": rows }))
    } else {
        let lines = due
            .iter()
            .map(|due| format!("{:8} {}\n", due.state, due.name));
        lines.collect()
    };
    report::print(&text);
}
