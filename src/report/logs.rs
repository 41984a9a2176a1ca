//! A line of a service's log behind its service's name, in the service's own colour.

use std::collections::BTreeMap;

use console::Style;

use crate::domain::ServiceName;
use crate::report::{Colour, table};

const COLOURS: [u8; 6] = [6, 3, 2, 5, 4, 1];

/// Gives each service its colour and the prefixes one width, which grows with the longest name seen.
#[derive(Debug)]
pub struct Prefixes {
    colour: Colour,
    seen: BTreeMap<ServiceName, usize>,
    width: usize,
}

impl Prefixes {
    /// No service seen yet.
    pub fn new(colour: Colour) -> Self {
        Self {
            colour,
            seen: BTreeMap::new(),
            width: 0,
        }
    }

    /// `postgres  | the line`; a second container of a service is `worker-2`.
    pub fn line(&mut self, service: &ServiceName, number: u32, line: &str) -> String {
        let place = self.seen.len();
        let place = *self.seen.entry(service.clone()).or_insert(place);
        let name = if number > 1 {
            format!("{service}-{number}")
        } else {
            service.to_string()
        };
        self.width = self.width.max(name.len());
        let prefix = format!("{} |", table::pad(&name, self.width));
        let prefix = match self.colour {
            Colour::On => Style::new()
                .color256(COLOURS[place % COLOURS.len()])
                .force_styling(true)
                .apply_to(prefix)
                .to_string(),
            Colour::Off => prefix,
        };
        format!("{prefix} {line}").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).expect("a valid name")
    }

    #[test]
    fn prefixes_line_up_with_the_longest_name_so_far() {
        let mut prefixes = Prefixes::new(Colour::Off);

        let lines = [
            prefixes.line(&name("postgres"), 1, "ready to accept connections"),
            prefixes.line(&name("n8n"), 1, "hello"),
            prefixes.line(&name("worker"), 2, ""),
        ];

        assert_eq!(
            lines,
            [
                "postgres | ready to accept connections",
                "n8n      | hello",
                "worker-2 |",
            ]
        );
    }

    #[test]
    fn a_service_keeps_its_colour() {
        let mut prefixes = Prefixes::new(Colour::On);
        let colour = |line: String| line.split('m').next().unwrap_or_default().to_owned();

        let first = colour(prefixes.line(&name("a"), 1, "x"));
        let other = colour(prefixes.line(&name("b"), 1, "x"));
        let again = colour(prefixes.line(&name("a"), 1, "x"));

        assert_eq!(first, again);
        assert_ne!(first, other);
    }
}
