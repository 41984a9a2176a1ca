//! The plan itself: steps in an order in which each comes after all that it waits for.

use std::collections::BTreeSet;

use super::{Action, Cause, Step, describe};
use crate::domain::ServiceName;
use crate::event::{StepId, StepSummary};

/// What will be done: a directed acyclic graph of one-call steps.
///
/// It has no cycle by construction: a step can name only steps that were added before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Adds a step after those that it waits for.
    ///
    /// # Panics
    /// Where `needs` or `after` name a step that was not added yet: a fault of the planner.
    pub(super) fn add(
        &mut self,
        action: Action,
        service: Option<&ServiceName>,
        cause: Cause,
        needs: BTreeSet<StepId>,
        after: BTreeSet<StepId>,
    ) -> StepId {
        let id = StepId(self.steps.len());
        assert!(
            needs.iter().chain(&after).all(|before| *before < id),
            "a step waits only for steps that were planned before it"
        );
        self.steps.push(Step {
            action,
            service: service.cloned(),
            cause,
            needs,
            after,
        });
        id
    }

    /// The steps with their ids, in order.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, &Step)> {
        self.steps
            .iter()
            .enumerate()
            .map(|(index, step)| (StepId(index), step))
    }

    /// One step.
    ///
    /// # Panics
    /// Where the id is another plan's.
    #[must_use]
    pub fn step(&self, id: StepId) -> &Step {
        &self.steps[id.0]
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it has no step at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether any step alters something.
    #[must_use]
    pub fn alters(&self) -> bool {
        self.steps.iter().any(|step| step.action.alters())
    }

    /// The steps as reporters know them.
    #[must_use]
    pub fn summaries(&self) -> Vec<StepSummary> {
        self.steps()
            .map(|(id, step)| StepSummary {
                id,
                kind: step.action.kind(),
                service: step.service.clone(),
                title: describe(step),
                cause: step.cause.to_string(),
                needs: step.needs.union(&step.after).copied().collect(),
            })
            .collect()
    }
}
