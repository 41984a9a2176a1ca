//! Carries out a plan: every step starts the moment all that it waits for has ended, with no barriers between phases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::Interrupt;
use crate::domain::Failure;
use crate::event::{Event, Events, StepId};
use crate::plan::{Plan, Step};

/// What a step that ended well did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It altered something.
    Changed,
    /// All was as it should be.
    Unchanged,
}

/// Whoever makes the single calls.
#[async_trait]
pub trait Perform: Send + Sync + 'static {
    /// Makes one call. May be dropped at any await when the run is interrupted.
    async fn perform(&self, step: &Step) -> Result<Done, Failure>;
}

/// How a plan ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Outcome {
    /// Failures in the order in which they happened.
    pub failures: Vec<(StepId, Failure)>,
    /// Steps that were not tried, each with the failed step at its root.
    pub skipped: BTreeMap<StepId, StepId>,
    /// Whether any step altered something.
    pub changed: bool,
    /// Whether the person interrupted it.
    pub interrupted: bool,
}

/// Carries out `plan`, telling each step's fate; a failure skips only what waits on it.
pub async fn execute(
    plan: Arc<Plan>,
    performer: Arc<dyn Perform>,
    events: &Events,
    interrupt: &Interrupt,
) -> Outcome {
    let mut progress = Progress::new(&plan);
    let mut running = JoinSet::new();
    loop {
        for step in progress.due() {
            events.tell(Event::StepStarted { step });
            running.spawn(one_step(step, Arc::clone(&plan), Arc::clone(&performer)));
        }
        let ended = tokio::select! {
            biased;
            () = interrupt.raised() => None,
            ended = running.join_next() => Some(ended),
        };
        match ended {
            None => {
                running.shutdown().await;
                progress.outcome.interrupted = true;
                return progress.outcome;
            }
            Some(None) => return progress.outcome,
            Some(Some(Ok(ended))) => progress.settle(ended, events),
            Some(Some(Err(fault))) => {
                // A step that panicked: the panic's own report is on its way; nothing else may hang on it.
                running.shutdown().await;
                std::panic::resume_unwind(fault.into_panic());
            }
        }
    }
}

/// A step's end.
struct Ended {
    step: StepId,
    took: std::time::Duration,
    result: Result<Done, Failure>,
}

async fn one_step(step: StepId, plan: Arc<Plan>, performer: Arc<dyn Perform>) -> Ended {
    let began = Instant::now();
    let result = performer.perform(plan.step(step)).await;
    Ended {
        step,
        took: began.elapsed(),
        result,
    }
}

/// Which steps wait for what: the only state of a run, owned by its one loop.
struct Progress<'a> {
    plan: &'a Plan,
    waiting: BTreeMap<StepId, BTreeSet<StepId>>,
    dependents: BTreeMap<StepId, Vec<StepId>>,
    due: Vec<StepId>,
    outcome: Outcome,
}

impl<'a> Progress<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut progress = Self {
            plan,
            waiting: BTreeMap::new(),
            dependents: BTreeMap::new(),
            due: Vec::new(),
            outcome: Outcome::default(),
        };
        for (id, step) in plan.steps() {
            let before: BTreeSet<StepId> = step.needs.union(&step.after).copied().collect();
            if before.is_empty() {
                progress.due.push(id);
                continue;
            }
            for other in &before {
                progress.dependents.entry(*other).or_default().push(id);
            }
            progress.waiting.insert(id, before);
        }
        progress
    }

    fn due(&mut self) -> Vec<StepId> {
        std::mem::take(&mut self.due)
    }

    fn settle(&mut self, ended: Ended, events: &Events) {
        let Ended { step, took, result } = ended;
        match result {
            Ok(done) => {
                let unchanged = done == Done::Unchanged;
                self.outcome.changed |= !unchanged;
                events.tell(Event::StepDone {
                    step,
                    took,
                    unchanged,
                });
                self.release(step);
            }
            Err(failure) => {
                events.tell(Event::StepFailed {
                    step,
                    failure: failure.clone(),
                });
                self.outcome.failures.push((step, failure));
                self.skip_dependents(step, events);
            }
        }
    }

    /// Lets go on what waited for `ended`.
    fn release(&mut self, ended: StepId) {
        for step in self.dependents.remove(&ended).unwrap_or_default() {
            let Some(before) = self.waiting.get_mut(&step) else {
                continue;
            };
            before.remove(&ended);
            if before.is_empty() {
                self.waiting.remove(&step);
                self.due.push(step);
            }
        }
    }

    /// Skips all that needs `root`, and lets go on what only comes after.
    fn skip_dependents(&mut self, root: StepId, events: &Events) {
        let mut ended = vec![root];
        while let Some(step) = ended.pop() {
            let dependents = self.dependents.get(&step).cloned().unwrap_or_default();
            for dependent in dependents {
                let needs_it = self.plan.step(dependent).needs.contains(&step);
                if needs_it && self.waiting.remove(&dependent).is_some() {
                    events.tell(Event::StepSkipped {
                        step: dependent,
                        because: root,
                    });
                    self.outcome.skipped.insert(dependent, root);
                    ended.push(dependent);
                }
            }
            self.release(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::domain::{Condition, FailureKind, Observed, Stack};
    use crate::plan::fixture::{service, stack};
    use crate::plan::{UpOptions, describe, up};

    /// A world in which each step takes a second, and those named fail.
    struct Scripted {
        failing: Vec<&'static str>,
        done: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Perform for Scripted {
        async fn perform(&self, step: &Step) -> Result<Done, Failure> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let title = describe(step);
            if self.failing.contains(&title.as_str()) {
                return Err(Failure::new(FailureKind::Image, "no registry has it"));
            }
            self.done.lock().expect("no panic").push(title);
            Ok(Done::Changed)
        }
    }

    async fn run(stack: &Stack, failing: &[&'static str]) -> (Outcome, Vec<String>, Duration) {
        let plan = up(stack, &Observed::default(), &UpOptions::default()).expect("known");
        let world = Arc::new(Scripted {
            failing: failing.to_vec(),
            done: Mutex::default(),
        });
        let (events, _listener) = Events::channel();
        let began = tokio::time::Instant::now();
        let outcome = execute(
            Arc::new(plan),
            Arc::clone(&world) as Arc<dyn Perform>,
            &events,
            &Interrupt::new(),
        )
        .await;
        let done = world.done.lock().expect("no panic").clone();
        (outcome, done, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_wait_for_nothing_run_at_once() {
        let stack = stack([service("a"), service("b"), service("c")]);

        let (outcome, done, took) = run(&stack, &[]).await;

        // Image or network, create, start, ready: four seconds for three services as for one.
        assert_eq!(took.as_secs(), 4);
        assert_eq!(done.len(), 13);
        assert!(outcome.changed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_skips_only_what_needs_it() {
        let stack = stack([
            service("db"),
            service("api").after("db", Condition::Healthy),
            service("web"),
        ]);

        let (outcome, done, _) = run(&stack, &["get image db:1"]).await;

        assert_eq!(outcome.failures.len(), 1);
        // db: create, start, ready; api: start, ready. Its container is made all the same.
        assert_eq!(outcome.skipped.len(), 5);
        assert!(done.contains(&"create container shop-api-1".to_owned()));
        assert!(done.contains(&"wait until shop-web-1 is ready".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dependency_that_is_not_required_lets_go_when_it_fails() {
        let mut api = service("api").after("cache", Condition::Healthy);
        for dependency in api.depends_on.values_mut() {
            dependency.necessity = crate::domain::Necessity::Optional;
        }
        let stack = stack([service("cache"), api]);

        let (_, done, _) = run(&stack, &["get image cache:1"]).await;

        assert!(done.contains(&"start shop-api-1".to_owned()), "{done:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_the_run_at_once() {
        let stack = stack([service("a")]);
        let plan = up(&stack, &Observed::default(), &UpOptions::default()).expect("known");
        let world = Scripted {
            failing: Vec::new(),
            done: Mutex::default(),
        };
        let (events, _listener) = Events::channel();
        let interrupt = Interrupt::new();
        interrupt.raise();

        let outcome = execute(Arc::new(plan), Arc::new(world), &events, &interrupt).await;

        assert!(outcome.interrupted);
        assert!(outcome.failures.is_empty());
    }
}
