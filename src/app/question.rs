//! Questions to the person: only at a terminal, and Ctrl-C ends them like all else.

use std::io::{IsTerminal as _, stderr, stdin};
use std::thread;

use console::Term;
use dialoguer::Confirm;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use super::conclusion::interrupted;
use super::session::Session;
use super::terminal::KeptTerminal;
use crate::domain::{Consent, Failure, FailureKind};
use crate::run::Interrupt;

/// Somebody who can be asked.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    interrupt: &'a Interrupt,
}

impl<'a> Person<'a> {
    /// The person at the terminal, if there is one.
    pub fn at_terminal(session: &'a Session) -> Option<Self> {
        (stdin().is_terminal() && stderr().is_terminal()).then_some(Self {
            interrupt: &session.interrupt,
        })
    }

    /// The same, unless all was consented to beforehand.
    pub fn unless(session: &'a Session, given: Consent) -> Option<Self> {
        match given {
            Consent::Given => None,
            Consent::Ask => Self::at_terminal(session),
        }
    }

    /// Asks a yes-or-no question.
    ///
    /// # Errors
    /// Those of [`Self::ask`].
    pub fn confirm(self, question: &str) -> Result<bool, Failure> {
        let question = question.to_owned();
        self.ask(move || {
            let confirm = Confirm::new().with_prompt(question).default(false);
            Ok(confirm.interact_opt()?.unwrap_or(false))
        })
    }

    /// Asks by `put`, which may block; a Ctrl-C leaves it behind, with the terminal as it was.
    ///
    /// # Errors
    /// Where the terminal goes away, or the person interrupts.
    pub fn ask<T: Send + 'static>(
        self,
        put: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let terminal = KeptTerminal::keep();
        let (answer, answered) = oneshot::channel();
        // Not one of the runtime's threads: it may go on reading until the process ends.
        thread::spawn(move || answer.send(put()).ok());
        let outcome = block_in_place(|| {
            Handle::current().block_on(async {
                tokio::select! {
                    () = self.interrupt.raised() => None,
                    answer = answered => Some(answer),
                }
            })
        });
        drop(terminal);
        match outcome {
            Some(Ok(Ok(answer))) if !self.interrupt.is_raised() => Ok(answer),
            Some(Ok(Err(error))) if !self.interrupt.is_raised() => {
                let message = format!("the question was not answered: {error}");
                Err(Failure::new(FailureKind::Interrupted, message))
            }
            Some(_) | None => {
                // The question stands in a line that nobody ended.
                Term::stderr().write_line("").ok();
                Err(interrupted())
            }
        }
    }
}

/// Asks a yes-or-no question; where nobody can be asked, the answer is no.
///
/// # Errors
/// Where the terminal goes away, or the person interrupts.
pub(super) fn confirm(session: &Session, given: Consent, question: &str) -> Result<bool, Failure> {
    if given == Consent::Given {
        return Ok(true);
    }
    Person::at_terminal(session).map_or(Ok(false), |person| person.confirm(question))
}
