//! The end of one stack by its name: a disposable one at once; one that somebody works with as `down --volumes` ends it.

use std::sync::Arc;

use super::super::project::{Project, compose_file};
use super::super::session::Session;
use super::super::{ci, down, faults, question};
use super::found::{Found, Kind};
use super::looking;
use crate::domain::{
    Consent, Down, Failure, FailureKind, Phase, ProjectName, Run, Scope, StackRemoval, VolumeFate,
};
use crate::engine::Engine;
use crate::event::Event;
use crate::plan::PROJECT;
use crate::report::words;

/// Removes the stack.
///
/// # Errors
/// Where there is none of this name, the person says no, its data can't be kept first, or the engine fails.
pub(super) async fn remove(
    session: &mut Session,
    engine: &Arc<dyn Engine>,
    request: StackRemoval,
) -> Result<(), Failure> {
    let project = &request.project;
    let stacks = super::found::with(session, &**engine, PROJECT).await;
    let mut stacks = stacks.map_err(looking)?;
    stacks.extend(super::found::unseen(session, &stacks));
    let mut stacks = stacks.into_iter();
    let Some(stack) = stacks.find(|stack| stack.project == *project) else {
        let message = format!("there is no stack `{project}`");
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("see what there is with `jobsprint-dev stacks list`"));
    };
    if stack.kind.lease().is_none() {
        // What it takes to keep the data is looked for before anybody is asked.
        let scope = match request.keep {
            Phase::Do => Some(scope_of(session, &stack)?),
            Phase::Skip => None,
        };
        confirm(session, &stack, request.consent)?;
        if let Some(scope) = scope {
            let down = Down {
                scope,
                volumes: VolumeFate::Remove,
                keep: Phase::Do,
                consent: Consent::Given,
                run: Run::Real,
            };
            Box::pin(down::run(session, down)).await?;
        }
    }
    // Also what the stack's files no longer know.
    evict(session, engine, project).await?;
    let text = format!("removed {project}");
    session.events.tell(Event::Notice { text });
    Ok(())
}

/// Removes all that the engine has of a project, what it has in shared stores, and what is noted of it.
///
/// # Errors
/// Where the engine or a store refuses.
pub(super) async fn evict(
    session: &Session,
    engine: &Arc<dyn Engine>,
    project: &ProjectName,
) -> Result<(), Failure> {
    let (removed, left) = tokio::join!(
        ci::remove(&**engine, project),
        ci::leave(session, engine, project, ci::Afterwards::Forget),
    );
    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
    left?;
    ci::forget(session, project);
    Ok(())
}

fn confirm(session: &Session, stack: &Found, consent: Consent) -> Result<(), Failure> {
    let volumes: Vec<&str> = stack
        .observed
        .volumes
        .iter()
        .map(|volume| volume.name.as_str())
        .collect();
    let what = if volumes.is_empty() {
        String::new()
    } else {
        format!(" with {} and all data in them", words::list(&volumes))
    };
    let question = format!("Remove {}{what}?", stack.project);
    if question::confirm(session, consent, &question)? {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Usage, "nothing was removed").hint("say yes with `--yes`"))
}

/// The words by which the stack's own directory would mean it.
///
/// # Errors
/// Where its files are gone, or say something else by now.
fn scope_of(session: &Session, stack: &Found) -> Result<Scope, Failure> {
    let gone = |why: &str| {
        let message = format!("the data of `{}` can't be kept first: {why}", stack.project);
        Failure::new(FailureKind::Project, message).hint(format!(
            "remove it with its data: `jobsprint-dev stacks rm {} --no-snapshot`",
            stack.project
        ))
    };
    let directory = stack
        .directory()
        .ok_or_else(|| gone("nothing tells which directory it was made from"))?;
    let mut files = stack.files();
    if files.is_empty() {
        files.extend(compose_file(&directory));
    }
    if files.is_empty() || files.iter().any(|file| !file.is_file()) {
        let why = format!("its files in `{}` are gone", directory.display());
        return Err(gone(&why));
    }
    let named = match &stack.kind {
        Kind::Named(name) => Some(name.clone()),
        _ => None,
    };
    let scope = Scope {
        files,
        stack: named,
        ..Scope::default()
    };
    let loaded = Project::load_to_look(session, &scope);
    let is_it = |project: &ProjectName| *project == stack.project;
    if loaded.is_ok_and(|loaded| is_it(&loaded.stack.project)) {
        return Ok(scope);
    }
    Ok(Scope {
        stack: None,
        project: Some(stack.project.to_string()),
        ..scope
    })
}
