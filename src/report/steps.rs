//! What is known of the plan's steps, and of those that failed or were skipped.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Failure, ServiceName};
use crate::event::{Event, StepId, StepKind, StepSummary};

/// The steps of the plan that is being carried out.
#[derive(Debug, Default)]
pub struct Steps {
    known: BTreeMap<StepId, StepSummary>,
    failed: Vec<(StepId, Failure)>,
    skipped: Vec<(StepId, StepId)>,
}

impl Steps {
    /// Takes in what an event tells about steps. A new plan takes the old one's place.
    pub fn learn(&mut self, event: &Event) {
        match event {
            Event::Planned { steps } => {
                *self = Self {
                    known: steps.iter().map(|step| (step.id, step.clone())).collect(),
                    ..Self::default()
                };
            }
            Event::StepFailed { step, failure } => self.failed.push((*step, failure.clone())),
            Event::StepSkipped { step, because } => self.skipped.push((*step, *because)),
            _ => {}
        }
    }

    /// The step of this id.
    pub fn get(&self, id: StepId) -> Option<&StepSummary> {
        self.known.get(&id)
    }

    /// All steps, in order.
    pub fn iter(&self) -> impl Iterator<Item = &StepSummary> {
        self.known.values()
    }

    /// Whether the plan starts this service: one that only is looked at was ready before.
    pub fn starts(&self, service: &ServiceName) -> bool {
        self.iter()
            .any(|step| step.kind == StepKind::Start && step.service.as_ref() == Some(service))
    }

    /// Whose step it is: its service, else its title.
    pub fn subject(&self, id: StepId) -> String {
        self.get(id).map_or_else(
            || format!("step {}", id.0),
            |step| match &step.service {
                Some(service) => service.to_string(),
                None => step.title.clone(),
            },
        )
    }

    /// The width of the longest service name.
    pub fn name_width(&self) -> usize {
        self.iter()
            .filter_map(|step| step.service.as_ref())
            .map(|service| service.as_str().len())
            .max()
            .unwrap_or(0)
    }

    /// The failures that `headline` doesn't tell already: subject and message.
    pub fn other_failures(&self, headline: &Failure) -> Vec<(String, &str)> {
        self.failed
            .iter()
            .filter(|(_, failure)| failure.message != headline.message)
            .map(|(id, failure)| (self.subject(*id), failure.message.as_str()))
            .collect()
    }

    /// What was skipped, by what it waited for: the root's subject and the subjects that needed it.
    pub fn skipped(&self) -> BTreeMap<String, Vec<String>> {
        let mut by_root: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (step, because) in &self.skipped {
            let root = self.subject(*because);
            let subject = self.subject(*step);
            if subject != root {
                by_root.entry(root).or_default().insert(subject);
            }
        }
        by_root
            .into_iter()
            .map(|(root, subjects)| (root, subjects.into_iter().collect()))
            .collect()
    }
}
