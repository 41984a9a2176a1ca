//! `explain`: an exit code or an error's name at length.

use crate::doctor::{Explanation, explained, explanation, explanations};
use crate::domain::{ExplainRequest, Failure, FailureKind, nearest};
use crate::report;

/// Prints what is asked about, or the list.
pub(super) fn run(request: &ExplainRequest) -> Result<u8, Failure> {
    let Some(asked) = &request.what else {
        let lines: Vec<String> = explanations().map(Explanation::line).collect();
        report::print(&lines.concat());
        return Ok(0);
    };
    let found = explanation(asked).ok_or_else(|| {
        let message = format!("there is no exit code, error or check named `{asked}`");
        let failure = Failure::new(FailureKind::Usage, message);
        let failure = match nearest(asked, explained()) {
            Some(name) => failure.hint(format!("did you mean `jobsprint-dev explain {name}`?")),
            None => failure,
        };
        failure.hint("see all with `jobsprint-dev explain`")
    })?;
    report::print(&found.text());
    Ok(0)
}
