//! The writers stand still while their volumes are read.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::guard::Guard;
use super::journal::Unfinished;
use super::stock::{Cover, Stock};
use crate::data::DataError;
use crate::domain::{ContainerId, ObservedContainer, Readiness, Role};
use crate::engine::EngineError;

/// RabbitMQ gathers what it will write: 25 ms in its message store, 200 ms in a queue's index, and what is declared 2 s in
/// the log of Erlang's own database. Paused sooner after the last writer, it would have less on the disk than it said yes to.
const BROKER_WRITES_WITHIN: Duration = Duration::from_millis(2250);

/// Containers that are paused; they go on with [`end`](Pause::end), or when this process ends however it ends.
pub(super) struct Pause {
    paused: Vec<ContainerId>,
    brokers: Vec<ContainerId>,
    settled: Instant,
    guard: Option<Guard>,
}

impl Pause {
    /// Pauses all that runs of the project but its brokers: what writes into the stores first, then the stores. A store
    /// or broker that isn't covered goes on.
    ///
    /// What a paused store has on the disk is what a killed one leaves: postgres recovers from its log, redis from its
    /// append-only file.
    pub(super) async fn begin(stock: &Stock, cover: &Cover) -> Result<Self, DataError> {
        let (mut writers, mut stores, mut brokers) = (Vec::new(), Vec::new(), Vec::new());
        for container in stock.running().await? {
            let is_covered = cover.has(container.service.as_str());
            match kind(stock, &container) {
                Kind::Writer => writers.push(container.id),
                Kind::Store if is_covered => stores.push(container.id),
                Kind::Broker if is_covered => brokers.push(container.id),
                Kind::Store | Kind::Broker => {}
            }
        }
        let paused = [writers.clone(), stores.clone(), brokers.clone()].concat();
        stock.journal().write(&Unfinished::Saving {
            paused: paused.iter().map(ToString::to_string).collect(),
        })?;
        let guard = stock.program.as_deref();
        let guard = guard.and_then(|program| Guard::over(program, &paused));
        let begun = async {
            all(stock, &writers).await?;
            let settled = Instant::now() + BROKER_WRITES_WITHIN;
            all(stock, &stores).await?;
            Ok(settled)
        };
        let begun = begun.await;
        let pause = Self {
            paused,
            brokers,
            settled: *begun.as_ref().unwrap_or(&Instant::now()),
            guard,
        };
        match begun {
            Ok(_) => Ok(pause),
            Err(error) => {
                pause.end(stock).await?;
                stock.journal().clear()?;
                Err(error)
            }
        }
    }

    /// Pauses the brokers too, once they have written what they took.
    pub(super) async fn brokers(&self, stock: &Stock) -> Result<(), DataError> {
        if !self.brokers.is_empty() {
            sleep_until(self.settled).await;
        }
        all(stock, &self.brokers).await
    }

    /// Lets all go on. The journal still tells of the save, which may not be over.
    pub(super) async fn end(self, stock: &Stock) -> Result<(), DataError> {
        resume(stock, &self.paused).await?;
        if let Some(guard) = self.guard {
            guard.dismiss();
        }
        Ok(())
    }
}

/// What a container is to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Writer,
    Store,
    Broker,
}

fn kind(stock: &Stock, container: &ObservedContainer) -> Kind {
    match stock.stack.service(&container.service) {
        Some(service) if service.ready == Readiness::Amqp => Kind::Broker,
        Some(service) if service.role == Role::Data => Kind::Store,
        _ => Kind::Writer,
    }
}

/// Lets containers go on; those that are gone need not.
pub(super) async fn resume(stock: &Stock, paused: &[ContainerId]) -> Result<(), DataError> {
    let calls = paused.iter().map(|id| stock.engine.unpause_container(id));
    for outcome in join_all(calls).await {
        match outcome {
            Ok(()) | Err(EngineError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn all(stock: &Stock, containers: &[ContainerId]) -> Result<(), DataError> {
    let calls = containers.iter().map(|id| stock.engine.pause_container(id));
    let outcomes = join_all(calls).await;
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}
