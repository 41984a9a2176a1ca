//! What the work on data needs to know of the running stack.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::DataError;
use super::ledger::Ledger;
use super::session::Session;
use crate::domain::{ContainerId, ObservedContainer, Readiness, Service, ServiceName, Stack};
use crate::engine::{Engine, EngineFacts, dial, routes};
use crate::event::Events;

/// The running stack, as the work on data sees it.
#[derive(Clone)]
pub struct DataContext {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// What it can do.
    pub facts: EngineFacts,
    /// The stack.
    pub stack: Arc<Stack>,
    /// A running container of each service.
    pub containers: BTreeMap<ServiceName, ContainerId>,
    /// Who is told of progress.
    pub events: Events,
    /// What was seen at first.
    pub glance: Glance,
}

/// What a run saw first, shared by all that the run does, and good for as long as nothing was changed.
///
/// Where the ledger says that nothing is due, nobody logs in again. What is due is decided anew, by whoever does it, under
/// the lock. Where a container was seen, nobody asks for its address again unless it doesn't answer there.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    ledger: Arc<OnceCell<Ledger>>,
    containers: Arc<[ObservedContainer]>,
}

impl Glance {
    /// A run that has seen these containers.
    #[must_use]
    pub fn at(containers: &[ObservedContainer]) -> Self {
        Self {
            ledger: Arc::default(),
            containers: containers.into(),
        }
    }
}

/// What a piece of work on data came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataOutcome {
    /// So many things were run.
    Ran(usize),
    /// Nothing was due.
    NothingDue,
}

impl DataContext {
    /// The database that keeps the ledger: the stack's first service that is ready by a postgres login.
    #[must_use]
    pub fn database(&self) -> Option<&Service> {
        let mut services = self.stack.services.values();
        services.find(|service| service.ready == Readiness::Postgres)
    }

    /// The same, where the work can't be done without.
    ///
    /// # Errors
    /// [`DataError::NoDatabase`].
    pub(super) fn need_database(&self) -> Result<&Service, DataError> {
        self.database().ok_or(DataError::NoDatabase)
    }

    /// The running container of `service`.
    ///
    /// # Errors
    /// [`DataError::NotRunning`].
    pub(super) fn container(&self, service: &Service) -> Result<&ContainerId, DataError> {
        self.containers
            .get(&service.name)
            .ok_or_else(|| DataError::NotRunning {
                service: service.name.clone(),
            })
    }

    /// How messages name a file of the project.
    pub(super) fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.stack.working_dir);
        below.unwrap_or(path).display().to_string()
    }

    /// A connection to a port of the running service.
    ///
    /// # Errors
    /// [`DataError::NotRunning`], [`DataError::Login`] where no way leads there.
    pub(super) async fn dial(&self, service: &Service, port: u16) -> Result<TcpStream, DataError> {
        let refused = |reason: String| DataError::Login {
            service: service.name.clone(),
            reason,
        };
        let mode = service.container.network_mode.as_deref();
        let ways = |container: &ObservedContainer| routes(&self.facts, mode, container, port);
        let id = self.container(service)?;
        if let Some(seen) = self.glance.containers.iter().find(|seen| seen.id == *id)
            && let Ok((stream, _)) = dial(&ways(seen)).await
        {
            return Ok(stream);
        }
        let container = self.engine.container(id.as_str()).await?;
        let container = container.ok_or_else(|| refused("its container is gone".to_owned()))?;
        let (stream, _) = dial(&ways(&container)).await.map_err(refused)?;
        Ok(stream)
    }

    /// The ledger of `database` as this run read it first.
    pub(super) async fn glance(&self, database: &Service) -> Result<&Ledger, DataError> {
        let read = async {
            let session = Session::open(self, database).await?;
            Ledger::read(&session.client).await
        };
        self.glance.ledger.get_or_try_init(|| read).await
    }
}
