//! What a terminal shows: lines that settle, and below them a row for each service and image on its way.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{ImageRef, ServiceName};
use crate::event::{Event, ImageWay, Stamped, StepId, StepKind, StepSummary, Transfer};
use crate::report::courses::Courses;
use crate::report::logs::Prefixes;
use crate::report::plain::image_text;
use crate::report::row::{self, Stage};
use crate::report::steps::Steps;
use crate::report::{Colour, Line, changes, failure, summary, words};

/// The row of an image without a step of its own goes this long after its last news.
const STALE: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct ImageNews {
    text: String,
    transfer: Transfer,
    way: ImageWay,
    at: Duration,
}

/// Folds events into settled lines and the rows that stand at a moment. It knows no terminal.
#[derive(Debug)]
pub struct Board {
    colour: Colour,
    steps: Steps,
    courses: Courses,
    images: BTreeMap<ImageRef, ImageNews>,
    aside: Option<(String, String)>,
    /// Whether the rows have given way to the end of the run.
    over: bool,
    prefixes: Prefixes,
}

impl Board {
    /// An empty board.
    pub fn new(colour: Colour) -> Self {
        Self {
            colour,
            steps: Steps::default(),
            courses: Courses::default(),
            images: BTreeMap::new(),
            aside: None,
            over: false,
            prefixes: Prefixes::new(colour),
        }
    }

    /// Takes in what happened; the lines that stay on the screen for good.
    pub fn settled(&mut self, stamped: &Stamped) -> Vec<Line> {
        let at = stamped.at;
        self.steps.learn(&stamped.event);
        self.courses.learn(stamped);
        match &stamped.event {
            Event::StepStarted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::Waiting { .. }
            | Event::Ready { .. } => {}
            Event::Walked => self.end(),
            Event::Planned { .. } => {
                self.aside = None;
                self.over = false;
            }
            Event::StepDone {
                step,
                took,
                unchanged,
            } => {
                self.aside = None;
                return self.image_done(*step, *took, *unchanged);
            }
            Event::ImageProgress {
                image,
                way,
                doing,
                transfer,
            } => {
                let news = ImageNews {
                    text: image_text(*way, doing, *transfer),
                    transfer: *transfer,
                    way: *way,
                    at,
                };
                self.images.insert(image.clone(), news);
            }
            Event::DataProgress { what, rows } => {
                self.aside = Some((what.clone(), words::rows(*rows)));
            }
            Event::EngineProgress { doing } => {
                self.aside = Some(("engine".to_owned(), doing.clone()));
            }
            Event::Generated { place, names } => {
                return vec![Line::Err(summary::generated(place, names))];
            }
            Event::Watching { .. }
            | Event::Changed { .. }
            | Event::CheckFailed { .. }
            | Event::ChangeFailed { .. } => return changes::lines(&stamped.event, self.colour),
            Event::Log {
                service,
                number,
                line,
                ..
            } => return vec![Line::Out(self.prefixes.line(service, *number, line))],
            Event::Directive { text } => return vec![Line::Err(text.clone())],
            Event::Notice { text } => return vec![Line::Err(format!("note: {text}"))],
            Event::Warning { text } => return vec![Line::Err(format!("warning: {text}"))],
            Event::Failed { failure } => {
                // Where the table has told the state of all already, the rows would tell it twice.
                let mut lines = if self.over {
                    Vec::new()
                } else {
                    self.services(at)
                };
                lines.extend(failure::told(failure, &self.steps));
                self.end();
                return lines.into_iter().map(Line::Err).collect();
            }
            Event::Finished {
                services,
                took,
                unchanged,
                next,
            } => {
                self.end();
                return summary::lines(services, *took, *unchanged, next);
            }
        }
        Vec::new()
    }

    /// The rows that stand at `now`, `height` at most: what is still on its way goes first.
    pub fn rows(&self, now: Duration, height: usize) -> Vec<String> {
        if self.over {
            return Vec::new();
        }
        let mut rows = self.fitting(now, height);
        if let Some((name, text)) = &self.aside {
            rows.push(row::note(name, text, now, self.colour));
        }
        rows.extend(
            self.images
                .iter()
                .filter(|(image, news)| self.is_on_its_way(image, news, now))
                .map(|(image, news)| {
                    row::image(image.as_str(), news.transfer, &news.text, now, self.colour)
                }),
        );
        rows.truncate(height);
        rows
    }

    fn fitting(&self, now: Duration, height: usize) -> Vec<String> {
        let stages = self.courses.stages(&self.steps, now);
        let room = height.saturating_sub(self.images.len() + 2);
        if stages.len() <= room {
            return self.services(now);
        }
        let (settled, busy): (Vec<_>, Vec<_>) = stages
            .into_iter()
            .partition(|(_, stage)| stage.is_settled());
        let hidden = busy.len().saturating_sub(room);
        let mut rows: Vec<String> = busy
            .iter()
            .take(room)
            .map(|(name, stage)| self.row(name, stage, now))
            .collect();
        rows.push(match hidden {
            0 => format!("  and {} settled", words::count(settled.len(), "service")),
            _ => format!(
                "  and {hidden} more on their way, {} settled",
                settled.len()
            ),
        });
        rows
    }

    fn services(&self, now: Duration) -> Vec<String> {
        self.courses
            .stages(&self.steps, now)
            .iter()
            .map(|(name, stage)| self.row(name, stage, now))
            .collect()
    }

    fn row(&self, name: &ServiceName, stage: &Stage, now: Duration) -> String {
        stage.row(name.as_str(), self.steps.name_width(), now, self.colour)
    }

    fn image_step(&self, image: &ImageRef) -> Option<&StepSummary> {
        self.steps
            .iter()
            .find(|step| step.kind == StepKind::Image && step.title.contains(image.as_str()))
    }

    fn is_on_its_way(&self, image: &ImageRef, news: &ImageNews, now: Duration) -> bool {
        match self.image_step(image) {
            Some(step) => self.courses.is_running(step.id),
            None => now.saturating_sub(news.at) < STALE,
        }
    }

    fn image_done(&mut self, id: StepId, took: Duration, unchanged: bool) -> Vec<Line> {
        let image = self
            .images
            .keys()
            .find(|image| self.image_step(image).is_some_and(|step| step.id == id))
            .cloned();
        let Some((image, news)) = image.and_then(|image| self.images.remove_entry(&image)) else {
            return Vec::new();
        };
        if unchanged {
            return Vec::new();
        }
        let done = match news.way {
            ImageWay::Pull => "pulled",
            ImageWay::Build => "built",
            ImageWay::Bootstrap => "bootstrapped",
        };
        let took = words::duration(took);
        vec![Line::Err(format!("{done} {image} in {took}"))]
    }

    fn end(&mut self) {
        self.over = true;
        self.images.clear();
        self.aside = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Failure, FailureKind};

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).expect("a valid name")
    }

    fn step(id: usize, kind: StepKind, service: &str, needs: &[usize]) -> StepSummary {
        StepSummary {
            id: StepId(id),
            kind,
            service: Some(name(service)),
            title: format!("step {id}"),
            cause: "missing".to_owned(),
            needs: needs.iter().map(|&id| StepId(id)).collect(),
        }
    }

    struct Screened(Board);

    impl Screened {
        fn at(&mut self, millis: u64, event: Event) -> Vec<String> {
            let at = Duration::from_millis(millis);
            let lines = self.0.settled(&Stamped { at, event });
            lines.iter().map(|line| line.text().to_owned()).collect()
        }

        fn rows(&self, millis: u64) -> Vec<String> {
            self.0.rows(Duration::from_millis(millis), 20)
        }
    }

    /// redis starts, then is ready; the api needs it.
    fn planned() -> Screened {
        let mut screen = Screened(Board::new(Colour::Off));
        screen.at(
            0,
            Event::Planned {
                steps: vec![
                    step(0, StepKind::Start, "redis", &[]),
                    step(1, StepKind::Ready, "redis", &[0]),
                    step(2, StepKind::Start, "api", &[1]),
                ],
            },
        );
        screen
    }

    fn started(id: usize) -> Event {
        Event::StepStarted { step: StepId(id) }
    }

    fn done(id: usize) -> Event {
        Event::StepDone {
            step: StepId(id),
            took: Duration::from_millis(400),
            unchanged: false,
        }
    }

    #[test]
    fn every_service_says_at_any_moment_what_it_does_or_waits_for() {
        let mut screen = planned();
        screen.at(0, started(0));
        screen.at(300, done(0));
        screen.at(300, started(1));
        screen.at(
            500,
            Event::Waiting {
                service: name("redis"),
                reason: "redis is loading".to_owned(),
                elapsed: Duration::from_millis(200),
            },
        );

        assert_eq!(
            screen.rows(1_000),
            [
                "· api    waiting             for redis",
                "⠋ redis  starting      0.7s  redis is loading",
            ]
        );
    }

    #[test]
    fn a_ready_service_keeps_its_row_and_its_time() {
        let mut screen = planned();
        screen.at(0, started(0));
        screen.at(300, done(0));
        screen.at(300, started(1));
        screen.at(
            700,
            Event::Ready {
                service: name("redis"),
                took: Duration::from_millis(400),
            },
        );
        screen.at(700, done(1));
        screen.at(700, started(2));

        assert_eq!(
            screen.rows(1_000),
            ["⠋ api    starting      0.3s", "✔ redis  ready         0.4s",]
        );
    }

    #[test]
    fn a_failure_leaves_the_board_as_it_was_and_its_reason_below() {
        let mut screen = planned();
        let failure = Failure::new(FailureKind::Exited, "`redis` exited");
        screen.at(0, started(0));
        screen.at(
            300,
            Event::StepFailed {
                step: StepId(0),
                failure: failure.clone(),
            },
        );
        for id in [1, 2] {
            screen.at(
                300,
                Event::StepSkipped {
                    step: StepId(id),
                    because: StepId(0),
                },
            );
        }

        let settled = screen.at(300, Event::Failed { failure });

        assert_eq!(
            settled,
            [
                "– api    skipped             it waits for redis",
                "✘ redis  failed",
                "error: `redis` exited",
                "skipped: api (it waits for redis)",
            ]
        );
        assert!(screen.rows(400).is_empty());
    }

    #[test]
    fn a_failure_after_the_table_adds_only_what_the_table_does_not_tell() {
        let mut screen = planned();
        let failure = Failure::new(FailureKind::Exited, "`redis` exited");
        screen.at(
            300,
            Event::StepFailed {
                step: StepId(0),
                failure: failure.clone(),
            },
        );
        screen.at(
            300,
            Event::StepSkipped {
                step: StepId(2),
                because: StepId(0),
            },
        );
        screen.at(
            300,
            Event::Finished {
                services: Vec::new(),
                took: Duration::from_millis(300),
                unchanged: false,
                next: Vec::new(),
            },
        );

        assert_eq!(
            screen.at(300, Event::Failed { failure }),
            ["error: `redis` exited", "skipped: api (it waits for redis)"]
        );
    }

    #[test]
    fn a_stack_higher_than_the_terminal_shows_what_is_still_on_its_way() {
        let mut screen = Screened(Board::new(Colour::Off));
        screen.at(
            0,
            Event::Planned {
                steps: (0..50)
                    .map(|id| step(id, StepKind::Start, &format!("s{id:02}"), &[]))
                    .collect(),
            },
        );
        for id in 0..48 {
            screen.at(0, done(id));
        }
        screen.at(0, started(48));

        assert_eq!(
            screen.0.rows(Duration::ZERO, 10),
            [
                "⠋ s48  starting      0.0s",
                "· s49  waiting             for its turn",
                "  and 48 services settled",
            ]
        );
    }

    #[test]
    fn an_image_on_its_way_has_a_row_and_settles_when_it_is_here() {
        let mut screen = Screened(Board::new(Colour::Off));
        screen.at(
            0,
            Event::Planned {
                steps: vec![StepSummary {
                    title: "get image redis:7-alpine".to_owned(),
                    service: None,
                    ..step(0, StepKind::Image, "redis", &[])
                }],
            },
        );
        screen.at(0, started(0));
        screen.at(
            0,
            Event::ImageProgress {
                image: ImageRef::new("redis:7-alpine"),
                way: ImageWay::Pull,
                doing: String::new(),
                transfer: Transfer {
                    done: 1_000_000,
                    total: 2_000_000,
                    layers_done: 1,
                    layers: 2,
                },
            },
        );

        let rows = screen.rows(0);
        let settled = screen.at(2_000, done(0));

        assert_eq!(
            rows,
            ["⠋ redis:7-alpine  ━━━━━━━━━━────────── pulling 1.0 MB of 2.0 MB, 1 of 2 layers"]
        );
        assert_eq!(settled, ["pulled redis:7-alpine in 400 ms"]);
        assert!(screen.rows(2_100).is_empty());
    }
}
