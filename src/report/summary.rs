//! The end of a run: the table of services, what was generated, and the next command.

use std::time::Duration;

use crate::event::ServiceLine;
use crate::report::{Line, table, words};

/// What was generated: `generated in .env: JWT_SECRET and REDIS_PASSWORD`; never values.
pub fn generated(place: &str, names: &[String]) -> String {
    if names.is_empty() {
        format!("generated {place}")
    } else {
        format!("generated in {place}: {}", words::list(names))
    }
}

/// The end of a run that went well: the table is data, the rest is said on the way.
pub fn lines(
    table: &[ServiceLine],
    took: Duration,
    unchanged: bool,
    commands: &[String],
) -> Vec<Line> {
    let mut lines: Vec<Line> = services(table).into_iter().map(Line::Out).collect();
    lines.push(Line::Err(closing(table, took, unchanged)));
    lines.extend(next(commands).into_iter().map(Line::Err));
    lines
}

/// The table of services: state, time to ready, URL, note.
fn services(services: &[ServiceLine]) -> Vec<String> {
    let rows: Vec<[String; 5]> = services
        .iter()
        .map(|line| {
            [
                line.service.to_string(),
                line.state.to_owned(),
                line.took.map(words::duration).unwrap_or_default(),
                line.url.clone().unwrap_or_default(),
                line.note.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table::lines(&rows)
}

/// The sentence that closes a run.
fn closing(services: &[ServiceLine], took: Duration, unchanged: bool) -> String {
    let ready = services.iter().filter(|line| line.state == "ready").count();
    let took = words::duration(took);
    match (services.len(), unchanged) {
        (_, true) => format!("nothing to do ({took})"),
        (0, false) => format!("done in {took}"),
        (all, false) if ready == all => {
            format!("{} ready in {took}", words::count(all, "service"))
        }
        (all, false) => format!(
            "{ready} of {} ready in {took}",
            words::count(all, "service")
        ),
    }
}

/// What to type next, a line each.
fn next(commands: &[String]) -> Vec<String> {
    commands
        .iter()
        .map(|command| format!("next: {command}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ServiceName;

    fn line(service: &str, state: &'static str) -> ServiceLine {
        ServiceLine {
            service: ServiceName::new(service).expect("a valid name"),
            state,
            url: None,
            took: None,
            note: None,
        }
    }

    #[test]
    fn the_table_shows_what_there_is() {
        let lines = [
            ServiceLine {
                took: Some(Duration::from_millis(1400)),
                ..line("postgres", "ready")
            },
            ServiceLine {
                url: Some("http://localhost:5678".to_owned()),
                note: Some("image can't be obtained".to_owned()),
                ..line("n8n", "missing")
            },
        ];

        assert_eq!(
            services(&lines),
            [
                "postgres  ready    1.4 s",
                "n8n       missing         http://localhost:5678  image can't be obtained",
            ]
        );
    }

    #[test]
    fn the_closing_sentence_tells_how_it_ended() {
        let took = Duration::from_millis(12_400);
        let both = [line("a", "ready"), line("b", "ready")];
        let one = [line("a", "ready"), line("b", "exited")];

        assert_eq!(closing(&both, took, false), "2 services ready in 12.4 s");
        assert_eq!(
            closing(&one, took, false),
            "1 of 2 services ready in 12.4 s"
        );
        assert_eq!(closing(&[], took, false), "done in 12.4 s");
        assert_eq!(
            closing(&both, Duration::from_millis(80), true),
            "nothing to do (80 ms)"
        );
    }
}
