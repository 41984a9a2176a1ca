//! A stack that runs is hurt, and looked at until it is whole again or its time is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::app::ci::random;
use crate::app::faults;
use crate::doctor::LaterFault;
use crate::domain::{
    ContainerId, ContainerState, ExitCause, Failure, ObservedContainer, RestartPolicy, Role,
    ServiceName, Stack,
};
use crate::engine::{Engine, EngineError, EngineFacts};
use crate::probe::{Answer, Prober, Target};

/// How long a killed service is away.
const AWAY: Duration = Duration::from_secs(1);
/// What a stack has to come back in, besides twice the time of its start.
const ALLOWANCE: Duration = Duration::from_mins(1);
/// A stack is whole when it was for so long: who lost a connection may notice late.
const CALM: Duration = Duration::from_secs(3);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// What a container gets to end in when all are restarted.
const GRACE: Duration = Duration::from_secs(5);

/// A running copy.
pub(super) struct Recovery<'a> {
    /// Its engine.
    pub engine: &'a Arc<dyn Engine>,
    /// Its stack.
    pub stack: &'a Stack,
    /// The services that were started.
    pub names: &'a BTreeSet<ServiceName>,
    /// How long its start took.
    pub start: Duration,
}

impl Recovery<'_> {
    /// Hurts it, and gives the services that did not come back, each with how that shows.
    ///
    /// # Errors
    /// Where the engine fails.
    pub async fn after(
        &self,
        fault: &LaterFault,
    ) -> Result<BTreeMap<ServiceName, Vec<String>>, Failure> {
        let hurting = |error| faults::at("restart the copy", error);
        let facts = self.engine.facts().await.map_err(hurting)?;
        let running = self.running().await.map_err(hurting)?;
        let hurt = match fault {
            LaterFault::Killed(service) => self.kill(&running, service).await,
            LaterFault::Shuffled => self.shuffle(&running).await,
        };
        hurt.map_err(hurting)?;
        self.settle(&running, &facts).await.map_err(hurting)
    }

    /// Whether nobody but `up` would have started this service's container again: the engine does by a policy alone.
    pub fn is_left_to_up(&self, fault: &LaterFault, service: &ServiceName) -> bool {
        let found = self.stack.service(service);
        let of = |service: &crate::domain::Service| {
            service.container.restart == RestartPolicy::No && service.role != Role::Data
        };
        *fault == LaterFault::Shuffled && found.is_some_and(of)
    }

    async fn running(&self) -> Result<Vec<ObservedContainer>, EngineError> {
        let observed = self.engine.observe(&self.stack.project, &[]).await?;
        let mut containers = observed.containers;
        containers.retain(ObservedContainer::is_running);
        Ok(containers)
    }

    async fn kill(
        &self,
        running: &[ObservedContainer],
        service: &ServiceName,
    ) -> Result<(), EngineError> {
        let victims: Vec<&ContainerId> = running
            .iter()
            .filter(|found| found.service == *service)
            .map(|found| &found.id)
            .collect();
        for victim in &victims {
            self.engine.signal_container(victim, "SIGKILL").await?;
        }
        sleep(AWAY).await;
        for victim in victims {
            self.engine.start_container(victim).await?;
        }
        Ok(())
    }

    async fn shuffle(&self, running: &[ObservedContainer]) -> Result<(), EngineError> {
        let stops = running
            .iter()
            .map(|found| self.engine.stop_container(&found.id, Some(GRACE)));
        for stopped in join_all(stops).await {
            stopped?;
        }
        let mut order: Vec<(u32, &ObservedContainer)> =
            running.iter().map(|found| (random(), found)).collect();
        order.sort_by_key(|(place, _)| *place);
        for (_, found) in order {
            self.engine.start_container(&found.id).await?;
        }
        Ok(())
    }

    /// Looks until all that ran is ready for a while, has ended for good, or its time is over.
    async fn settle(
        &self,
        running: &[ObservedContainer],
        facts: &EngineFacts,
    ) -> Result<BTreeMap<ServiceName, Vec<String>>, EngineError> {
        let prober = Prober::new(Arc::clone(self.engine), facts.clone());
        let began = Instant::now();
        let limit = ALLOWANCE + self.start * 2;
        let mut whole_since = None;
        loop {
            let looks = running.iter().map(|found| self.look(&prober, facts, found));
            let mut waiting = false;
            let mut lost = BTreeMap::new();
            for (found, look) in running.iter().zip(join_all(looks).await) {
                let how = match look? {
                    Look::Ready => continue,
                    Look::Ended(how) => how,
                    Look::NotYet(reason) => {
                        waiting = true;
                        format!("after {} s: {reason}", began.elapsed().as_secs())
                    }
                };
                let told: &mut Vec<String> = lost.entry(found.service.clone()).or_default();
                told.push(how);
            }
            if waiting {
                whole_since = None;
            }
            let since = *whole_since.get_or_insert_with(Instant::now);
            if (!waiting && since.elapsed() > CALM) || began.elapsed() > limit {
                return Ok(lost);
            }
            sleep(LOOK).await;
        }
    }

    async fn look(
        &self,
        prober: &Prober,
        facts: &EngineFacts,
        before: &ObservedContainer,
    ) -> Result<Look, EngineError> {
        let found = self.engine.container(before.id.as_str()).await?;
        let service = self.stack.service(&before.service);
        let (Some(found), Some(service)) = (found, service) else {
            return Ok(Look::Ended("its container is gone".to_owned()));
        };
        if !self.names.contains(&found.service) {
            return Ok(Look::Ready);
        }
        if let ContainerState::Exited {
            code,
            out_of_memory,
            ..
        } = found.state
        {
            let cause = ExitCause {
                code,
                out_of_memory,
            };
            return Ok(Look::Ended(format!("it ended: {cause}")));
        }
        if !found.is_running() {
            return Ok(Look::NotYet("its container doesn't run".to_owned()));
        }
        let target = Target::of(&**self.engine, facts, service, found).await;
        Ok(match prober.once(&target).await {
            Answer::Ready => Look::Ready,
            Answer::NotYet(reason) | Answer::Impossible(reason) => Look::NotYet(reason),
        })
    }
}

/// How one service is.
enum Look {
    Ready,
    NotYet(String),
    Ended(String),
}
