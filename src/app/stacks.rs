//! `stacks`: which stacks this engine has, whose they are, and the end of those that nobody owns, or of one by its name.

mod found;
mod removal;
mod row;

use serde_json::json;

use super::session::Session;
use super::{ci, engine, faults};
use crate::domain::{Failure, ProjectName, StacksRequest, StacksVerb};
use crate::engine::{Engine, EngineError};
use crate::event::Event;
use crate::isolate::LEASE;
use crate::plan::PROJECT;
use crate::report::{self, Mode, words};
use found::State;
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
            let (removed, refused) = sweep(session, &*engine).await.map_err(looking)?;
            let text = match removed.len() {
                0 => "no stack is without its owner".to_owned(),
                _ => format!("removed {}", words::list(&removed)),
            };
            session.events.tell(Event::Notice { text });
            if let Some((project, error)) = refused.into_iter().next() {
                return Err(faults::at(&format!("remove {project}"), error));
            }
        }
        StacksVerb::Remove(removal) => removal::remove(session, &*engine, removal).await?,
        StacksVerb::Guard(project) => ci::stand_by(&*engine, &project).await?,
    }
    Ok(0)
}

/// Removes what nobody owns, before a run begins; what can't be removed now fails nobody's run.
///
/// # Errors
/// Where the engine doesn't tell what there is: it will tell nobody else either.
pub(super) async fn collect(session: &Session, engine: &dyn Engine) -> Result<(), Failure> {
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

type Refused = Vec<(ProjectName, EngineError)>;

async fn sweep(
    session: &Session,
    engine: &dyn Engine,
) -> Result<(Vec<String>, Refused), EngineError> {
    let (mut removed, mut refused) = (Vec::new(), Vec::new());
    for stack in found::with(session, engine, LEASE).await? {
        if matches!(
            stack.kind.lease(),
            None | Some((_, State::Owned | State::Kept))
        ) {
            continue;
        }
        match ci::remove(engine, &stack.project).await {
            Ok(()) => removed.push(stack.project.to_string()),
            Err(error) => refused.push((stack.project, error)),
        }
    }
    Ok((removed, refused))
}

async fn list(session: &Session, engine: &dyn Engine) -> Result<(), Failure> {
    let stacks = found::with(session, engine, PROJECT).await;
    let rows: Vec<Row> = stacks.map_err(looking)?.iter().map(Row::of).collect();
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
