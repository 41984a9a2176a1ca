//! One line a change: legible in CI, in a file and to a screen reader.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{Failure, ServiceName};
use crate::event::{Event, ImageWay, Stamped, StepId, StepKind, Transfer};
use crate::report::logs::Prefixes;
use crate::report::steps::Steps;
use crate::report::{Colour, Line, changes, failure, summary, table, words};

/// A wait shorter than this is not worth a line.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// A wait for the same reason is told again after this, so that nobody takes it for a hang.
const STILL_WAITING: Duration = Duration::from_secs(15);
/// Progress is told this often.
const PROGRESS: Duration = Duration::from_secs(5);
/// A new phase of the same work is told at most this often.
const PHASE: Duration = Duration::from_secs(1);

/// Folds events into lines that start with the moment and the service.
#[derive(Debug)]
pub struct Plain {
    steps: Steps,
    prefixes: Prefixes,
    waits: BTreeMap<ServiceName, (String, Duration)>,
    progress: BTreeMap<String, (String, Duration)>,
}

impl Plain {
    /// Nothing told yet.
    pub fn new() -> Self {
        Self {
            steps: Steps::default(),
            prefixes: Prefixes::new(Colour::Off),
            waits: BTreeMap::new(),
            progress: BTreeMap::new(),
        }
    }

    /// The lines that tell of `stamped`; none where it is no change worth one.
    pub fn lines(&mut self, stamped: &Stamped) -> Vec<Line> {
        let at = stamped.at;
        self.steps.learn(&stamped.event);
        match &stamped.event {
            Event::Planned { .. }
            | Event::StepStarted { .. }
            | Event::StepSkipped { .. }
            | Event::Walked => Vec::new(),
            Event::StepDone {
                step,
                took,
                unchanged,
            } => self.done(at, *step, *took, *unchanged),
            Event::StepFailed { step, failure } => self.failed(at, *step, failure),
            Event::Waiting {
                service,
                reason,
                elapsed,
            } => self.waiting(at, service, reason, *elapsed),
            Event::Ready { service, took } => {
                self.waits.remove(service);
                if !self.steps.starts(service) {
                    return Vec::new();
                }
                let text = format!("ready in {}", words::duration(*took));
                vec![self.line(at, service.as_str(), &text)]
            }
            Event::ImageProgress {
                image,
                way,
                doing,
                transfer,
            } => {
                let text = image_text(*way, doing, *transfer);
                self.progress(at, image.as_str(), doing, &text)
            }
            Event::DataProgress { what, rows } => self.progress(at, what, "", &words::rows(*rows)),
            Event::EngineProgress { doing } => vec![self.line(at, "engine", doing)],
            Event::Generated { place, names } => {
                vec![self.line(at, "", &summary::generated(place, names))]
            }
            Event::Watching { .. }
            | Event::Changed { .. }
            | Event::CheckFailed { .. }
            | Event::ChangeFailed { .. } => changes::lines(&stamped.event, Colour::Off),
            Event::Log {
                service,
                number,
                line,
                ..
            } => vec![Line::Out(self.prefixes.line(service, *number, line))],
            Event::Directive { text } => vec![Line::Err(text.clone())],
            Event::Notice { text } => vec![Line::Err(format!("note: {text}"))],
            Event::Warning { text } => vec![Line::Err(format!("warning: {text}"))],
            Event::Failed { failure } => failure::told(failure, &self.steps)
                .into_iter()
                .map(Line::Err)
                .collect(),
            Event::Finished {
                services,
                took,
                unchanged,
                next,
            } => summary::lines(services, *took, *unchanged, next),
        }
    }

    fn done(&mut self, at: Duration, id: StepId, took: Duration, unchanged: bool) -> Vec<Line> {
        let Some(step) = self.steps.get(id) else {
            return Vec::new();
        };
        let in_time = format!("in {}", words::duration(took));
        let text = match step.kind {
            StepKind::Migrate if unchanged => "migrations: nothing to do".to_owned(),
            StepKind::Seed if unchanged => "seeds: nothing to do".to_owned(),
            _ if unchanged => return Vec::new(),
            // The event `Ready` tells it better; a start is told by what follows.
            StepKind::Ready => return Vec::new(),
            StepKind::Create if step.cause == "missing" => return Vec::new(),
            StepKind::Create => format!("{} ({})", words::done(&step.title), step.cause),
            StepKind::Start => "started".to_owned(),
            StepKind::Complete => format!("finished {in_time}"),
            StepKind::Migrate => format!("migrated {in_time}"),
            StepKind::Seed => format!("seeded {in_time}"),
            StepKind::Stop => format!("stopped {in_time}"),
            StepKind::Image | StepKind::Network | StepKind::Volume | StepKind::Remove => {
                format!("{} {in_time}", words::done(&step.title))
            }
        };
        let subject = step.service.as_ref().map_or("", ServiceName::as_str);
        vec![self.line(at, subject, &text)]
    }

    fn failed(&self, at: Duration, id: StepId, failure: &Failure) -> Vec<Line> {
        let service = self.steps.get(id).and_then(|step| step.service.as_ref());
        let subject = service.map_or("", ServiceName::as_str);
        vec![self.line(at, subject, &format!("failed: {}", failure.message))]
    }

    fn waiting(
        &mut self,
        at: Duration,
        service: &ServiceName,
        reason: &str,
        elapsed: Duration,
    ) -> Vec<Line> {
        let is_news = match self.waits.get(service) {
            None => elapsed >= WORTH_TELLING,
            Some((told, when)) => told != reason || at.saturating_sub(*when) >= STILL_WAITING,
        };
        if !is_news {
            return Vec::new();
        }
        self.waits.insert(service.clone(), (reason.to_owned(), at));
        let text = format!("waiting: {reason} ({})", words::duration(elapsed));
        vec![self.line(at, service.as_str(), &text)]
    }

    fn progress(&mut self, at: Duration, subject: &str, phase: &str, text: &str) -> Vec<Line> {
        let is_news = match self.progress.get(subject) {
            None => true,
            Some((told, when)) => {
                let quiet = at.saturating_sub(*when);
                quiet >= PROGRESS || (told != phase && quiet >= PHASE)
            }
        };
        if !is_news {
            return Vec::new();
        }
        self.progress
            .insert(subject.to_owned(), (phase.to_owned(), at));
        vec![self.line(at, subject, text)]
    }

    fn line(&self, at: Duration, subject: &str, text: &str) -> Line {
        let moment = words::moment(at);
        if subject.is_empty() {
            return Line::Err(format!("{moment:>7}  {text}"));
        }
        let subject = table::pad(subject, self.steps.name_width());
        Line::Err(format!("{moment:>7}  {subject}  {text}"))
    }
}

/// What an image is doing, as `pulling 12.3 MB of 45.6 MB, layer 3 of 9: extracting`.
pub fn image_text(way: ImageWay, doing: &str, transfer: Transfer) -> String {
    let verb = match way {
        ImageWay::Pull => "pulling",
        ImageWay::Build => "building",
        ImageWay::Bootstrap => "bootstrapping",
    };
    let mut text = verb.to_owned();
    match (transfer.done, transfer.total) {
        (0, 0) => {}
        (done, 0) => text = format!("{text} {}", words::bytes(done)),
        (done, total) => {
            text = format!("{text} {} of {}", words::bytes(done), words::bytes(total));
        }
    }
    if transfer.layers > 0 {
        let (done, all) = (transfer.layers_done, transfer.layers);
        text = format!("{text}, {done} of {all} layers");
    }
    if doing.is_empty() {
        text
    } else {
        format!("{text}: {doing}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FailureKind, ImageRef};
    use crate::event::{ServiceLine, StepSummary};

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).expect("a valid name")
    }

    fn step(id: usize, kind: StepKind, service: Option<&str>, title: &str) -> StepSummary {
        StepSummary {
            id: StepId(id),
            kind,
            service: service.map(name),
            title: title.to_owned(),
            cause: "missing".to_owned(),
            needs: Vec::new(),
        }
    }

    fn done(id: usize, millis: u64, unchanged: bool) -> Event {
        Event::StepDone {
            step: StepId(id),
            took: Duration::from_millis(millis),
            unchanged,
        }
    }

    fn waiting(service: &str, reason: &str, millis: u64) -> Event {
        Event::Waiting {
            service: name(service),
            reason: reason.to_owned(),
            elapsed: Duration::from_millis(millis),
        }
    }

    /// The whole output of a run: each event at its moment.
    fn told(run: impl IntoIterator<Item = (u64, Event)>) -> Vec<String> {
        let mut plain = Plain::new();
        run.into_iter()
            .flat_map(|(at, event)| {
                let at = Duration::from_millis(at);
                plain.lines(&Stamped { at, event })
            })
            .map(|line| match line {
                Line::Out(text) => format!("out {text}"),
                Line::Err(text) => format!("err {text}"),
            })
            .collect()
    }

    #[test]
    fn a_run_is_told_one_line_a_change() {
        let steps = vec![
            step(0, StepKind::Network, None, "create network shop_default"),
            step(
                1,
                StepKind::Create,
                Some("postgres"),
                "create container shop-postgres-1",
            ),
            step(
                2,
                StepKind::Start,
                Some("postgres"),
                "start shop-postgres-1",
            ),
            step(
                3,
                StepKind::Ready,
                Some("postgres"),
                "wait until shop-postgres-1 is ready",
            ),
            step(4, StepKind::Migrate, Some("api"), "migrate api"),
            step(5, StepKind::Seed, Some("api"), "seed api"),
        ];
        let services = vec![ServiceLine {
            service: name("postgres"),
            state: "ready",
            url: None,
            took: Some(Duration::from_millis(2_300)),
            note: None,
        }];
        let run = [
            (
                0,
                Event::Generated {
                    place: ".env".to_owned(),
                    names: vec!["JWT_SECRET".to_owned(), "REDIS_PASSWORD".to_owned()],
                },
            ),
            (10, Event::Planned { steps }),
            (100, done(0, 90, false)),
            (130, done(1, 30, false)),
            (430, done(2, 300, false)),
            (500, waiting("postgres", "connection refused", 70)),
            (
                1_430,
                waiting("postgres", "the database system is starting up", 1_000),
            ),
            (
                2_730,
                Event::Ready {
                    service: name("postgres"),
                    took: Duration::from_millis(2_300),
                },
            ),
            (2_731, done(3, 2_300, false)),
            (3_900, done(4, 1_150, false)),
            (3_950, done(5, 50, true)),
            (
                4_000,
                Event::Finished {
                    services,
                    took: Duration::from_secs(4),
                    unchanged: false,
                    next: vec!["jobsprint-dev logs -f".to_owned()],
                },
            ),
        ];

        assert_eq!(
            told(run),
            [
                "err    0.0s  generated in .env: JWT_SECRET and REDIS_PASSWORD",
                "err    0.1s  created network shop_default in 90 ms",
                "err    0.4s  postgres  started",
                "err    1.4s  postgres  waiting: the database system is starting up (1.0 s)",
                "err    2.7s  postgres  ready in 2.3 s",
                "err    3.9s  api       migrated in 1.2 s",
                "err    4.0s  api       seeds: nothing to do",
                "out postgres  ready  2.3 s",
                "err 1 service ready in 4.0 s",
                "err next: jobsprint-dev logs -f",
            ]
        );
    }

    #[test]
    fn a_wait_is_told_again_only_for_a_new_reason_or_after_a_while() {
        let run = [
            (1_000, waiting("mq", "connection refused", 1_000)),
            (2_000, waiting("mq", "connection refused", 2_000)),
            (3_000, waiting("mq", "handshake refused", 3_000)),
            (17_900, waiting("mq", "handshake refused", 17_900)),
            (18_000, waiting("mq", "handshake refused", 18_000)),
        ];

        assert_eq!(
            told(run),
            [
                "err    1.0s  mq  waiting: connection refused (1.0 s)",
                "err    3.0s  mq  waiting: handshake refused (3.0 s)",
                "err   18.0s  mq  waiting: handshake refused (18.0 s)",
            ]
        );
    }

    #[test]
    fn progress_is_told_every_five_seconds_and_at_changes_of_phase() {
        let pulling = |doing: &str, done| Event::ImageProgress {
            image: ImageRef::new("n8n"),
            way: ImageWay::Pull,
            doing: doing.to_owned(),
            transfer: Transfer {
                done,
                total: 45_600_000,
                layers_done: 1,
                layers: 9,
            },
        };
        let run = [
            (0, pulling("downloading", 0)),
            (100, pulling("downloading", 1_000_000)),
            (4_900, pulling("downloading", 9_000_000)),
            (5_000, pulling("downloading", 12_300_000)),
            (5_100, pulling("extracting", 45_600_000)),
            (6_000, pulling("extracting", 45_600_000)),
        ];

        assert_eq!(
            told(run),
            [
                "err    0.0s  n8n:latest  pulling 0 B of 45.6 MB, 1 of 9 layers: downloading",
                "err    5.0s  n8n:latest  pulling 12.3 MB of 45.6 MB, 1 of 9 layers: downloading",
                "err    6.0s  n8n:latest  pulling 45.6 MB of 45.6 MB, 1 of 9 layers: extracting",
            ]
        );
    }

    #[test]
    fn a_failed_run_ends_with_its_first_failure_and_what_it_skipped() {
        let failure = Failure::new(FailureKind::Exited, "`postgres` exited with exit code 1")
            .details(["bad option".to_owned()])
            .hint("see `jobsprint-dev logs postgres`");
        let steps = vec![
            step(0, StepKind::Ready, Some("postgres"), "wait"),
            step(1, StepKind::Start, Some("api"), "start"),
        ];
        let run = [
            (0, Event::Planned { steps }),
            (
                900,
                Event::StepFailed {
                    step: StepId(0),
                    failure: failure.clone(),
                },
            ),
            (
                900,
                Event::StepSkipped {
                    step: StepId(1),
                    because: StepId(0),
                },
            ),
            (900, Event::Failed { failure }),
        ];

        assert_eq!(
            told(run),
            [
                "err    0.9s  postgres  failed: `postgres` exited with exit code 1",
                "err error: `postgres` exited with exit code 1",
                "err   bad option",
                "err skipped: api (it waits for postgres)",
                "err hint: see `jobsprint-dev logs postgres`",
            ]
        );
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let look = step(0, StepKind::Ready, Some("postgres"), "wait");
        let run = [
            (0, Event::Planned { steps: vec![look] }),
            (
                40,
                Event::Ready {
                    service: name("postgres"),
                    took: Duration::from_millis(20),
                },
            ),
            (
                80,
                Event::Finished {
                    services: Vec::new(),
                    took: Duration::from_millis(80),
                    unchanged: true,
                    next: Vec::new(),
                },
            ),
        ];

        assert_eq!(told(run), ["err nothing to do (80 ms)"]);
    }
}
