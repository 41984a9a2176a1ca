//! The end of a tenant: what it has in the shared stores is dropped.

use std::sync::Arc;

use futures_util::future::join_all;

use super::note::{self, Note};
use crate::app::ci::keeper;
use crate::app::faults;
use crate::app::session::Session;
use crate::data::{self, DataContext, DataError};
use crate::domain::{Failure, Home, ProjectName, Secret, Service};
use crate::engine::Engine;
use crate::isolate::Lodging;

/// What becomes of a tenant's note once its parts are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Afterwards {
    /// It goes.
    Forget,
    /// It stays: what was asked of a store last may be done only after this.
    LookAgain,
}

/// Drops what the tenant of this project has in the shared stores; says whether there is such a tenant.
///
/// # Errors
/// Where a store that stands refuses, or the note can't be locked; the note stays then.
pub(in crate::app) async fn leave(
    session: &Session,
    engine: &Arc<dyn Engine>,
    project: &ProjectName,
    afterwards: Afterwards,
) -> Result<bool, Failure> {
    let Some((note, _lock)) = Note::hold(session, project).await? else {
        return Ok(false);
    };
    let facts = engine.facts().await;
    let facts = facts.map_err(|error| faults::at("look at the engine", error))?;
    let keeper = ProjectName::new(note.keeper.as_str()).ok();
    let context = keeper.and_then(|keeper| keeper::context(session, engine, facts, &keeper));
    if let Some(context) = context {
        let drops = parts(&note).into_iter().map(|own| {
            let context = &context;
            async move { drop_part(context, &own).await }
        });
        let dropped: Result<(), DataError> = join_all(drops).await.into_iter().collect();
        dropped.map_err(Failure::from)?;
    }
    if afterwards == Afterwards::Forget {
        note::forget(session, project);
    }
    Ok(true)
}

/// A store that doesn't run has no tenants any more: it is made anew before there are others.
async fn drop_part(context: &DataContext, own: &Service) -> Result<(), DataError> {
    let Some(container) = context.containers.get(&own.name) else {
        return Ok(());
    };
    let container = context.engine.container(container.as_str()).await?;
    if container.is_some_and(|container| container.is_running()) {
        data::drop_part(context, own).await?;
    }
    Ok(())
}

/// The parts as far as it takes to drop them.
fn parts(note: &Note) -> Vec<Service> {
    let lodging = Lodging {
        name: note.name.clone(),
        number: note.number,
        password: Secret::new("-"),
    };
    let stores = note.stores.iter().filter_map(|(name, kind)| {
        let mut own = keeper::bare(name, kind)?;
        own.home = Home::Shared;
        lodging.furnish(&mut own, &|_| None);
        Some(own)
    });
    stores.collect()
}
