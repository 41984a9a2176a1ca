//! The hands of a plan: each action goes to the room that can do it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::faults;
use super::vigil::{Stander, Standing};
use crate::data::{self, Again, DataContext, DataError, DataOutcome, SeedOptions};
use crate::domain::{
    ContainerId, ContainerSpec, Failure, FailureKind, Home, ImageRef, Necessity, NetworkId,
    NetworkSpec, Service, ServiceName, Stack,
};
use crate::engine::{Engine, EngineError, EngineEvent, ExecRequest, Removal};
use crate::event::{Event, Events, StepKind};
use crate::images::{Acquirer, ImageError};
use crate::plan::{Action, CONFIG_HASH, PROJECT, Plan, Replaced, Step, describe};
use crate::probe::{Prober, Until, Wait};
use crate::replace;
use crate::run::{Done, Perform, Pulse};

/// All that single calls need.
pub(super) struct Hands {
    pub stack: Arc<Stack>,
    pub engine: Arc<dyn Engine>,
    pub images: Acquirer,
    pub prober: Prober,
    pub data: DataContext,
    pub events: Events,
    /// The person's hard limit for the whole run.
    pub limit: Option<Duration>,
    /// Services whose volume was last seen with another password than the one they have now.
    pub stale: BTreeSet<ServiceName>,
    /// Subscriptions taken before the first step, so that no container's end is missed; by container name.
    pub heard: Mutex<BTreeMap<String, broadcast::Receiver<EngineEvent>>>,
    /// The containers that a wait of this plan saw ready.
    pub standing: Standing,
    /// Services that a step of this plan started, each with its time from start to ready.
    pub ready: Mutex<BTreeMap<ServiceName, Duration>>,
}

/// A subscription for each wait of `plan`.
pub(super) fn subscriptions(
    plan: &Plan,
    pulse: &Pulse,
) -> Mutex<BTreeMap<String, broadcast::Receiver<EngineEvent>>> {
    let waits = plan.steps().filter_map(|(_, step)| match &step.action {
        Action::AwaitReady { name } | Action::AwaitCompletion { name } => Some(name.clone()),
        _ => None,
    });
    Mutex::new(waits.map(|name| (name, pulse.subscribe())).collect())
}

#[async_trait]
impl Perform for Hands {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        let Some(limit) = self.limit else {
            return self.act(step).await;
        };
        // A wait keeps to the limit by itself, and can say what it waited for.
        if matches!(step.action.kind(), StepKind::Ready | StepKind::Complete) {
            return self.act(step).await;
        }
        let left = limit.saturating_sub(self.events.elapsed());
        let acted = tokio::time::timeout(left, self.act(step)).await;
        acted.unwrap_or_else(|_| {
            let message = format!("timed out after {}s: {}", limit.as_secs(), describe(step));
            Err(Failure::new(FailureKind::NotReady, message)
                .hint("give it more time with `--timeout`"))
        })
    }
}

impl Hands {
    async fn act(&self, step: &Step) -> Result<Done, Failure> {
        let title = || describe(step);
        match &step.action {
            Action::EnsureImage { source, platform } => {
                let platform = platform.as_deref();
                let got = self.images.ensure(source, platform, &self.events).await;
                let (_, outcome) = got.map_err(ImageError::into_failure)?;
                return Ok(done(outcome.is_change()));
            }
            Action::CreateNetwork(spec) => {
                match self.engine.create_network(spec).await {
                    // A call of a run that was killed may have gone on at the engine since the look.
                    Err(EngineError::NameTaken { .. }) if self.has_network(spec).await => {}
                    made => drop(made.map_err(|error| faults::at(&title(), error))?),
                }
            }
            Action::RequireNetwork(name) => {
                let found = self.engine.network(name).await;
                let found = found.map_err(|error| faults::at(&title(), error))?;
                found.ok_or_else(|| faults::external("network", name))?;
                return Ok(Done::Unchanged);
            }
            Action::CreateVolume(spec) => {
                let made = self.engine.create_volume(spec).await;
                made.map_err(|error| faults::at(&title(), error))?;
            }
            Action::RequireVolume(name) => {
                let found = self.engine.volume(name).await;
                if !found.map_err(|error| faults::at(&title(), error))? {
                    return Err(faults::external("volume", name));
                }
                return Ok(Done::Unchanged);
            }
            Action::CreateContainer(spec) => self.create(spec).await?,
            Action::StartContainer { name } => self.start(step, name).await?,
            Action::AwaitReady { name } => return self.wait(step, name, Until::Ready).await,
            Action::AwaitCompletion { name } => {
                return self.wait(step, name, Until::Complete).await;
            }
            Action::Migrate => {
                let service = self.service(step)?;
                return worked(data::migrate(&self.data, service).await);
            }
            Action::SeedStore => {
                let database = self.service(step)?;
                let all = SeedOptions::default();
                return worked(data::seed_store(&self.data, database, &all).await);
            }
            Action::SeedService => {
                let service = self.service(step)?;
                let seeded = data::seed_service(&self.data, service, Again::WhereChanged);
                return worked(seeded.await);
            }
            Action::StopContainer {
                container, grace, ..
            } => {
                self.hooks(step, container, |service| &service.pre_stop)
                    .await?;
                let stopped = self.engine.stop_container(container, *grace).await;
                stopped.map_err(|error| faults::at(&title(), error))?;
            }
            Action::UnpauseContainer { name } => {
                let unpaused = self.engine.unpause_container(&ContainerId::new(name)).await;
                unpaused.map_err(|error| faults::at(&title(), error))?;
            }
            Action::RestartContainer {
                container, grace, ..
            } => {
                self.hooks(step, container, |service| &service.pre_stop)
                    .await?;
                let restarted = self.engine.restart_container(container, *grace).await;
                restarted.map_err(|error| faults::at(&title(), error))?;
                self.hooks(step, container, |service| &service.post_start)
                    .await?;
            }
            Action::RemoveContainer {
                container,
                replaced,
                ..
            } => {
                let removal = match replaced {
                    Replaced::BySuccessor => Removal::KeepVolumes,
                    Replaced::ByNobody => Removal::WithVolumes,
                };
                let removed = self.engine.remove_container(container, removal).await;
                removed.map_err(|error| faults::at(&title(), error))?;
            }
            Action::RemoveNetwork { network, .. } => {
                return self.remove_network(network, &title()).await;
            }
            Action::RemoveVolume { name } => {
                let removed = self.engine.remove_volume(name).await;
                removed.map_err(|error| faults::at(&title(), error))?;
            }
        }
        Ok(Done::Changed)
    }

    async fn remove_network(&self, network: &NetworkId, title: &str) -> Result<Done, Failure> {
        match self.engine.remove_network(network).await {
            // Nobody can do anything about it, and it is in nobody's way.
            Err(EngineError::Miscounted { name }) => {
                let text = format!(
                    "the network `{name}` stays: the engine counts a user of it that isn't there; after a restart of the engine, `jobsprint-dev down` removes it"
                );
                self.events.tell(Event::Warning { text });
                Ok(Done::Unchanged)
            }
            removed => {
                removed.map_err(|error| faults::at(title, error))?;
                Ok(Done::Changed)
            }
        }
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        match replace::create(&*self.engine, spec).await {
            Err(EngineError::NameTaken { .. }) if self.has_container(spec).await => Ok(()),
            created => created
                .map(drop)
                .map_err(|error| faults::creating(&spec.name, error)),
        }
    }

    /// Whether this project has this network already.
    async fn has_network(&self, spec: &NetworkSpec) -> bool {
        let observed = self.engine.observe(&self.stack.project, &[]).await;
        observed.is_ok_and(|observed| {
            let mut networks = observed.networks.iter();
            networks.any(|found| found.name == spec.network.name)
        })
    }

    /// Whether this project has this very container already, as a run that was killed may leave it.
    async fn has_container(&self, spec: &ContainerSpec) -> bool {
        let found = self.engine.container(&spec.name).await;
        let same = |label: &str, labels: &BTreeMap<String, String>| {
            labels.get(label) == spec.labels.get(label)
        };
        matches!(found, Ok(Some(found))
            if same(PROJECT, &found.labels) && same(CONFIG_HASH, &found.labels))
    }

    async fn start(&self, step: &Step, name: &str) -> Result<(), Failure> {
        let container = ContainerId::new(name);
        let service = self.service(step)?;
        let started = self.engine.start_container(&container).await;
        started.map_err(|error| faults::starting(service, error))?;
        self.hooks(step, &container, |service| &service.post_start)
            .await
    }

    async fn wait(&self, step: &Step, name: &str, until: Until) -> Result<Done, Failure> {
        let service = self.service(step)?;
        let subscription = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        let engine_events = subscription.expect("each wait of the plan has its subscription");
        let limit = self
            .limit
            .map(|limit| limit.saturating_sub(self.events.elapsed()));
        let again = engine_events.resubscribe();
        // The engine's events name containers by id alone.
        let found = self.engine.container(name).await;
        let found = found.map_err(|error| faults::at(&describe(step), error))?;
        let container = found.ok_or_else(|| faults::vanished(service))?.id;
        let wait = |engine_events| Wait {
            service,
            container: &container,
            until,
            limit,
            engine_events,
            events: &self.events,
        };
        let waited = self.prober.wait(wait(engine_events)).await;
        let mut done = Done::Unchanged;
        let is_own = service.home == Home::Own;
        let took = if is_own && self.keeps_another(service, name, waited.is_ok()).await {
            self.mend(service, &container).await?;
            done = Done::Changed;
            // The login with the new password is the proof.
            self.prober.wait(wait(again)).await?
        } else {
            waited?
        };
        if until == Until::Ready {
            self.standing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(container, Stander::of(service));
        }
        let was_started_here = !step.needs.is_empty();
        if was_started_here {
            self.times().insert(service.name.clone(), took);
        }
        Ok(done)
    }

    /// The services that were started, with their times to ready.
    pub fn ready(&self) -> BTreeMap<ServiceName, Duration> {
        self.times().clone()
    }

    fn times(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Duration>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a service's hooks in its container, one after the other.
    async fn hooks(
        &self,
        step: &Step,
        container: &ContainerId,
        of: impl Fn(&Service) -> &Vec<crate::domain::Hook>,
    ) -> Result<(), Failure> {
        let Some(service) = step
            .service
            .as_ref()
            .and_then(|name| self.stack.service(name))
        else {
            return Ok(());
        };
        for hook in of(service) {
            let request = ExecRequest {
                command: hook.command.clone(),
                environment: hook.environment.clone(),
                user: hook.user.clone(),
                working_dir: hook.working_dir.clone(),
                privileged: hook.privileged,
                ..ExecRequest::default()
            };
            let ran = self.engine.execute(container, &request).await;
            let ran = ran.map_err(|error| faults::at(&describe(step), error))?;
            if ran.code != 0 {
                return Err(faults::hook(service, &hook.command, &ran));
            }
        }
        Ok(())
    }

    fn service(&self, step: &Step) -> Result<&Service, Failure> {
        step.service
            .as_ref()
            .and_then(|name| self.stack.service(name))
            .ok_or_else(|| {
                let message = format!("`{}` is planned for no service", describe(step));
                Failure::new(FailureKind::Bug, message)
            })
    }
}

fn done(changed: bool) -> Done {
    if changed {
        Done::Changed
    } else {
        Done::Unchanged
    }
}

fn worked(outcome: Result<DataOutcome, DataError>) -> Result<Done, Failure> {
    let outcome = outcome.map_err(Failure::from)?;
    Ok(done(outcome != DataOutcome::NothingDue))
}

/// The images that a stack's services are made from.
pub(super) fn images_of(stack: &Stack) -> Vec<ImageRef> {
    stack
        .services
        .values()
        .map(|service| service.image.reference.clone())
        .collect()
}

/// Whether a failed service leaves the whole a success.
pub(super) fn is_optional(stack: &Stack, service: Option<&ServiceName>) -> bool {
    service
        .and_then(|name| stack.service(name))
        .is_some_and(|service| service.necessity == Necessity::Optional)
}
