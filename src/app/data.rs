//! What every verb about data needs: the project's running containers, and its database.

use std::future::Future;
use std::sync::Arc;

use super::project::Project;
use super::session::Session;
use super::{claim, conclusion, engine, faults};
use crate::data::{DataContext, DataError, Glance};
use crate::domain::{Failure, FailureKind, ObservedContainer, Scope, Service};
use crate::engine::{Absence, Engine};
use crate::store::StateDir;

/// A project whose data can be worked on.
pub(super) struct Store {
    /// The stack's own state.
    pub state: StateDir,
    /// The running stack.
    pub context: DataContext,
    /// Its database's service.
    pub database: Service,
}

impl Store {
    /// Loads the project and looks at what runs of it.
    ///
    /// # Errors
    /// Where the project or the engine fails, or the stack has no database.
    pub async fn open(session: &Session, scope: &Scope) -> Result<Self, Failure> {
        // The engine takes as long over its first answer as the project's files take to be read.
        let reaching = engine::begin_to_reach(session);
        let project = Project::load(session, scope).inspect_err(|_| reaching.abort())?;
        let engine = reaching.await.expect("connecting doesn't panic");
        let engine = engine.map_err(Absence::into_failure)?;
        Self::of(session, &project, engine).await
    }

    /// The same, of a project that is loaded already.
    ///
    /// # Errors
    /// Where the engine fails, or the stack has no database.
    pub async fn of(
        session: &Session,
        project: &Project,
        engine: Arc<dyn Engine>,
    ) -> Result<Self, Failure> {
        let looking = |error| faults::at("look at the project", error);
        let facts = engine.facts().await.map_err(looking)?;
        let observed = engine.observe(&project.stack.project, &[]).await;
        let observed = observed.map_err(looking)?;
        claim::hold(project, &*engine, &observed).await?;
        let running = observed.containers.into_iter();
        let running: Vec<_> = running.filter(ObservedContainer::is_running).collect();
        let by_service = running
            .iter()
            .map(|seen| (seen.service.clone(), seen.id.clone()));
        let context = DataContext {
            engine,
            facts,
            stack: Arc::clone(&project.stack),
            containers: by_service.collect(),
            events: session.events.clone(),
            glance: Glance::at(&running),
        };
        let database = context.database().cloned().ok_or_else(|| {
            Failure::new(FailureKind::Usage, "the stack has no database")
                .hint("mark its service with `x-jobsprint: { ready: postgres }`")
        })?;
        Ok(Self {
            state: project.state.clone(),
            context,
            database,
        })
    }
}

/// Works until it is done or the person interrupts; what was begun is then rolled back.
///
/// # Errors
/// The work's own failure.
pub(super) async fn unless_interrupted<T>(
    session: &Session,
    work: impl Future<Output = Result<T, DataError>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = session.interrupt.raised() => Err(conclusion::interrupted()),
        done = work => done.map_err(Failure::from),
    }
}
