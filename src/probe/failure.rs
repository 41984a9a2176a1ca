//! Puts the end of a wait into words: who, why, the probe's last answer, the last log lines, what to type next.

use futures_util::StreamExt;

use crate::domain::{ContainerId, Failure, FailureKind, Readiness, Service};
use crate::engine::{Engine, EngineError, LogRequest};
use crate::supervise::readiness::Why;

/// So many lines of a failed service's log are shown.
const LOG_LINES: u64 = 20;

/// The failure of a wait that ended for this reason.
pub(super) async fn of(
    engine: &dyn Engine,
    service: &Service,
    container: &ContainerId,
    last_answer: Option<&str>,
    why: &Why,
) -> Failure {
    let name = &service.name;
    let mut failure = Failure::new(kind(why), format!("`{name}` {why}"));
    if let Some(answer) = last_answer {
        failure = failure.details([format!("last answer of its probe: {answer}")]);
    }
    let lines = last_lines(engine, container).await;
    if lines.is_empty() {
        failure = failure.details(["its log is empty".to_owned()]);
    } else {
        failure = failure.details([format!("last {} lines of its log:", lines.len())]);
        failure = failure.details(lines.into_iter().map(|line| format!("  {line}")));
    }
    hints(service, why).into_iter().fold(failure, Failure::hint)
}

/// The failure where the engine itself refuses while a service is waited for.
pub(super) fn of_engine(service: &Service, error: &EngineError) -> Failure {
    let message = format!("cannot watch `{}`: {error}", service.name);
    Failure::new(FailureKind::Engine, message).hint("run `jobsprint-dev engine status`")
}

fn kind(why: &Why) -> FailureKind {
    match why {
        Why::Exited(_) | Why::CrashLoop { .. } | Why::Removed => FailureKind::Exited,
        Why::Impossible(_) | Why::Unhealthy | Why::Stuck { .. } | Why::TooLong { .. } => {
            FailureKind::NotReady
        }
    }
}

fn hints(service: &Service, why: &Why) -> Vec<String> {
    let name = &service.name;
    let mut hints = Vec::new();
    match why {
        Why::Impossible(reason) if reason.contains("password") => {
            hints.push(
                "its volume may keep the password that it was made with: put that one back into `.env`"
                    .to_owned(),
            );
            hints.push(
                "or, where its data may go, start it afresh with `jobsprint-dev down --volumes`"
                    .to_owned(),
            );
            return hints;
        }
        Why::Impossible(_) => {
            hints.push(format!(
                "change `x-jobsprint.ready` or the healthcheck of `{name}` in the Compose file"
            ));
        }
        Why::Exited(cause) | Why::CrashLoop { last: cause, .. } if cause.out_of_memory => {
            hints.push(format!(
                "raise the memory limit of `{name}` in the Compose file"
            ));
        }
        Why::Stuck { .. } | Why::TooLong { .. } if service.ready != Readiness::Started => {
            hints.push(format!(
                "its probe is `{}`; see whether that is what it answers to",
                service.ready
            ));
        }
        _ => {}
    }
    hints.push(format!(
        "read its whole log with `jobsprint-dev logs {name}`"
    ));
    hints
}

async fn last_lines(engine: &dyn Engine, container: &ContainerId) -> Vec<String> {
    let request = LogRequest {
        tail: Some(LOG_LINES),
        ..LogRequest::default()
    };
    let Ok(lines) = engine.logs(container, &request).await else {
        return Vec::new();
    };
    lines
        .filter_map(|line| async { line.ok().map(|line| line.text) })
        .collect()
        .await
}
