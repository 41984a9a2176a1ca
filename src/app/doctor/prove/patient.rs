//! A copy of the stack: started with a fault, then hurt while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::faulty::Faulty;
use super::recovery::Recovery;
use crate::app::ci::Apart;
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::up::{self, Walk, Walked};
use crate::app::{conclusion, faults};
use crate::doctor::{StartFault, Trial, afflicted, lost, unlucky_start};
use crate::domain::{Consent, Failure, Observed, Phase, ServiceName, Verdict};
use crate::engine::Engine;
use crate::event::Events;
use crate::plan::{self, Plan, UpOptions};

/// A copy of the stack.
pub(super) struct Patient<'a> {
    session: &'a Session,
    engine: &'a Arc<dyn Engine>,
    services: Vec<String>,
    /// The copy.
    pub project: Project,
}

impl<'a> Patient<'a> {
    /// A copy that `fault` is built into.
    pub fn new(
        session: &'a Session,
        engine: &'a Arc<dyn Engine>,
        apart: Apart,
        services: &[String],
        fault: &StartFault,
    ) -> Self {
        let mut project = apart.project;
        let copy = afflicted(&project.stack, &project.loaded.stack, fault);
        project.stack = Arc::new(copy);
        Self {
            session,
            engine,
            services: services.to_vec(),
            project,
        }
    }

    /// Starts it; where that went well, hurts it and waits until it is whole again.
    ///
    /// # Errors
    /// Where the engine fails.
    pub async fn undergo(
        &self,
        trial: &Trial,
        names: &BTreeSet<ServiceName>,
    ) -> Result<Vec<Verdict>, Failure> {
        let began = Instant::now();
        let failed = self.start(Some(&trial.start)).await?;
        if !failed.is_empty() {
            return Ok(unlucky_start(&self.project.stack, &trial.start, &failed));
        }
        let recovery = Recovery {
            engine: self.engine,
            stack: &self.project.stack,
            names,
            start: began.elapsed(),
        };
        let mut gone = recovery.after(&trial.later).await?;
        let is_left_to_up = |service: &ServiceName| recovery.is_left_to_up(&trial.later, service);
        if gone.keys().any(is_left_to_up) {
            // The engine starts these by itself never; `up` does, and in order.
            gone.retain(|service, _| !is_left_to_up(service));
            gone.extend(self.start(None).await?);
        }
        Ok(lost(&trial.later, &gone))
    }

    /// Brings it up; gives the services that failed, and those that only a restart helped.
    async fn start(
        &self,
        fault: Option<&StartFault>,
    ) -> Result<BTreeMap<ServiceName, Vec<String>>, Failure> {
        let stack = &self.project.stack;
        let observed = self.observe().await?;
        let options = UpOptions {
            services: self.services.clone(),
            seed: Phase::Skip,
            ..UpOptions::default()
        };
        let plan = plan::up(stack, &observed, &options).map_err(|error| up::unknown(&error))?;
        let plan = Arc::new(plan);
        // Nobody reads along: what went wrong is told as a verdict.
        let (events, _nobody) = Events::channel();
        let walk = Walk {
            project: &self.project,
            engine: self.engine,
            plan: &plan,
            limit: None,
            packages: Consent::Ask,
            stale: BTreeSet::new(),
            events: &events,
            interrupt: &self.session.interrupt,
        };
        let walked = walk.by(|performer| match fault {
            Some(fault) => Faulty::around(performer, self.engine, stack, fault),
            None => performer,
        });
        let walked = walked.await?;
        if walked.outcome.interrupted {
            return Err(conclusion::interrupted());
        }
        let mut failed = failures(&plan, &walked);
        for found in self.observe().await?.containers {
            if found.restarts > 0 && fault.is_some() {
                let how = format!(
                    "it ended, and the engine started it {} times again",
                    found.restarts
                );
                failed.entry(found.service).or_insert_with(|| vec![how]);
            }
        }
        Ok(failed)
    }

    async fn observe(&self) -> Result<Observed, Failure> {
        let stack = &self.project.stack;
        let observed = self.engine.observe(&stack.project, &images_of(stack)).await;
        observed.map_err(|error| faults::at("look at the copy", error))
    }
}

/// Who failed, and how; those that another's failure held back are left out.
fn failures(plan: &Plan, walked: &Walked) -> BTreeMap<ServiceName, Vec<String>> {
    let mut failed = BTreeMap::new();
    for (step, failure) in &walked.outcome.failures {
        let Some(service) = &plan.step(*step).service else {
            continue;
        };
        let told = failed.entry(service.clone()).or_insert_with(Vec::new);
        if told.is_empty() {
            told.push(failure.message.clone());
            told.extend(failure.details.iter().take(DETAILS).cloned());
        }
    }
    failed
}

/// So many lines of a failure are evidence enough.
const DETAILS: usize = 6;
