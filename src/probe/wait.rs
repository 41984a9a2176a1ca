//! Waits for one service: gathers what is heard of it, and lets [`ReadyWait`] decide.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::{BoxFuture, FutureExt, OptionFuture};
use futures_util::stream::{BoxStream, StreamExt};
use regex::Regex;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::life::{Eagerness, signs};
use super::{Answer, Prober, Target, failure, log};
use crate::domain::{
    ContainerId, ContainerState, ExitCause, Failure, ObservedContainer, Readiness, Service,
};
use crate::engine::{EngineEvent, EngineEventKind};
use crate::event::{Event, Events};
use crate::supervise::patience::Patience;
use crate::supervise::readiness::{Goal, ReadyWait, Sign, Verdict, Why};

/// What a service is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It is ready, in its own way.
    Ready,
    /// It ran to its end with exit code 0.
    Complete,
}

/// One wait.
#[derive(Debug)]
pub struct Wait<'a> {
    /// The service.
    pub service: &'a Service,
    /// Its container, started.
    pub container: &'a ContainerId,
    /// What it is waited for.
    pub until: Until,
    /// The person's hard limit.
    pub limit: Option<Duration>,
    /// What happens at the engine. Subscribed before the container was started, so that no exit is missed.
    pub engine_events: broadcast::Receiver<EngineEvent>,
    /// Who is told what is waited for.
    pub events: &'a Events,
}

/// At least so often it is told what is waited for.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// So often a log that is followed is looked through too: an engine that looks at a file just before a line is written, and
/// watches it just afterwards, tells nobody of the line.
const LOOK_THROUGH_EVERY: Duration = Duration::from_secs(2);

impl Prober {
    /// Waits until the goal is reached, and says how long it took.
    ///
    /// Tells [`Event::Waiting`] whenever the reason changes and at least each second, and [`Event::Ready`] at the end.
    /// May be dropped at any moment.
    ///
    /// # Errors
    /// Who failed, why, and what it said last.
    pub async fn wait(&self, wait: Wait<'_>) -> Result<Duration, Failure> {
        self.wait_and_measure(wait).await.map(|waited| waited.took)
    }

    /// The same, and says too how long the last question took.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn wait_and_measure(&self, wait: Wait<'_>) -> Result<Waited, Failure> {
        let mut watch = Watch::begin(self, wait).await?;
        let took = watch.run().await?;
        if watch.wait.until == Until::Ready {
            let service = watch.wait.service.name.clone();
            watch.wait.events.tell(Event::Ready { service, took });
        }
        let asking = watch.asked;
        Ok(Waited { took, asking })
    }
}

/// How long a wait took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// In all.
    pub took: Duration,
    /// The last question, of which the answer was yes; nothing where nobody was asked.
    pub asking: Duration,
}

/// What a turn of the loop brings.
enum Input {
    Engine(Result<EngineEvent, RecvError>),
    Answered(Answer),
    Life(Option<Sign>),
    Clock,
}

/// The state of a wait that goes on.
struct Watch<'a> {
    prober: &'a Prober,
    wait: Wait<'a>,
    machine: ReadyWait,
    target: Arc<Target>,
    /// The pattern, where the log itself is the probe.
    pattern: Option<Regex>,
    life: BoxStream<'static, Sign>,
    asking: Option<BoxFuture<'a, Answer>>,
    asked_at: Instant,
    /// How long the last question took.
    asked: Duration,
    ran_out_of_memory: bool,
    hears_engine: bool,
    told: Option<(String, Instant)>,
}

impl<'a> Watch<'a> {
    async fn begin(prober: &'a Prober, wait: Wait<'a>) -> Result<Self, Failure> {
        let began = Instant::now();
        let service = wait.service;
        let container = look(prober, &wait).await?;
        let mut patience = Patience::with(service);
        if let Some(limit) = wait.limit {
            patience = patience.at_most(limit);
        }
        let goal = goal(prober, service, wait.until).await;
        let restart = service.container.restart;
        let age = running_since(&container).and_then(|since| since.elapsed().ok());
        let machine = ReadyWait::new(goal, restart, patience, began.into_std())
            .running_for(age.unwrap_or_default());
        let target = Target::of(&*prober.engine, &prober.facts, service, container).await;
        let mut watch = Self {
            life: futures_util::stream::pending().boxed(),
            target: Arc::new(target),
            pattern: None,
            asking: None,
            asked_at: began,
            asked: Duration::ZERO,
            ran_out_of_memory: false,
            hears_engine: true,
            told: None,
            prober,
            wait,
            machine,
        };
        if let (Goal::Probe, Readiness::Log { pattern }) = (goal, &service.ready) {
            match log::compile(pattern) {
                Ok(pattern) => watch.pattern = Some(pattern),
                Err(answer) => {
                    let asking = Duration::ZERO;
                    let verdict = watch.hear(Sign::Answered { answer, asking });
                    watch.judge(verdict).await?;
                }
            }
        }
        watch.listen_for_life();
        Ok(watch)
    }

    async fn run(&mut self) -> Result<Duration, Failure> {
        // What happened before the first look is known by the look, and what came after it by events.
        let verdict = match end_of(&self.target.container) {
            Some(cause) => self.hear(Sign::Died(cause)),
            None => self.machine.at(Instant::now().into_std()),
        };
        if let Some(took) = self.judge(verdict).await? {
            return Ok(took);
        }
        loop {
            self.tell();
            let input = self.next().await;
            let verdict = self.take(input).await?;
            if let Some(took) = self.judge(verdict).await? {
                return Ok(took);
            }
        }
    }

    async fn next(&mut self) -> Input {
        let wake = self.ask_if_due();
        tokio::select! {
            biased;
            event = self.wait.engine_events.recv(), if self.hears_engine => Input::Engine(event),
            Some(answer) = OptionFuture::from(self.asking.as_mut()) => Input::Answered(answer),
            sign = self.life.next() => Input::Life(sign),
            () = sleep_until(wake) => Input::Clock,
        }
    }

    /// Begins to ask where it is time, and says when the loop has to turn again by itself.
    fn ask_if_due(&mut self) -> Instant {
        let mut wake = Instant::from_std(self.machine.deadline());
        wake = wake.min(Instant::now() + TELL_EVERY);
        if self.asking.is_some() {
            return wake;
        }
        let Some(mut due) = self.machine.next_probe().map(Instant::from_std) else {
            return wake;
        };
        if self.pattern.is_some() {
            due = due.max(self.asked_at + LOOK_THROUGH_EVERY);
        }
        if Instant::now() < due {
            return wake.min(due);
        }
        let (prober, target) = (self.prober, self.target.clone());
        self.asked_at = Instant::now();
        self.asking = Some(async move { prober.once(&target).await }.boxed());
        wake
    }

    async fn take(&mut self, input: Input) -> Result<Verdict, Failure> {
        match input {
            Input::Answered(answer) => {
                self.asking = None;
                let asking = self.asked_at.elapsed();
                self.asked = asking;
                Ok(self.hear(Sign::Answered { answer, asking }))
            }
            Input::Life(Some(Sign::Logged(line))) => Ok(self.read(line)),
            Input::Life(Some(sign)) => Ok(self.hear(sign)),
            Input::Life(None) => {
                self.life = futures_util::stream::pending().boxed();
                self.see_that_the_engine_is_there().await
            }
            Input::Engine(Ok(event)) => self.happened(&event).await,
            Input::Engine(Err(RecvError::Lagged(_))) => self.look_afresh().await,
            Input::Engine(Err(RecvError::Closed)) => {
                self.hears_engine = false;
                Ok(Verdict::Waiting)
            }
            Input::Clock if !self.hears_engine => self.look_afresh().await,
            Input::Clock => Ok(self.machine.at(Instant::now().into_std())),
        }
    }

    fn read(&mut self, line: String) -> Verdict {
        let is_match = self.pattern.as_ref().map(|pattern| pattern.is_match(&line));
        let asking = Duration::ZERO;
        match (is_match, &self.pattern) {
            (Some(true), _) => {
                let answer = Answer::Ready;
                self.hear(Sign::Answered { answer, asking })
            }
            (Some(false), Some(pattern)) => {
                let answer = log::not_yet(pattern);
                let _ = self.hear(Sign::Answered { answer, asking });
                self.hear(Sign::Logged(line))
            }
            _ => self.hear(Sign::Logged(line)),
        }
    }

    async fn happened(&mut self, event: &EngineEvent) -> Result<Verdict, Failure> {
        if event.kind == EngineEventKind::Resync {
            return self.look_afresh().await;
        }
        if &event.container != self.wait.container || self.is_stale(event) {
            return Ok(Verdict::Waiting);
        }
        let sign = match event.kind {
            EngineEventKind::Died { code } => {
                let out_of_memory = std::mem::take(&mut self.ran_out_of_memory);
                self.asking = None;
                Sign::Died(ExitCause {
                    code,
                    out_of_memory,
                })
            }
            EngineEventKind::OutOfMemory => {
                self.ran_out_of_memory = true;
                return Ok(Verdict::Waiting);
            }
            // The first start may be told after the first look; only a look knows whether this is another run.
            EngineEventKind::Started => return self.look_afresh().await,
            EngineEventKind::Healthy => Sign::Healthy,
            EngineEventKind::Unhealthy => Sign::Unhealthy,
            EngineEventKind::Removed => Sign::Removed,
            EngineEventKind::Created | EngineEventKind::Resync => return Ok(Verdict::Waiting),
        };
        Ok(self.hear(sign))
    }

    /// Whether the event belongs to a run before the one that was looked at.
    fn is_stale(&self, event: &EngineEvent) -> bool {
        let ContainerState::Running { since, .. } = self.target.container.state else {
            return false;
        };
        since
            .duration_since(UNIX_EPOCH)
            .is_ok_and(|since| u128::from(event.at) < since.as_nanos())
    }

    /// Looks at the container where events may have been missed.
    async fn look_afresh(&mut self) -> Result<Verdict, Failure> {
        let was_since = running_since(&self.target.container);
        let Some(container) = self
            .prober
            .engine
            .container(self.wait.container.as_str())
            .await
            .map_err(|error| failure::of_engine(self.wait.service, &error))?
        else {
            return Ok(self.hear(Sign::Removed));
        };
        if let Some(cause) = end_of(&container) {
            return Ok(self.hear(Sign::Died(cause)));
        }
        if running_since(&container) != was_since {
            self.follow_restart().await?;
            return Ok(self.hear(Sign::Started));
        }
        Ok(self.machine.at(Instant::now().into_std()))
    }

    /// The log of a container that ends is followed by its event; where the engine itself is gone, no event ever comes.
    async fn see_that_the_engine_is_there(&mut self) -> Result<Verdict, Failure> {
        let name = self.wait.container.as_str();
        match self.prober.engine.container(name).await {
            Ok(_) => Ok(Verdict::Waiting),
            Err(error) => Err(failure::of_engine(self.wait.service, &error)),
        }
    }

    /// A container that started again may have another address, and a new log stream.
    async fn follow_restart(&mut self) -> Result<(), Failure> {
        let (prober, service) = (self.prober, self.wait.service);
        let container = look(prober, &self.wait).await?;
        let target = Target::of(&*prober.engine, &prober.facts, service, container).await;
        self.target = Arc::new(target);
        self.asking = None;
        self.listen_for_life();
        Ok(())
    }

    fn listen_for_life(&mut self) {
        let eagerness = match self.pattern {
            Some(_) => Eagerness::FromTheStart,
            None => Eagerness::Later,
        };
        let engine = self.prober.engine.clone();
        self.life = signs(engine, &self.target.container, eagerness);
    }

    fn hear(&mut self, sign: Sign) -> Verdict {
        self.machine.hear(sign, Instant::now().into_std())
    }

    async fn judge(&mut self, verdict: Verdict) -> Result<Option<Duration>, Failure> {
        match verdict {
            Verdict::Waiting => Ok(None),
            Verdict::Reached { took } => Ok(Some(took)),
            Verdict::Failed(why) => Err(self.failure(&why).await),
        }
    }

    async fn failure(&mut self, why: &Why) -> Failure {
        let engine = &*self.prober.engine;
        failure::of(
            engine,
            self.wait.service,
            self.wait.container,
            self.machine.last_answer(),
            why,
        )
        .await
    }

    fn tell(&mut self) {
        let reason = self.machine.reason();
        let now = Instant::now();
        if let Some((told, at)) = &self.told
            && *told == reason
            && now - *at < TELL_EVERY
        {
            return;
        }
        self.wait.events.tell(Event::Waiting {
            service: self.wait.service.name.clone(),
            reason: reason.clone(),
            elapsed: self.machine.waited(now.into_std()),
        });
        self.told = Some((reason, now));
    }
}

async fn look(prober: &Prober, wait: &Wait<'_>) -> Result<ObservedContainer, Failure> {
    match prober.engine.container(wait.container.as_str()).await {
        Ok(Some(container)) => Ok(container),
        Ok(None) => {
            let message = format!("`{}` {}", wait.service.name, Why::Removed);
            Err(Failure::new(crate::domain::FailureKind::Exited, message))
        }
        Err(error) => Err(failure::of_engine(wait.service, &error)),
    }
}

/// What shows that the service is ready: a healthcheck that only its image knows can't be run by the tool.
async fn goal(prober: &Prober, service: &Service, until: Until) -> Goal {
    if until == Until::Complete {
        return Goal::Completion;
    }
    let is_given = service.container.healthcheck.is_some();
    if service.ready != Readiness::Healthcheck || is_given {
        return Goal::of(&service.ready);
    }
    let image = prober.engine.image_command(&service.image.reference).await;
    if image.is_ok_and(|image| image.has_healthcheck) {
        Goal::EngineHealth
    } else {
        Goal::Running
    }
}

/// How it ended for good, as far as the look tells; between two runs, the next event tells more.
fn end_of(container: &ObservedContainer) -> Option<ExitCause> {
    matches!(container.state, ContainerState::Exited { .. })
        .then(|| container.end())
        .flatten()
}

fn running_since(container: &ObservedContainer) -> Option<std::time::SystemTime> {
    match container.state {
        ContainerState::Running { since, .. } => Some(since),
        _ => None,
    }
}
