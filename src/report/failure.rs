//! A failure as the person at the terminal reads it.

use crate::domain::Failure;
use crate::report::steps::Steps;
use crate::report::words;

/// The headline, what belongs to it, indented, and what to type next.
#[must_use]
pub fn failure_lines(failure: &Failure) -> Vec<String> {
    told(failure, &Steps::default())
}

/// The same, with what else failed and what was skipped because of it.
pub fn told(failure: &Failure, steps: &Steps) -> Vec<String> {
    let mut lines = vec![format!("error: {}", failure.message)];
    for detail in failure.details.iter().flat_map(|detail| detail.lines()) {
        lines.push(format!("  {detail}").trim_end().to_owned());
    }
    for (subject, message) in steps.other_failures(failure) {
        lines.push(format!("also failed: {subject}: {message}"));
    }
    for (root, subjects) in steps.skipped() {
        let waited = if subjects.len() == 1 {
            "it waits"
        } else {
            "they wait"
        };
        lines.push(format!(
            "skipped: {} ({waited} for {root})",
            words::list(&subjects)
        ));
    }
    lines.extend(failure.hints.iter().map(|hint| format!("hint: {hint}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FailureKind, ServiceName};
    use crate::event::{Event, StepId, StepKind, StepSummary};

    #[test]
    fn a_failure_has_a_headline_details_and_hints() {
        let failure = Failure::new(FailureKind::Exited, "`redis` exited with exit code 1")
            .details(["its last lines:\n  bad option".to_owned()])
            .hint("see `jobsprint-dev logs redis`");

        assert_eq!(
            failure_lines(&failure),
            [
                "error: `redis` exited with exit code 1",
                "  its last lines:",
                "    bad option",
                "hint: see `jobsprint-dev logs redis`",
            ]
        );
    }

    #[test]
    fn what_else_failed_and_what_was_skipped_is_listed() {
        let step = |id, service: &str| StepSummary {
            id: StepId(id),
            kind: StepKind::Ready,
            service: Some(ServiceName::new(service).expect("a valid name")),
            title: String::new(),
            cause: String::new(),
            needs: Vec::new(),
        };
        let headline = Failure::new(FailureKind::Exited, "`redis` exited");
        let mut steps = Steps::default();
        steps.learn(&Event::Planned {
            steps: vec![
                step(0, "redis"),
                step(1, "api"),
                step(2, "nginx"),
                step(3, "n8n"),
            ],
        });
        for (id, failure) in [
            (0, headline.clone()),
            (3, Failure::new(FailureKind::Image, "cannot build `n8n`")),
        ] {
            steps.learn(&Event::StepFailed {
                step: StepId(id),
                failure,
            });
        }
        for id in [2, 1] {
            steps.learn(&Event::StepSkipped {
                step: StepId(id),
                because: StepId(0),
            });
        }

        assert_eq!(
            told(&headline, &steps),
            [
                "error: `redis` exited",
                "also failed: n8n: cannot build `n8n`",
                "skipped: api and nginx (they wait for redis)",
            ]
        );
    }
}
