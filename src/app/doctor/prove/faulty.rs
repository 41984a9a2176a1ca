//! Hands that put a fault into a start.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use crate::app::faults;
use crate::doctor::{LATE, StartFault, takes_scripts};
use crate::domain::{ContainerId, ContainerSpec, Failure, ServiceName, Stack};
use crate::engine::{Engine, ImageCommand, Removal};
use crate::plan::{Action, Step, describe};
use crate::run::{Done, Perform};

/// How long a service boots before it is restarted: all that takes longer is caught in the middle.
const INTO_BOOT: Duration = Duration::from_secs(1);

/// Hands that are clumsy with one service.
pub(super) struct Faulty {
    performer: Arc<dyn Perform>,
    engine: Arc<dyn Engine>,
    victim: ServiceName,
    fault: Clumsiness,
    /// The names of the containers whose own shell sleeps.
    asleep: Mutex<BTreeSet<String>>,
}

/// What is done to the victim's start.
enum Clumsiness {
    /// It comes later; until then nothing of the service's name is there.
    PutOff,
    /// A shell sleeps before the service's own command; without a shell, the container is frozen for a while.
    Delay,
    /// It is done twice.
    Restart,
}

impl Faulty {
    /// `performer`, with `fault`; faults that are built into the stack itself need no hands.
    pub fn around(
        performer: Arc<dyn Perform>,
        engine: &Arc<dyn Engine>,
        stack: &Stack,
        fault: &StartFault,
    ) -> Arc<dyn Perform> {
        let (victim, fault) = match fault {
            StartFault::Starved => return performer,
            StartFault::Slow(victim) if stack.service(victim).is_some_and(takes_scripts) => {
                return performer;
            }
            StartFault::Slow(victim) => (victim, Clumsiness::Delay),
            StartFault::Nameless(victim) => (victim, Clumsiness::PutOff),
            StartFault::Restarted(victim) => (victim, Clumsiness::Restart),
        };
        Arc::new(Self {
            performer,
            engine: Arc::clone(engine),
            victim: victim.clone(),
            fault,
            asleep: Mutex::default(),
        })
    }

    /// Makes the container; a service that is to be slow gets a shell that sleeps first, where the image has one.
    async fn create(&self, step: &Step, spec: &ContainerSpec) -> Result<Done, Failure> {
        let done = self.performer.perform(step).await?;
        if !matches!(self.fault, Clumsiness::Delay) {
            return Ok(done);
        }
        let failed = |error| faults::at(&describe(step), error);
        let container = ContainerId::new(spec.name.as_str());
        if !self
            .engine
            .has_file(&container, "/bin/sh")
            .await
            .map_err(failed)?
        {
            return Ok(done);
        }
        let image = self
            .engine
            .image_command(&spec.image)
            .await
            .map_err(failed)?;
        let removed = self
            .engine
            .remove_container(&container, Removal::KeepVolumes);
        removed.await.map_err(failed)?;
        let mut slow = step.clone();
        slow.action = Action::CreateContainer(Box::new(with_sleep(spec, image)));
        self.asleep().insert(spec.name.clone());
        self.performer.perform(&slow).await
    }

    async fn start(&self, step: &Step, name: &str) -> Result<Done, Failure> {
        let container = ContainerId::new(name);
        let failed = |error| faults::at(&describe(step), error);
        match self.fault {
            Clumsiness::PutOff => {
                sleep(LATE).await;
                self.performer.perform(step).await
            }
            Clumsiness::Delay => {
                let done = self.performer.perform(step).await?;
                if self.asleep().contains(name) {
                    return Ok(done);
                }
                let frozen = self.engine.pause_container(&container).await;
                frozen.map_err(failed)?;
                Ok(done)
            }
            Clumsiness::Restart => {
                let done = self.performer.perform(step).await?;
                sleep(INTO_BOOT).await;
                let restarted = self.engine.restart_container(&container, None).await;
                restarted.map_err(failed)?;
                Ok(done)
            }
        }
    }

    /// Before the victim is waited for, it gets its time to sleep where it can't do that by itself.
    async fn complete(&self, step: &Step, name: &str) -> Result<(), Failure> {
        match self.fault {
            Clumsiness::Restart | Clumsiness::PutOff => {}
            Clumsiness::Delay if self.asleep().contains(name) => {}
            Clumsiness::Delay => {
                sleep(LATE).await;
                let going = self.engine.unpause_container(&ContainerId::new(name)).await;
                going.map_err(|error| faults::at(&describe(step), error))?;
            }
        }
        Ok(())
    }

    fn asleep(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Perform for Faulty {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        if step.service.as_ref() != Some(&self.victim) {
            return self.performer.perform(step).await;
        }
        match &step.action {
            Action::CreateContainer(spec) => self.create(step, spec).await,
            Action::StartContainer { name } => self.start(step, name).await,
            Action::AwaitReady { name } | Action::AwaitCompletion { name } => {
                self.complete(step, name).await?;
                self.performer.perform(step).await
            }
            _ => self.performer.perform(step).await,
        }
    }
}

/// The container with a shell that sleeps, and then becomes what it would have run.
fn with_sleep(spec: &ContainerSpec, image: ImageCommand) -> ContainerSpec {
    let mut spec = spec.clone();
    let settings = &mut spec.settings;
    // An entrypoint of the file's own drops the image's command, too.
    let command = match (settings.command.take(), &settings.entrypoint) {
        (Some(command), _) => command,
        (None, Some(_)) => Vec::new(),
        (None, None) => image.command,
    };
    let entrypoint = settings.entrypoint.take().unwrap_or(image.entrypoint);
    let script = format!("sleep {}; exec \"$@\"", LATE.as_secs());
    let shell = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
    settings.entrypoint = Some(shell.to_vec());
    settings.command = Some([entrypoint, command].concat());
    spec
}
