//! Masks secrets in everything an event says, before any reporter sees it.

use std::borrow::Cow;

use crate::domain::Failure;
use crate::event::{Event, ServiceLine, Stamped, StepSummary};

type Masking = dyn for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync;

/// Replaces every secret in a text by `***`: what counts as one, the caller knows.
pub struct Mask(Box<Masking>);

impl Mask {
    /// A mask that works by `masking`.
    pub fn new(masking: impl for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static) -> Self {
        Self(Box::new(masking))
    }

    /// A mask for runs that know no secret.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|text| Cow::Borrowed(text))
    }

    /// `text` without secrets.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        (self.0)(text).into_owned()
    }

    /// `failure` without secrets.
    #[must_use]
    pub fn failure(&self, failure: &Failure) -> Failure {
        Failure {
            kind: failure.kind,
            message: self.text(&failure.message),
            details: self.texts(&failure.details),
            hints: self.texts(&failure.hints),
        }
    }

    /// `stamped` without secrets. Names of services and images are no secrets, and stay.
    #[must_use]
    pub fn event(&self, stamped: Stamped) -> Stamped {
        let event = match stamped.event {
            Event::Planned { steps } => Event::Planned {
                steps: steps.into_iter().map(|step| self.step(step)).collect(),
            },
            Event::StepFailed { step, failure } => Event::StepFailed {
                step,
                failure: self.failure(&failure),
            },
            Event::Waiting {
                service,
                reason,
                elapsed,
            } => Event::Waiting {
                service,
                reason: self.text(&reason),
                elapsed,
            },
            Event::ImageProgress {
                image,
                way,
                doing,
                transfer,
            } => Event::ImageProgress {
                image,
                way,
                doing: self.text(&doing),
                transfer,
            },
            Event::DataProgress { what, rows } => Event::DataProgress {
                what: self.text(&what),
                rows,
            },
            Event::EngineProgress { doing } => Event::EngineProgress {
                doing: self.text(&doing),
            },
            change @ (Event::Changed { .. }
            | Event::CheckFailed { .. }
            | Event::ChangeFailed { .. }) => self.change(change),
            Event::Log {
                service,
                number,
                stream,
                line,
                at,
            } => Event::Log {
                service,
                number,
                stream,
                line: self.text(&line),
                at,
            },
            Event::Directive { text } => Event::Directive {
                text: self.text(&text),
            },
            Event::Notice { text } => Event::Notice {
                text: self.text(&text),
            },
            Event::Warning { text } => Event::Warning {
                text: self.text(&text),
            },
            Event::Failed { failure } => Event::Failed {
                failure: self.failure(&failure),
            },
            Event::Finished {
                services,
                took,
                unchanged,
                next,
            } => Event::Finished {
                services: services
                    .into_iter()
                    .map(|line| self.service(line))
                    .collect(),
                took,
                unchanged,
                next: self.texts(&next),
            },
            silent @ (Event::StepStarted { .. }
            | Event::StepDone { .. }
            | Event::StepSkipped { .. }
            | Event::Ready { .. }
            | Event::Walked
            | Event::Watching { .. }
            | Event::Generated { .. }) => silent,
        };
        Stamped {
            at: stamped.at,
            event,
        }
    }

    /// What is said of a changed file.
    fn change(&self, event: Event) -> Event {
        match event {
            Event::Changed {
                service,
                file,
                files,
                way,
                phases,
                took,
            } => Event::Changed {
                service,
                file: self.text(&file),
                files,
                way,
                phases,
                took,
            },
            Event::CheckFailed {
                service,
                file,
                files,
                output,
            } => Event::CheckFailed {
                service,
                file: self.text(&file),
                files,
                output: self.texts(&output),
            },
            Event::ChangeFailed {
                service,
                file,
                files,
                failure,
            } => Event::ChangeFailed {
                service,
                file: self.text(&file),
                files,
                failure: self.failure(&failure),
            },
            other => other,
        }
    }

    fn texts(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn step(&self, step: StepSummary) -> StepSummary {
        StepSummary {
            title: self.text(&step.title),
            cause: self.text(&step.cause),
            ..step
        }
    }

    fn service(&self, line: ServiceLine) -> ServiceLine {
        ServiceLine {
            url: line.url.map(|url| self.text(&url)),
            note: line.note.map(|note| self.text(&note)),
            ..line
        }
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{FailureKind, ServiceName};
    use crate::event::{ChangeWay, LogStream, StepId, StepKind};

    const SECRET: &str = "hunter2";

    fn every_event_that_speaks() -> Vec<Event> {
        let service = ServiceName::new("redis").expect("a valid name");
        let text = || format!("before {SECRET} after");
        let failure = || {
            Failure::new(FailureKind::Data, text())
                .details([text()])
                .hint(text())
        };
        vec![
            Event::Planned {
                steps: vec![StepSummary {
                    id: StepId(0),
                    kind: StepKind::Create,
                    service: None,
                    title: text(),
                    cause: text(),
                    needs: Vec::new(),
                }],
            },
            Event::StepFailed {
                step: StepId(0),
                failure: failure(),
            },
            Event::Waiting {
                service: service.clone(),
                reason: text(),
                elapsed: Duration::ZERO,
            },
            Event::DataProgress {
                what: text(),
                rows: 0,
            },
            Event::EngineProgress { doing: text() },
            Event::Log {
                service: service.clone(),
                number: 1,
                stream: LogStream::Stdout,
                line: text(),
                at: None,
            },
            Event::Changed {
                service: service.clone(),
                file: text(),
                files: 1,
                way: ChangeWay::Synced,
                phases: Box::default(),
                took: Duration::ZERO,
            },
            Event::CheckFailed {
                service: service.clone(),
                file: text(),
                files: 1,
                output: vec![text()],
            },
            Event::ChangeFailed {
                service: service.clone(),
                file: text(),
                files: 1,
                failure: failure(),
            },
            Event::Directive { text: text() },
            Event::Notice { text: text() },
            Event::Warning { text: text() },
            Event::Failed { failure: failure() },
            Event::Finished {
                services: vec![ServiceLine {
                    service,
                    state: "ready",
                    url: Some(text()),
                    took: None,
                    note: Some(text()),
                }],
                took: Duration::ZERO,
                unchanged: false,
                next: vec![text()],
            },
        ]
    }

    #[test]
    fn no_event_lets_a_secret_through() {
        let mask = Mask::new(|text| Cow::Owned(text.replace(SECRET, "***")));

        for event in every_event_that_speaks() {
            let masked = mask.event(Stamped {
                at: Duration::ZERO,
                event,
            });

            let said = format!("{masked:?}");
            assert!(!said.contains(SECRET), "{said}");
            assert!(said.contains("before *** after"), "{said}");
        }
    }
}
