//! Log frames put together into whole lines: the engine cuts lines at 16 KiB, and gives each piece its own timestamp.

use bytes::Bytes;

use crate::engine::LogLine;
use crate::event::LogStream;

/// The longest line that is kept together; what follows starts a line of its own.
const LONGEST: usize = 1 << 20;

/// Assembles the lines of one container's two streams.
#[derive(Debug, Default)]
pub(super) struct Lines {
    stdout: Unfinished,
    stderr: Unfinished,
}

#[derive(Debug, Default)]
struct Unfinished {
    at: String,
    text: Vec<u8>,
}

impl Lines {
    /// Takes one frame, `TIMESTAMP TEXT`, and gives the line that it completes.
    pub(super) fn take(&mut self, stream: LogStream, frame: &Bytes) -> Option<LogLine> {
        let unfinished = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        let (at, text) = split_timestamp(frame);
        if unfinished.text.is_empty() {
            at.clone_into(&mut unfinished.at);
        }
        unfinished.text.extend_from_slice(text);
        let is_whole = text.ends_with(b"\n") || unfinished.text.len() >= LONGEST;
        is_whole.then(|| unfinished.finish(stream))
    }

    /// The lines that never ended.
    pub(super) fn rest(&mut self) -> Vec<LogLine> {
        [
            (LogStream::Stdout, &mut self.stdout),
            (LogStream::Stderr, &mut self.stderr),
        ]
        .into_iter()
        .filter(|(_, unfinished)| !unfinished.text.is_empty())
        .map(|(stream, unfinished)| unfinished.finish(stream))
        .collect()
    }
}

impl Unfinished {
    fn finish(&mut self, stream: LogStream) -> LogLine {
        let bytes = std::mem::take(&mut self.text);
        let text = String::from_utf8_lossy(&bytes);
        LogLine {
            stream,
            at: std::mem::take(&mut self.at),
            text: text.trim_end_matches(['\n', '\r']).to_owned(),
        }
    }
}

fn split_timestamp(frame: &[u8]) -> (&str, &[u8]) {
    let Some(space) = frame.iter().take(40).position(|byte| *byte == b' ') else {
        return ("", frame);
    };
    let is_timestamp = frame[..space].ends_with(b"Z") && frame[0].is_ascii_digit();
    match std::str::from_utf8(&frame[..space]) {
        Ok(at) if is_timestamp => (at, &frame[space + 1..]),
        _ => ("", frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-11-23T10:00:00.000000001Z";

    fn frame(text: &str) -> Bytes {
        Bytes::from(format!("{AT} {text}"))
    }

    #[test]
    fn a_line_that_came_in_pieces_is_one_line() {
        let mut lines = Lines::default();

        assert_eq!(lines.take(LogStream::Stdout, &frame("first ")), None);
        let line = lines.take(LogStream::Stdout, &frame("second\r\n"));

        assert_eq!(
            line,
            Some(LogLine {
                stream: LogStream::Stdout,
                at: AT.into(),
                text: "first second".into()
            })
        );
    }

    #[test]
    fn the_two_streams_do_not_mix() {
        let mut lines = Lines::default();

        lines.take(LogStream::Stdout, &frame("half"));
        let error = lines.take(LogStream::Stderr, &frame("oops\n"));

        assert_eq!(error.map(|line| line.text).as_deref(), Some("oops"));
        assert_eq!(lines.rest()[0].text, "half");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut lines = Lines::default();
        let line = lines.take(LogStream::Stdout, &Bytes::from_static(b"\xff!\n"));

        assert_eq!(line.map(|line| line.text).as_deref(), Some("\u{fffd}!"));
    }
}
