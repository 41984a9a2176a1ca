//! Asks a service once whether it is ready, in the protocol that it speaks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Answer, Target, amqp, failure, healthcheck, http, log, postgres, redis, tcp};
use crate::domain::{
    AmqpLogin, ContainerId, Failure, PostgresLogin, Readiness, RedisLogin, Service,
};
use crate::engine::{Engine, EngineFacts};
use crate::supervise::readiness::Why;

/// A service that accepts and says nothing for this long is asked anew.
const LONGEST: Duration = Duration::from_secs(3);

/// Somebody who asks services.
#[derive(Clone)]
pub struct Prober {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) facts: EngineFacts,
}

impl Prober {
    /// A prober at this engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, facts: EngineFacts) -> Self {
        Self { engine, facts }
    }

    /// Asks once.
    pub async fn once(&self, target: &Target) -> Answer {
        let ready = &target.service.ready;
        let needs_a_way = matches!(
            ready,
            Readiness::Postgres
                | Readiness::Redis
                | Readiness::Amqp
                | Readiness::Http { .. }
                | Readiness::Tcp { .. }
        );
        if needs_a_way && target.ways.is_empty() {
            return self.without_a_way(target).await;
        }
        let asking = self.ask(target);
        if *ready == Readiness::Healthcheck {
            return asking.await; // it has a limit of its own
        }
        timeout(LONGEST, asking).await.unwrap_or_else(|_| {
            let limit = LONGEST.as_secs();
            Answer::NotYet(format!(
                "accepts connections, but gave no answer within {limit} s"
            ))
        })
    }

    /// The failure of a service that was ready and is so no longer, with its last log lines.
    pub async fn failure(&self, service: &Service, container: &ContainerId, why: &Why) -> Failure {
        failure::of(&*self.engine, service, container, None, why).await
    }

    async fn ask(&self, target: &Target) -> Answer {
        let (service, ways) = (&target.service, &target.ways);
        match &service.ready {
            Readiness::Postgres => postgres::ask(ways, &PostgresLogin::of(service, &read)).await,
            Readiness::Redis => redis::ask(ways, &RedisLogin::of(service, &read)).await,
            Readiness::Amqp => amqp::ask(ways, &AmqpLogin::of(service, &read)).await,
            Readiness::Http { path, .. } => http::ask(ways, path).await,
            Readiness::Tcp { .. } => tcp::ask(ways).await,
            Readiness::Log { pattern } => log::ask(&*self.engine, target, pattern).await,
            Readiness::Healthcheck => healthcheck::ask(&*self.engine, target).await,
            Readiness::Started if target.container.is_running() => Answer::Ready,
            Readiness::Started => Answer::NotYet("its container doesn't run".to_owned()),
        }
    }

    /// Where no port can be reached from here, the service's own healthcheck is the next best witness.
    async fn without_a_way(&self, target: &Target) -> Answer {
        if !target.container.is_running() {
            return Answer::NotYet("its container doesn't run".to_owned());
        }
        if target.service.container.healthcheck.is_some() {
            return healthcheck::ask(&*self.engine, target).await;
        }
        Answer::Impossible(format!(
            "the probe `{}` can't reach it from here: the port is not published, and it has no healthcheck",
            target.service.ready
        ))
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
