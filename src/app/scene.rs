//! What a verb that changes the stack begins with: the project, the engine, the lock, and a look at what runs.

use std::sync::Arc;

use super::hands::images_of;
use super::project::Project;
use super::session::Session;
use super::{claim, engine, faults, stock, up};
use crate::domain::{Failure, Observed, Run, Scope};
use crate::engine::Engine;
use crate::run::ProjectLock;

/// A project that is about to change.
pub(super) struct Scene {
    /// The project.
    pub project: Project,
    /// Its engine.
    pub engine: Arc<dyn Engine>,
    /// What the engine has of it.
    pub observed: Observed,
    /// Held until the end; none where nothing will be changed.
    _lock: Option<ProjectLock>,
}

impl Scene {
    /// Loads the project, and looks at it with the lock in hand.
    ///
    /// # Errors
    /// Where the project's files are wrong, or the engine fails.
    pub async fn open(session: &Session, scope: &Scope, run: Run) -> Result<Self, Failure> {
        let project = Project::load(session, scope)?;
        let engine = engine::reach(session).await?;
        Self::of(session, project, engine, run).await
    }

    /// The same, of a project that is loaded already.
    ///
    /// # Errors
    /// Where the engine fails, or the person gives up waiting for another run.
    pub async fn of(
        session: &Session,
        project: Project,
        engine: Arc<dyn Engine>,
        run: Run,
    ) -> Result<Self, Failure> {
        let lock = match run {
            Run::Real => Some(up::lock(session, &project).await?),
            Run::Dry => None,
        };
        if run == Run::Real {
            stock::settle(session, &stock::of(&project, &engine)).await?;
        }
        let observed = look(&project, &*engine).await?;
        Ok(Self {
            project,
            engine,
            observed,
            _lock: lock,
        })
    }
}

/// What the engine has of the project.
///
/// # Errors
/// Where the engine fails, or the stack of this name is another directory's.
pub(super) async fn look(project: &Project, engine: &dyn Engine) -> Result<Observed, Failure> {
    let observed = glance(project, engine).await?;
    claim::hold(project, engine, &observed).await?;
    Ok(observed)
}

/// The same, whosever it is: to tell of it, and do nothing to it.
///
/// # Errors
/// Where the engine fails.
pub(super) async fn glance(project: &Project, engine: &dyn Engine) -> Result<Observed, Failure> {
    let stack = &project.stack;
    let observed = engine.observe(&stack.project, &images_of(stack)).await;
    observed.map_err(|error| faults::at("look at the project", error))
}
