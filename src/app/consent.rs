//! Questions to the person: only at a terminal, and `--yes` answers them before they are asked.

use std::io::IsTerminal;

use dialoguer::Confirm;

use crate::domain::{Consent, Failure, FailureKind};

/// Asks a yes-or-no question; where nobody can be asked, the answer is no.
///
/// # Errors
/// Where the terminal goes away, or the person interrupts.
pub(super) fn ask(given: Consent, question: &str) -> Result<bool, Failure> {
    if given == Consent::Given {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact_opt()
        .map(|answer| answer.unwrap_or(false))
        .map_err(|error| {
            let message = format!("the question `{question}` was not answered: {error}");
            Failure::new(FailureKind::Interrupted, message)
        })
}
