//! Shared stores that nobody needs any more.

use super::known::forget;
use crate::app::ci::run::kept;
use crate::app::ci::teardown::remove;
use crate::app::ci::tenant::is_used;
use crate::app::session::Session;
use crate::app::{faults, up};
use crate::domain::{ContainerState, Failure, Observed, ProjectName};
use crate::engine::Engine;

/// Whether a store has ended: without durability, that is nothing to go on with.
pub(in crate::app) fn have_ended(stores: &Observed) -> bool {
    let mut all = stores.containers.iter();
    all.any(|store| {
        matches!(
            store.state,
            ContainerState::Exited { .. } | ContainerState::Dead
        )
    })
}

/// Removes shared stores that nobody has used for a day, or that have ended, unless somebody uses them by now.
///
/// # Errors
/// Where the engine refuses, or they can't be locked.
pub(in crate::app) async fn remove_unused(
    session: &Session,
    engine: &dyn Engine,
    project: &ProjectName,
) -> Result<bool, Failure> {
    let _lock = up::lock_name(session, project.as_str()).await?;
    let observed = engine.observe(project, &[]).await;
    let observed = observed.map_err(|error| faults::at("look at the shared stores", error))?;
    let is_kept = kept(session, project.as_str()) && !have_ended(&observed);
    if is_kept || is_used(session, project) {
        return Ok(false);
    }
    let removed = remove(engine, project).await;
    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
    forget(session, project);
    Ok(true)
}
