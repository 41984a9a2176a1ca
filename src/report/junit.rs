//! The phases of a `ci` run as test cases, in the form that CI systems read (`JUnit`'s XML).

use std::fmt::Write as _;
use std::time::Duration;

/// A phase of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseReport {
    /// Its name, as `set up`.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What went wrong, headline first; empty where nothing did.
    pub wrong: Vec<String>,
}

/// The document.
///
/// # Panics
/// Never: text in memory takes all that is written.
#[must_use]
pub fn junit(stack: &str, phases: &[PhaseReport]) -> String {
    let failures = phases
        .iter()
        .filter(|phase| !phase.wrong.is_empty())
        .count();
    let took: Duration = phases.iter().map(|phase| phase.took).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"jobsprint-dev ci\" tests=\"{}\" failures=\"{failures}\" time=\"{:.3}\">\n",
        phases.len(),
        took.as_secs_f64()
    );
    for phase in phases {
        let (name, stack) = (escaped(phase.name), escaped(stack));
        let time = phase.took.as_secs_f64();
        let case = format!("<testcase classname=\"{stack}\" name=\"{name}\" time=\"{time:.3}\"");
        let written = match phase.wrong.split_first() {
            None => writeln!(text, "  {case}/>"),
            Some((headline, details)) => writeln!(
                text,
                "  {case}><failure message=\"{}\">{}</failure></testcase>",
                escaped(headline),
                escaped(&details.join("\n"))
            ),
        };
        written.expect("a String takes all that is written");
    }
    text + "</testsuite>\n"
}

/// Text as XML 1.0 takes it; control characters have no place in it at all.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(character),
            character if character.is_control() => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_failed_is_a_case_that_failed() {
        let phases = [
            PhaseReport {
                name: "set up",
                took: Duration::from_millis(1500),
                wrong: Vec::new(),
            },
            PhaseReport {
                name: "command",
                took: Duration::from_millis(20),
                wrong: vec!["`a < b` ended with 1".to_owned(), "\u{1b}[31m&".to_owned()],
            },
        ];

        assert_eq!(
            junit("shop-ci-1", &phases),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"jobsprint-dev ci\" tests=\"2\" failures=\"1\" time=\"1.520\">\n  \
             <testcase classname=\"shop-ci-1\" name=\"set up\" time=\"1.500\"/>\n  \
             <testcase classname=\"shop-ci-1\" name=\"command\" time=\"0.020\"><failure message=\"`a &lt; b` ended with 1\">\u{fffd}[31m&amp;</failure></testcase>\n\
             </testsuite>\n"
        );
    }
}
