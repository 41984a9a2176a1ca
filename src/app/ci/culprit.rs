//! One sentence on why a set-up failed: who is to blame, and who only waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::hands::is_optional;
use crate::domain::{Failure, FailureKind, ServiceName, Stack};
use crate::plan::Plan;
use crate::run::Outcome;

/// What a wait's failure says where its time was over.
const LATE: &str = "is not ready after";

const MORE_TIME: &str = "give it more time with `--ready-timeout`";

/// The failure that a set-up ends with; `None` where nothing failed that the stack can't do without.
pub(super) fn culprit(
    stack: &Stack,
    plan: &Plan,
    outcome: &Outcome,
    limit: Duration,
) -> Option<Failure> {
    let fatal = |step| !is_optional(stack, plan.step(step).service.as_ref());
    let mut failures = outcome.failures.iter().filter(|(step, _)| fatal(*step));
    let first = &failures.next()?.1;
    let is_late = first.message.contains(LATE);
    if first.kind != FailureKind::NotReady || !is_late {
        let mut failure = first.clone();
        if failure.message.starts_with("timed out") {
            failure.hints = vec![MORE_TIME.to_owned()];
        }
        return Some(failure);
    }
    let mut culprits: BTreeMap<&ServiceName, &str> = BTreeMap::new();
    for (step, failure) in &outcome.failures {
        if let Some(service) = &plan.step(*step).service {
            culprits.entry(service).or_insert_with(|| reason(failure));
        }
    }
    let mut waiting: BTreeMap<&ServiceName, BTreeSet<&ServiceName>> = BTreeMap::new();
    for (step, root) in &outcome.skipped {
        let (service, root) = (&plan.step(*step).service, &plan.step(*root).service);
        if let (Some(service), Some(root)) = (service, root)
            && !culprits.contains_key(service)
        {
            waiting.entry(service).or_default().insert(root);
        }
    }
    let message = sentence(limit, &waiting, &culprits);
    let mut failure = first.clone();
    failure.message = message;
    failure.hints = vec![MORE_TIME.to_owned()];
    Some(failure)
}

fn sentence(
    limit: Duration,
    waiting: &BTreeMap<&ServiceName, BTreeSet<&ServiceName>>,
    culprits: &BTreeMap<&ServiceName, &str>,
) -> String {
    let blocked: Vec<String> = waiting
        .iter()
        .map(|(service, roots)| {
            let roots: Vec<&str> = roots.iter().map(|root| root.as_str()).collect();
            format!("{service} on {}", roots.join(", "))
        })
        .collect();
    let blamed: Vec<String> = culprits
        .iter()
        .map(|(service, why)| format!("{service}: {why}"))
        .collect();
    let blamed = format!("{} not ready ({})", blamed.len(), blamed.join("; "));
    let limit = words(limit);
    if blocked.is_empty() {
        return format!("timed out after {limit}: {blamed}");
    }
    let services = if blocked.len() == 1 {
        "service"
    } else {
        "services"
    };
    let (count, blocked) = (blocked.len(), blocked.join("; "));
    format!("timed out after {limit}: {count} {services} waiting ({blocked}), {blamed}")
}

/// What a probe heard last, or else the failure's own words.
fn reason(failure: &Failure) -> &str {
    let mut details = failure.details.iter();
    let answer = details.find_map(|line| line.strip_prefix("last answer of its probe: "));
    answer.unwrap_or(&failure.message)
}

/// A limit as it is typed: `5m`, `90s`.
fn words(limit: Duration) -> String {
    match limit.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_the_culprit_and_those_that_wait_for_it() {
        let name = |name: &str| ServiceName::new(name).unwrap();
        let (api, web, broker) = (name("api-gateway"), name("frontend"), name("rabbitmq"));
        let waiting = BTreeMap::from([
            (&api, BTreeSet::from([&broker])),
            (&web, BTreeSet::from([&broker])),
        ]);
        let culprits = BTreeMap::from([(&broker, "AMQP refused")]);

        assert_eq!(
            sentence(Duration::from_mins(5), &waiting, &culprits),
            "timed out after 5m: 2 services waiting (api-gateway on rabbitmq; frontend on rabbitmq), \
             1 not ready (rabbitmq: AMQP refused)"
        );
    }
}
