//! The record of a run: when each step began and ended, kept for `report startup`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ServiceName;
use crate::event::{Event, Stamped, StepId, StepSummary};
use crate::report::words;

/// The version of the record's format.
const VERSION: u32 = 1;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Well.
    Done,
    /// Well, with nothing to do.
    Unchanged,
    /// It failed.
    Failed,
    /// It was not tried.
    Skipped,
    /// The run ended first.
    Unfinished,
}

/// A step with its times since the run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedStep {
    /// Its id within the plan.
    pub id: usize,
    /// What kind of work: `image`, `network`, `volume`, `create`, `start`, `ready`, `complete`, `migrate`,
    /// `seed`, `stop`, `remove`.
    pub phase: String,
    /// The service it worked for, if it was one service's.
    pub service: Option<String>,
    /// What it did.
    pub title: String,
    /// The steps it waited for.
    pub needs: Vec<usize>,
    /// When it began, in milliseconds; `None` where it never did.
    pub began_ms: Option<u64>,
    /// When it ended, in milliseconds; `None` where it never did.
    pub ended_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

impl RecordedStep {
    /// From its beginning to its end; nothing where it has not both.
    #[must_use]
    pub fn took(&self) -> Duration {
        match (self.began_ms, self.ended_ms) {
            (Some(began), Some(ended)) => Duration::from_millis(ended.saturating_sub(began)),
            _ => Duration::ZERO,
        }
    }

    /// Its service, else its title.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.service.as_deref().unwrap_or(&self.title)
    }
}

/// A run as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of the format.
    pub v: u32,
    /// From first to last, in milliseconds.
    pub took_ms: u64,
    /// The steps of the plan, in order.
    pub steps: Vec<RecordedStep>,
    /// What probes heard, in order; the same answer again is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<RecordedAnswer>,
}

/// What a service's probe heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// When, in milliseconds since the run began.
    pub at_ms: u64,
    /// The service.
    pub service: String,
    /// The answer in words: `ready`, or what it waits for.
    pub said: String,
}

impl Record {
    /// Whether the run brought anything about: a run that only looked is no startup.
    #[must_use]
    pub fn did_anything(&self) -> bool {
        self.steps.iter().any(|step| {
            let looks = matches!(step.phase.as_str(), "ready" | "complete");
            step.outcome == Outcome::Failed || (step.outcome == Outcome::Done && !looks)
        })
    }

    /// The version of the format that this code writes and reads.
    pub const VERSION: u32 = VERSION;

    /// What probes heard, a line each.
    #[must_use]
    pub fn probes(&self) -> String {
        let width = self.answers.iter().map(|answer| answer.service.len()).max();
        let width = width.unwrap_or_default();
        self.answers.iter().fold(String::new(), |text, answer| {
            let at = words::moment(Duration::from_millis(answer.at_ms));
            let RecordedAnswer { service, said, .. } = answer;
            text + &format!("{at:>8}  {service:width$}  {said}\n")
        })
    }
}

#[derive(Debug)]
struct Course {
    summary: StepSummary,
    began: Option<Duration>,
    ended: Option<Duration>,
    outcome: Outcome,
}

/// Folds events into the record of the last plan.
#[derive(Debug, Default)]
pub struct Timeline {
    courses: BTreeMap<StepId, Course>,
    answers: Vec<RecordedAnswer>,
    last: Duration,
}

/// So many answers are kept: those of a service that changes its mind all the time are enough by then.
const ANSWERS: usize = 5_000;

impl Timeline {
    /// Takes in what happened.
    pub fn learn(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.event {
            Event::Planned { steps } => {
                self.courses = steps
                    .iter()
                    .map(|step| (step.id, Course::of(step)))
                    .collect();
                self.answers.clear();
            }
            Event::Waiting {
                service, reason, ..
            } => self.hear(at, service, reason),
            Event::Ready { service, .. } => self.hear(at, service, "ready"),
            Event::StepStarted { step } => {
                if let Some(course) = self.courses.get_mut(step) {
                    course.began = Some(at);
                }
            }
            Event::StepDone {
                step, unchanged, ..
            } => {
                let outcome = if *unchanged {
                    Outcome::Unchanged
                } else {
                    Outcome::Done
                };
                self.end(*step, Some(at), outcome);
            }
            Event::StepFailed { step, .. } => self.end(*step, Some(at), Outcome::Failed),
            Event::StepSkipped { step, .. } => self.end(*step, None, Outcome::Skipped),
            Event::Finished { .. } | Event::Failed { .. } => self.last = self.last.max(at),
            _ => {}
        }
    }

    /// The record of what was learnt so far.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            v: VERSION,
            took_ms: millis(self.last),
            steps: self.courses.values().map(Course::record).collect(),
            answers: self.answers.clone(),
        }
    }

    fn hear(&mut self, at: Duration, service: &ServiceName, said: &str) {
        let mut before = self.answers.iter().rev();
        let last = before.find(|answer| answer.service == service.as_str());
        if last.is_some_and(|last| last.said == said) || self.answers.len() >= ANSWERS {
            return;
        }
        self.answers.push(RecordedAnswer {
            at_ms: millis(at),
            service: service.to_string(),
            said: said.to_owned(),
        });
    }

    fn end(&mut self, step: StepId, at: Option<Duration>, outcome: Outcome) {
        self.last = self.last.max(at.unwrap_or_default());
        if let Some(course) = self.courses.get_mut(&step) {
            course.ended = at;
            course.outcome = outcome;
        }
    }
}

impl Course {
    fn of(step: &StepSummary) -> Self {
        Self {
            summary: step.clone(),
            began: None,
            ended: None,
            outcome: Outcome::Unfinished,
        }
    }

    fn record(&self) -> RecordedStep {
        let step = &self.summary;
        RecordedStep {
            id: step.id.0,
            phase: words::phase(step.kind).to_owned(),
            service: step.service.as_ref().map(ToString::to_string),
            title: step.title.clone(),
            needs: step.needs.iter().map(|id| id.0).collect(),
            began_ms: self.began.map(millis),
            ended_ms: self.ended.map(millis),
            outcome: self.outcome,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepKind;

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let mut timeline = Timeline::default();
        let step = StepId(0);
        let events = [
            Event::Planned {
                steps: vec![StepSummary {
                    id: step,
                    kind: StepKind::Ready,
                    service: Some(ServiceName::new("redis").expect("a valid name")),
                    title: "wait until redis is ready".to_owned(),
                    cause: "needed".to_owned(),
                    needs: Vec::new(),
                }],
            },
            Event::StepStarted { step },
            Event::StepDone {
                step,
                took: Duration::from_millis(400),
                unchanged: false,
            },
        ];
        for (at, event) in (0..).map(|n| Duration::from_millis(n * 400)).zip(events) {
            timeline.learn(&Stamped { at, event });
        }

        let record = timeline.record();

        assert_eq!(
            serde_json::to_string(&record).expect("it is JSON"),
            r#"{"v":1,"took_ms":800,"steps":[{"id":0,"phase":"ready","service":"redis","title":"wait until redis is ready","needs":[],"began_ms":400,"ended_ms":800,"outcome":"done"}]}"#
        );
    }

    #[test]
    fn an_answer_is_told_when_it_changes() {
        let mut timeline = Timeline::default();
        let service = ServiceName::new("db").expect("a valid name");
        let waiting = |reason: &str, seconds| Stamped {
            at: Duration::from_secs(seconds),
            event: Event::Waiting {
                service: service.clone(),
                reason: reason.to_owned(),
                elapsed: Duration::ZERO,
            },
        };
        timeline.learn(&waiting("connection refused", 1));
        timeline.learn(&waiting("connection refused", 2));
        timeline.learn(&waiting("starting up", 12));
        timeline.learn(&Stamped {
            at: Duration::from_secs(13),
            event: Event::Ready {
                service: service.clone(),
                took: Duration::ZERO,
            },
        });

        assert_eq!(
            timeline.record().probes(),
            "    1.0s  db  connection refused\n   12.0s  db  starting up\n   13.0s  db  ready\n"
        );
    }
}
