//! Making a template: the stack stands still for as long as its volumes are read, and goes on.
//!
//! What a store has on the disk then is what a killed one leaves, which each of them starts from: postgres from its log
//! (after a checkpoint, so that there is next to nothing to replay), redis from what it was told to save, the broker
//! from its log, which it is made to write out first.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use hyper::Method;
use serde_json::json;
use tokio::time::sleep;

use super::cupboard::{Draft, Origin, Part};
use super::{Cupboard, Inputs};
use crate::data::broker_api::BrokerApi;
use crate::data::redis_session::{RedisSession, Reply};
use crate::data::session::Session;
use crate::data::snapshot::packing::pack;
use crate::data::{DataContext, DataError};
use crate::domain::{
    ContainerId, ObservedContainer, Ownership, Readiness, Role, Service, ServiceName,
};
use crate::engine::EngineError;

/// `RabbitMQ` keeps a message 25 ms and a queue's index 200 ms before it writes them.
const BROKER_GATHERS: Duration = Duration::from_millis(250);
/// Erlang's own log is written out once it has gathered so much (`disk_log`, 64 KiB), else after 2 s.
const MORE_THAN_THE_LOG_GATHERS: usize = 80 * 1024;
const FLUSH: &str = "/api/global-parameters/jobsprint_dev_flush";

/// Keeps the stack's volumes as a template of `inputs`.
///
/// # Errors
/// [`DataError`]; nothing half-made is left, and the stack goes on. [`DataError::Engine`] with `unpause` where it can't.
pub async fn save_template(
    context: &DataContext,
    cupboard: &Cupboard,
    inputs: &Inputs,
    origin: &Origin<'_>,
) -> Result<(), DataError> {
    let project = &context.stack.project;
    let observed = context.engine.observe(project, &[]).await?;
    let running: Vec<ObservedContainer> = observed
        .containers
        .into_iter()
        .filter(ObservedContainer::is_running)
        .collect();
    let mut work = Vec::new();
    let mut seen = BTreeSet::new();
    for container in &running {
        for (target, volume) in &container.volumes {
            if is_external(context, volume) {
                continue;
            }
            if !seen.insert(volume) {
                return Err(cannot(
                    &container.service,
                    "two services write into one volume",
                ));
            }
            work.push((container, target));
        }
    }
    let draft = cupboard.begin()?;
    let mut standing = Standing {
        context,
        paused: Vec::new(),
    };
    let read = standing.read(&running, &work, &draft).await;
    standing.go_on().await?;
    draft.finish(inputs, read?, origin)
}

fn is_external(context: &DataContext, volume: &str) -> bool {
    let mut volumes = context.stack.volumes.values();
    volumes.any(|known| known.name == volume && known.ownership == Ownership::External)
}

fn cannot(service: &ServiceName, reason: &str) -> DataError {
    DataError::Store {
        service: service.clone(),
        doing: "keeping a template",
        reason: reason.to_owned(),
    }
}

/// What a volume is read through, and where it is mounted there.
type Volume<'a> = (&'a ObservedContainer, &'a String);

/// The stack while it stands still.
struct Standing<'a> {
    context: &'a DataContext,
    paused: Vec<ContainerId>,
}

impl Standing<'_> {
    async fn read(
        &mut self,
        running: &[ObservedContainer],
        volumes: &[Volume<'_>],
        draft: &Draft,
    ) -> Result<Vec<Part>, DataError> {
        let context = self.context;
        let service = |container: &ObservedContainer| context.stack.service(&container.service);
        let is_store = |container: &&ObservedContainer| {
            service(container).is_some_and(|service| service.role == Role::Data)
        };
        let is_broker = |container: &ObservedContainer| {
            service(container).is_some_and(|service| service.ready == Readiness::Amqp)
        };
        self.paused = running
            .iter()
            .map(|container| container.id.clone())
            .collect();
        let (stores, writers): (Vec<_>, Vec<_>) = running.iter().partition(is_store);
        self.pause(&writers).await?;
        let settled = stores.iter().filter_map(|store| service(store));
        try_join_all(settled.map(|store| settle(context, store))).await?;
        let (brokers, others): (Vec<&ObservedContainer>, Vec<_>) = stores
            .into_iter()
            .partition(|container| is_broker(container));
        let (last, first): (Vec<_>, Vec<_>) = volumes
            .iter()
            .enumerate()
            .partition(|(_, (container, _))| is_broker(container));
        self.pause(&others).await?;
        let gathered = async {
            if !brokers.is_empty() {
                sleep(BROKER_GATHERS).await;
            }
            self.pause(&brokers).await?;
            self.pack(last, draft).await
        };
        let (mut parts, others) = tokio::try_join!(self.pack(first, draft), gathered)?;
        parts.extend(others);
        Ok(parts)
    }

    async fn pause(&self, containers: &[&ObservedContainer]) -> Result<(), DataError> {
        let engine = &self.context.engine;
        let calls = containers
            .iter()
            .map(|container| engine.pause_container(&container.id));
        let outcomes = join_all(calls).await;
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    async fn pack(
        &self,
        volumes: Vec<(usize, &Volume<'_>)>,
        draft: &Draft,
    ) -> Result<Vec<Part>, DataError> {
        let packed = volumes
            .into_iter()
            .map(|(number, (container, target))| async move {
                let file = format!("{number}.tar.zst");
                let inside = format!("{}/.", target.trim_end_matches('/'));
                let tar = self.context.engine.download(&container.id, &inside).await?;
                let packed = pack(tar, &draft.file(&file)).await?;
                Ok(Part {
                    service: container.service.to_string(),
                    target: (*target).clone(),
                    file,
                    stored: packed.stored,
                    bytes: packed.bytes,
                    sha256: packed.sha256,
                })
            });
        try_join_all(packed).await
    }

    /// Lets all go on, also what a failure left in the middle; what is gone needs not.
    async fn go_on(self) -> Result<(), DataError> {
        let engine = &self.context.engine;
        let calls = self.paused.iter().map(|id| engine.unpause_container(id));
        for outcome in join_all(calls).await {
            match outcome {
                Ok(()) | Err(EngineError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Makes a store write out what it holds back.
async fn settle(context: &DataContext, store: &Service) -> Result<(), DataError> {
    match store.ready {
        Readiness::Postgres => {
            let session = Session::open(context, store).await?;
            // One whose user may not replays more at its next start, which is all.
            session.client.batch_execute("CHECKPOINT").await.ok();
            session.close().await;
        }
        Readiness::Redis => {
            let mut session = RedisSession::open(context, store).await?;
            if let Reply::Refused(reason) = session.ask("keeping its data", &["SAVE"]).await? {
                return Err(cannot(&store.name, &reason));
            }
        }
        Readiness::Amqp => {
            let api = BrokerApi::of(context, store);
            let value = json!({
                "name": "jobsprint_dev_flush",
                "value": "-".repeat(MORE_THAN_THE_LOG_GATHERS),
            });
            let put = api.send(Method::PUT, FLUSH, Some(&value)).await?;
            put.map_err(|reason| cannot(&store.name, &reason))?;
            // The log is written by the write after the one that fills it.
            let gone = api.send(Method::DELETE, FLUSH, None).await?;
            gone.map_err(|reason| cannot(&store.name, &reason))?;
        }
        _ => {}
    }
    Ok(())
}
