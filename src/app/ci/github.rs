//! What GitHub Actions is told of a run: a log group a phase, an annotation where it failed, and the job's summary.
//!
//! Workflow commands: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::app::session::Session;
use crate::domain::{CiRequest, Failure, ServiceName, Stack};
use crate::event::Event;
use crate::report::words;

/// Runs `ci`, and tells GitHub Actions, where that reads along, what no capsule tells.
///
/// # Errors
/// The run's own.
pub(in crate::app) async fn run(session: &mut Session, request: CiRequest) -> Result<u8, Failure> {
    if !reads_along(session) {
        return super::run::run(session, request).await;
    }
    let command = request.command.join(" ");
    let ended = super::run::run(session, request).await;
    over(session);
    match &ended {
        Ok(0) => {
            let took = words::duration(session.events.elapsed());
            let text = format!("`{command}` passed on a stack of its own; all of it took {took}\n");
            summarise(session, &text);
        }
        Err(failure) if !session.has_capsule() => {
            failed(session, None, &failure.message);
            let details = failure.details.join("\n");
            let text = format!("**{}**\n\n```\n{details}\n```\n", failure.message);
            summarise(session, &session.masked(&text));
        }
        Ok(_) | Err(_) => {}
    }
    ended
}

fn reads_along(session: &Session) -> bool {
    let value = session.environment.get("GITHUB_ACTIONS");
    value.is_some_and(|value| value == "true")
}

/// A phase begins, and with it a group of the log.
pub(super) fn phase(session: &Session, name: &str) {
    if reads_along(session) {
        let text = format!("::group::jobsprint-dev: {name}");
        session.events.tell(Event::Directive { text });
    }
}

/// The phase is over.
pub(super) fn over(session: &Session) {
    if reads_along(session) {
        let text = "::endgroup::".to_owned();
        session.events.tell(Event::Directive { text });
    }
}

/// Annotates the failure, at the place in a file that it tells of.
pub(super) fn failed(session: &Session, stack: Option<&Stack>, headline: &str) {
    if !reads_along(session) {
        return;
    }
    let place = written_place(headline).or_else(|| service_place(stack?, headline));
    let place = place.map_or_else(String::new, |(file, line)| {
        let file = Path::new(&file);
        // Annotations name files from the checkout's top.
        let top = session.environment.get("GITHUB_WORKSPACE");
        let shown = top.and_then(|top| file.strip_prefix(top).ok());
        let shown = shown.unwrap_or(file).display().to_string();
        format!("file={},line={line},", property(&shown))
    });
    let text = format!(
        "::error {place}title=jobsprint-dev ci::{}",
        escaped(headline)
    );
    session.events.tell(Event::Directive { text });
}

/// Adds to the job's summary. One that can't be written fails nobody's run: the capsule has it too.
pub(super) fn summarise(session: &Session, text: &str) {
    let path = session.environment.get("GITHUB_STEP_SUMMARY");
    if let Some(path) = path.filter(|_| reads_along(session)) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .ok();
    }
}

/// `compose.yaml:3:5: …`
fn written_place(headline: &str) -> Option<(String, usize)> {
    let mut parts = headline.splitn(4, ':');
    let (file, line, column) = (parts.next()?, parts.next()?, parts.next()?);
    column.parse::<usize>().ok()?;
    let is_file = !file.is_empty() && !file.contains([' ', '`']);
    Some((file.to_owned(), line.parse().ok()?)).filter(|_| is_file)
}

/// Where the service that the headline names begins in the files.
fn service_place(stack: &Stack, headline: &str) -> Option<(String, usize)> {
    let is_named = |name: &str| {
        [
            format!("`{name}`"),
            format!("({name}:"),
            format!("; {name}:"),
        ]
        .iter()
        .any(|word| headline.contains(word.as_str()))
    };
    let names = stack.services.keys().map(ServiceName::as_str);
    let key = format!("{}:", names.into_iter().find(|name| is_named(name))?);
    stack.config_files.iter().find_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        let mut lines = text.lines().enumerate();
        let is_key = |line: &str| line.starts_with(' ') && line.trim_start().starts_with(&key);
        let (at, _) = lines.find(|(_, line)| is_key(line))?;
        Some((file.display().to_string(), at + 1))
    })
}

/// Workflow commands end at a line's end, and take it escaped.
fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_the_words_of_a_fault() {
        let place = written_place("/shop/compose.yaml:3:5: the key `imagee` is not known here");

        assert_eq!(place, Some(("/shop/compose.yaml".to_owned(), 3)));
        assert_eq!(written_place("`npm test` ended with exit code 1"), None);
        assert_eq!(
            written_place("timed out after 5m: 1 not ready (a: b: c)"),
            None
        );
    }

    #[test]
    fn what_would_end_a_workflow_command_is_escaped() {
        assert_eq!(escaped("50%\nof it"), "50%25%0Aof it");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
