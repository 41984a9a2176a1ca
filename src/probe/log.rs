//! Asks by the log: one line that matches a pattern is a yes.

use std::time::UNIX_EPOCH;

use futures_util::StreamExt;
use regex::Regex;

use super::{Answer, Target};
use crate::domain::{ContainerState, ObservedContainer};
use crate::engine::{Engine, LogRequest};

/// Compiles the pattern of a log probe.
///
/// # Errors
/// The answer to give where it is no regular expression.
pub(super) fn compile(pattern: &str) -> Result<Regex, Answer> {
    Regex::new(pattern)
        .map_err(|_| Answer::Impossible(format!("`{pattern}` is not a regular expression")))
}

/// Looks once through what the container's present run has said.
pub(super) async fn ask(engine: &dyn Engine, target: &Target, pattern: &str) -> Answer {
    let pattern = match compile(pattern) {
        Ok(pattern) => pattern,
        Err(answer) => return answer,
    };
    let request = LogRequest {
        since: since(&target.container),
        ..LogRequest::default()
    };
    let mut lines = match engine.logs(&target.container.id, &request).await {
        Ok(lines) => lines,
        Err(error) => return Answer::NotYet(error.to_string()),
    };
    while let Some(Ok(line)) = lines.next().await {
        if pattern.is_match(&line.text) {
            return Answer::Ready;
        }
    }
    not_yet(&pattern)
}

/// The answer while no line matches.
pub(super) fn not_yet(pattern: &Regex) -> Answer {
    Answer::NotYet(format!("no line of its log matches `{pattern}`"))
}

/// The second of the epoch in which the present run began.
pub(super) fn since(container: &ObservedContainer) -> Option<i64> {
    let ContainerState::Running { since, .. } = container.state else {
        return None;
    };
    let passed = since.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(passed.as_secs()).ok()
}
