//! `stacks`: which stacks this engine has, whose they are, and the end of those that nobody owns, or of one by its name.

mod found;
mod removal;
mod row;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::session::Session;
use super::{ci, engine, faults};
use crate::domain::{Failure, ProjectName, StacksRequest, StacksVerb};
use crate::engine::{Engine, EngineError};
use crate::event::Event;
use crate::isolate::LEASE;
use crate::plan::PROJECT;
use crate::report::{self, Mode, words};
use found::{Found, Kind, State};
use row::{HEAD, Row};

/// Lists or removes.
pub(super) async fn run(session: &mut Session, request: StacksRequest) -> Result<u8, Failure> {
    if matches!(request.verb, StacksVerb::Guard(_)) {
        ci::leave_session();
    }
    let engine = engine::reach(session).await?;
    match request.verb {
        StacksVerb::List => list(session, &*engine).await?,
        StacksVerb::Gc => {
            ci::cupboard(session).collect();
            let (removed, refused) = sweep(session, &engine).await.map_err(looking)?;
            let text = match removed.len() {
                0 => "no stack is without its owner".to_owned(),
                _ => format!("removed {}", words::list(&removed)),
            };
            session.events.tell(Event::Notice { text });
            if let Some((project, error)) = refused.into_iter().next() {
                let message = format!("cannot remove {project}: {}", error.message);
                return Err(Failure { message, ..error });
            }
        }
        StacksVerb::Remove(removal) => removal::remove(session, &engine, removal).await?,
        StacksVerb::Guard(project) => ci::stand_by(session, &engine, &project).await?,
    }
    Ok(0)
}

/// Removes what nobody owns, before a run begins; what can't be removed now fails nobody's run.
///
/// # Errors
/// Where the engine doesn't tell what there is: it will tell nobody else either.
pub(super) async fn collect(session: &Session, engine: &Arc<dyn Engine>) -> Result<(), Failure> {
    ci::cupboard(session).collect();
    let (removed, _) = sweep(session, engine).await.map_err(looking)?;
    if !removed.is_empty() {
        let text = format!(
            "removed {}, left by a run that was killed",
            words::list(&removed)
        );
        session.events.tell(Event::Notice { text });
    }
    Ok(())
}

type Refused = Vec<(ProjectName, Failure)>;

async fn sweep(
    session: &Session,
    engine: &Arc<dyn Engine>,
) -> Result<(Vec<String>, Refused), EngineError> {
    let (mut removed, mut refused) = (BTreeSet::new(), Vec::new());
    let mut note = |project: ProjectName, gone: Result<bool, Failure>| match gone {
        Ok(true) => drop(removed.insert(project.to_string())),
        Ok(false) => {}
        Err(failure) => refused.push((project, failure)),
    };
    let (shared, stacks): (Vec<Found>, Vec<Found>) = found::with(session, &**engine, LEASE)
        .await?
        .into_iter()
        .partition(|stack| matches!(stack.kind, Kind::Shared(..)));
    for stack in stacks.into_iter().filter(is_abandoned) {
        let gone = removal::evict(session, engine, &stack.project).await;
        note(stack.project, gone.map(|()| true));
    }
    for (project, lease) in ci::tenants(session) {
        if ci::is_orphan(session, &project, &lease) {
            let gone = removal::evict(session, engine, &project).await;
            note(project, gone.map(|()| true));
        }
    }
    for stack in shared.into_iter().filter(is_abandoned) {
        let gone = ci::remove_unused(session, &**engine, &stack.project).await;
        note(stack.project, gone);
    }
    Ok((removed.into_iter().collect(), refused))
}

fn is_abandoned(stack: &Found) -> bool {
    let lease = stack.kind.lease();
    lease.is_some_and(|(_, state)| !matches!(state, State::Owned | State::Kept))
}

async fn list(session: &Session, engine: &dyn Engine) -> Result<(), Failure> {
    let stacks = found::with(session, engine, PROJECT).await;
    let mut stacks = stacks.map_err(looking)?;
    stacks.extend(found::unseen(session, &stacks));
    let rows: Vec<Row> = stacks.iter().map(Row::of).collect();
    let text = if session.manner.mode == Mode::Json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        format!("{}\n", json!({ "schema": 1, "stacks": rows }))
    } else if rows.is_empty() {
        String::new()
    } else {
        let head = std::iter::once(HEAD.map(str::to_owned));
        let cells: Vec<_> = head.chain(rows.iter().map(Row::cells)).collect();
        report::table_lines(&cells).join("\n") + "\n"
    };
    report::print(&text);
    Ok(())
}

fn looking(error: EngineError) -> Failure {
    faults::at("look at the stacks", error)
}
