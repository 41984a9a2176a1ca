//! How far each step has got, and from that, the stage of each service.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ServiceName;
use crate::event::{Event, Stamped, StepId, StepKind, StepSummary};
use crate::report::row::Stage;
use crate::report::steps::Steps;
use crate::report::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Running { since: Duration },
    Done,
    Failed,
    Skipped { because: StepId },
}

/// The courses of a plan's steps, with the reasons and times that services told.
#[derive(Debug, Default)]
pub struct Courses {
    by_step: BTreeMap<StepId, Course>,
    reasons: BTreeMap<ServiceName, String>,
    ready: BTreeMap<ServiceName, Duration>,
}

impl Courses {
    /// Takes in what happened. A new plan begins anew, but what is ready stays known.
    pub fn learn(&mut self, stamped: &Stamped) {
        let (step, course) = match &stamped.event {
            Event::Planned { .. } => {
                self.by_step.clear();
                self.reasons.clear();
                return;
            }
            Event::Waiting {
                service, reason, ..
            } => {
                self.reasons.insert(service.clone(), reason.clone());
                return;
            }
            Event::Ready { service, took } => {
                self.reasons.remove(service);
                self.ready.insert(service.clone(), *took);
                return;
            }
            Event::StepStarted { step } => (step, Course::Running { since: stamped.at }),
            Event::StepDone { step, .. } => (step, Course::Done),
            Event::StepFailed { step, .. } => (step, Course::Failed),
            Event::StepSkipped { step, because } => (step, Course::Skipped { because: *because }),
            _ => return,
        };
        self.by_step.insert(*step, course);
    }

    /// Whether a step is being carried out.
    pub fn is_running(&self, step: StepId) -> bool {
        matches!(self.by_step.get(&step), Some(Course::Running { .. }))
    }

    /// Every service of the plan with its stage, by name.
    pub fn stages(&self, steps: &Steps, now: Duration) -> Vec<(ServiceName, Stage)> {
        let mut by_service: BTreeMap<&ServiceName, Vec<&StepSummary>> = BTreeMap::new();
        for step in steps.iter() {
            if let Some(service) = &step.service {
                by_service.entry(service).or_default().push(step);
            }
        }
        by_service
            .into_iter()
            .map(|(service, own)| (service.clone(), self.stage(service, &own, steps, now)))
            .collect()
    }

    fn stage(
        &self,
        service: &ServiceName,
        own: &[&StepSummary],
        steps: &Steps,
        now: Duration,
    ) -> Stage {
        let course = |step: &StepSummary| self.by_step.get(&step.id).copied();
        if own.iter().any(|step| course(step) == Some(Course::Failed)) {
            return Stage::Failed;
        }
        let running = own.iter().rev().find_map(|step| match course(step) {
            Some(Course::Running { since }) => Some((step.kind, since)),
            _ => None,
        });
        if let Some((kind, since)) = running {
            return Stage::Working {
                kind,
                elapsed: now.saturating_sub(since),
                reason: self.reasons.get(service).cloned(),
            };
        }
        let skipped = own.iter().find_map(|step| match course(step) {
            Some(Course::Skipped { because }) => Some(because),
            _ => None,
        });
        if let Some(because) = skipped {
            return Stage::Skipped {
                because: steps.subject(because),
            };
        }
        if let Some(next) = own.iter().find(|step| course(step).is_none()) {
            return Stage::Waiting {
                on: self.needed_by(next, steps),
            };
        }
        match own.last().map(|step| step.kind) {
            Some(StepKind::Stop) => Stage::Over { how: "stopped" },
            Some(StepKind::Remove) => Stage::Over { how: "removed" },
            Some(StepKind::Complete) => Stage::Over { how: "finished" },
            _ => Stage::Ready {
                took: self.ready.get(service).copied(),
            },
        }
    }

    /// What `step` still waits for, in words.
    fn needed_by(&self, step: &StepSummary, steps: &Steps) -> String {
        let mut subjects: Vec<String> = step
            .needs
            .iter()
            .filter(|id| self.by_step.get(id) != Some(&Course::Done))
            .map(|id| steps.subject(*id))
            .collect();
        subjects.sort();
        subjects.dedup();
        if subjects.is_empty() {
            "its turn".to_owned()
        } else {
            words::list(&subjects)
        }
    }
}
