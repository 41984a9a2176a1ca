//! What `watch` says of changes: one line each, with the time that it took and where that went.

use std::time::Duration;

use console::Style;

use crate::domain::ServiceName;
use crate::event::{ChangeWay, Event, Phases};
use crate::report::{Colour, Line, failure, words};

/// The lines that tell of a change; none for other events.
pub fn lines(event: &Event, colour: Colour) -> Vec<Line> {
    let paint = |style: Style, text: String| match colour {
        Colour::On => style.force_styling(true).apply_to(text).to_string(),
        Colour::Off => text,
    };
    let said: Vec<String> = match event {
        Event::Watching {
            services,
            files,
            directories,
        } => {
            let services: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
            let whose = match services.as_slice() {
                [] => "the project's configuration".to_owned(),
                services => words::list(services),
            };
            vec![format!(
                "watching {whose}: {} in {}",
                words::count(*files, "file"),
                words::count(*directories, "directory"),
            )]
        }
        Event::Changed {
            service,
            file,
            files,
            way,
            phases,
            took,
        } => {
            let what = paint(Style::new().green(), done(*way, *took));
            let split = paint(Style::new().dim(), split(phases));
            vec![format!(
                "{service}: {} → {what}{split}",
                named(file, *files)
            )]
        }
        Event::CheckFailed {
            service,
            file,
            files,
            output,
        } => {
            let what = paint(Style::new().red(), "fails its check".to_owned());
            let file = named(file, *files);
            let headline = format!("{service}: {file} → {what}; what ran before goes on");
            let output = output.iter().map(|line| format!("  {line}"));
            std::iter::once(headline).chain(output).collect()
        }
        Event::ChangeFailed {
            service,
            file,
            files,
            failure,
        } => {
            let what = paint(Style::new().red(), failure.message.clone());
            let mut said = vec![format!("{service}: {} → {what}", named(file, *files))];
            said.extend(failure::failure_lines(failure).into_iter().skip(1));
            said.push("  still watching: the next save tries again".to_owned());
            said
        }
        _ => Vec::new(),
    };
    said.into_iter().map(Line::Err).collect()
}

/// `src/server.js`, or `src/server.js and 3 others`.
fn named(file: &str, files: usize) -> String {
    match files.saturating_sub(1) {
        0 => file.to_owned(),
        others => format!("{file} and {}", words::count(others, "other")),
    }
}

fn done(way: ChangeWay, took: Duration) -> String {
    let took = words::duration(took);
    match way {
        ChangeWay::Synced => format!("synced in {took}"),
        ChangeWay::SyncedAndRan => format!("synced and ran its command in {took}"),
        ChangeWay::RestartedInPlace => format!("restarted in place, ready in {took}"),
        ChangeWay::Restarted => format!("restarted, ready in {took}"),
        ChangeWay::Rebuilt => format!("rebuilt, ready in {took}"),
        ChangeWay::RebuiltTheSame => format!("rebuilt to the same image in {took}"),
    }
}

/// ` (settle 30, stop 12, boot 110, probe 12)`, in milliseconds.
fn split(phases: &Phases) -> String {
    let queue = (phases.queue >= Duration::from_millis(1)).then_some(phases.queue);
    let parts: Vec<String> = [
        ("settle", Some(phases.settle)),
        ("queue", queue),
        ("check", phases.check),
        ("sync", phases.sync),
        ("build", phases.build),
        ("stop", phases.stop),
        ("boot", phases.boot),
        ("probe", phases.probe),
    ]
    .into_iter()
    .filter_map(|(name, took)| Some(format!("{name} {}", took?.as_millis())))
    .collect();
    format!(" ({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Failure, FailureKind};

    fn told(event: &Event) -> Vec<String> {
        let lines = lines(event, Colour::Off);
        lines.iter().map(|line| line.text().to_owned()).collect()
    }

    fn api() -> ServiceName {
        ServiceName::new("api-gateway").expect("a valid name")
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_restart_is_one_line_with_where_the_time_went() {
        let event = Event::Changed {
            service: api(),
            file: "src/server.js".to_owned(),
            files: 1,
            way: ChangeWay::RestartedInPlace,
            phases: Box::new(Phases {
                settle: millis(30),
                stop: Some(millis(12)),
                boot: Some(millis(110)),
                probe: Some(millis(12)),
                ..Phases::default()
            }),
            took: millis(164),
        };

        assert_eq!(
            told(&event),
            [
                "api-gateway: src/server.js → restarted in place, ready in 164 ms \
              (settle 30, stop 12, boot 110, probe 12)"
            ]
        );
    }

    #[test]
    fn many_files_are_counted_and_a_turn_waited_for_is_told() {
        let event = Event::Changed {
            service: api(),
            file: "a.js".to_owned(),
            files: 5_000,
            way: ChangeWay::Synced,
            phases: Box::new(Phases {
                settle: millis(150),
                queue: millis(40),
                sync: Some(millis(300)),
                ..Phases::default()
            }),
            took: millis(490),
        };

        assert_eq!(
            told(&event),
            [
                "api-gateway: a.js and 4999 others → synced in 490 ms (settle 150, queue 40, sync 300)"
            ]
        );
    }

    #[test]
    fn broken_code_is_shown_with_what_the_check_says() {
        let event = Event::CheckFailed {
            service: api(),
            file: "src/server.js".to_owned(),
            files: 2,
            output: vec!["SyntaxError: Unexpected token".to_owned()],
        };

        assert_eq!(
            told(&event),
            [
                "api-gateway: src/server.js and 1 other → fails its check; what ran before goes on",
                "  SyntaxError: Unexpected token",
            ]
        );
    }

    #[test]
    fn a_service_that_does_not_come_back_shows_its_last_lines() {
        let failure = Failure::new(FailureKind::Exited, "exited with code 1")
            .details(["Error: boom".to_owned()]);
        let event = Event::ChangeFailed {
            service: api(),
            file: "src/server.js".to_owned(),
            files: 1,
            failure,
        };

        let told = told(&event);

        assert_eq!(told[0], "api-gateway: src/server.js → exited with code 1");
        assert!(
            told.iter().any(|line| line.contains("Error: boom")),
            "{told:?}"
        );
        assert_eq!(
            told.last().map(String::as_str),
            Some("  still watching: the next save tries again")
        );
    }

    #[test]
    fn the_beginning_says_what_is_watched() {
        let event = Event::Watching {
            services: vec![api()],
            files: 12,
            directories: 1,
        };

        assert_eq!(
            told(&event),
            ["watching api-gateway: 12 files in 1 directory"]
        );
    }
}
