//! How a run ends: the table of services, or the first failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::hands::is_optional;
use super::project::Project;
use super::session::Session;
use super::up::Walked;
use crate::domain::{Failure, FailureKind, Observed, ServiceName, Stack};
use crate::event::{Event, ServiceLine, StepId, StepKind};
use crate::plan::Plan;
use crate::report::{Probed, Status};
use crate::run::Outcome;

/// The failures that make the whole a failure: those of services that the stack can't do without.
pub(super) fn fatal<'a>(
    stack: &Stack,
    plan: &Plan,
    outcome: &'a Outcome,
) -> Vec<&'a (StepId, Failure)> {
    outcome
        .failures
        .iter()
        .filter(|(step, _)| !is_optional(stack, plan.step(*step).service.as_ref()))
        .collect()
}

/// Tells the end: the table, then the first failure that counts.
///
/// # Errors
/// That failure.
pub(super) fn conclude(
    session: &Session,
    project: &Project,
    observed: &Observed,
    plan: &Plan,
    walked: &Walked,
    next: Vec<String>,
) -> Result<u8, Failure> {
    let stack = &project.stack;
    let notes = notes(plan, &walked.outcome);
    let planned: BTreeSet<&ServiceName> = plan
        .steps()
        .filter_map(|(_, step)| step.service.as_ref())
        .collect();
    let probed = probed(plan, &walked.outcome);
    let services = Status::of(stack, observed, &probed)
        .rows
        .into_iter()
        .filter(|row| planned.contains(&row.service))
        .map(|row| line(row, &walked.ready, &notes))
        .collect();
    let fatal = fatal(stack, plan, &walked.outcome);
    let failure = fatal.first().map(|(_, failure)| failure.clone());
    session.events.tell(Event::Finished {
        services,
        took: session.events.elapsed(),
        unchanged: !walked.outcome.changed && failure.is_none(),
        next: if failure.is_some() { Vec::new() } else { next },
    });
    failure.map_or(Ok(0), Err)
}

/// The person's Ctrl-C.
pub(super) fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted")
        .hint("run the same command again: it carries on where this run stopped")
}

fn line(
    row: crate::report::StatusRow,
    ready: &BTreeMap<ServiceName, Duration>,
    notes: &BTreeMap<ServiceName, String>,
) -> ServiceLine {
    let note = notes.get(&row.service).cloned();
    // A container that runs and failed its probe is not ready, whatever the engine thinks of it.
    let state = match (&note, row.state) {
        (Some(_), "ready") => "unhealthy",
        (_, state) => state,
    };
    ServiceLine {
        state,
        url: row.url.filter(|_| state == "ready"),
        took: ready.get(&row.service).copied(),
        note,
        service: row.service,
    }
}

/// The services that this run saw ready.
pub(super) fn probed(plan: &Plan, outcome: &Outcome) -> BTreeMap<ServiceName, Probed> {
    let failed = |step: &StepId| outcome.failures.iter().any(|(other, _)| other == step);
    plan.steps()
        .filter(|(_, step)| step.action.kind() == StepKind::Ready)
        .filter(|(id, _)| !failed(id) && !outcome.skipped.contains_key(id))
        .filter_map(|(_, step)| Some((step.service.clone()?, Probed::Ready)))
        .collect()
}

/// What is missing of each service: its own failure, else whose failure held it back.
fn notes(plan: &Plan, outcome: &Outcome) -> BTreeMap<ServiceName, String> {
    let mut notes = BTreeMap::new();
    for (step, root) in &outcome.skipped {
        if let Some(service) = &plan.step(*step).service {
            let root = plan.step(*root).service.as_ref();
            let root = root.map_or_else(|| "a failed step".to_owned(), ToString::to_string);
            notes.insert(service.clone(), format!("waits for {root}"));
        }
    }
    for (step, failure) in &outcome.failures {
        if let Some(service) = &plan.step(*step).service {
            notes.insert(service.clone(), failure.message.clone());
        }
    }
    notes
}
