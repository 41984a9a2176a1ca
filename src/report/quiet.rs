//! Errors alone.

use crate::event::{Event, Stamped};
use crate::report::steps::Steps;
use crate::report::{Colour, Line, changes, failure};

/// Says nothing until something fails.
#[derive(Debug, Default)]
pub struct Quiet {
    steps: Steps,
}

impl Quiet {
    /// The failure that ends a run, whole; nothing else.
    pub fn lines(&mut self, stamped: &Stamped) -> Vec<Line> {
        self.steps.learn(&stamped.event);
        match &stamped.event {
            Event::Failed { failure } => failure::told(failure, &self.steps)
                .into_iter()
                .map(Line::Err)
                .collect(),
            Event::CheckFailed { .. } | Event::ChangeFailed { .. } => {
                changes::lines(&stamped.event, Colour::Off)
            }
            _ => Vec::new(),
        }
    }
}
