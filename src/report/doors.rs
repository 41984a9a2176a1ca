//! The two doors out: data to stdout, all else to stderr.

use std::io::{self, Write};

use crate::domain::Failure;
use crate::report::{Line, Place, failure_lines};

/// Writes lines to the process' own streams; a reader that has gone away is remembered, not an error.
#[derive(Debug)]
pub struct Doors {
    stdout: Place,
    reader_gone: bool,
}

impl Doors {
    /// Doors whose stdout ends at this place.
    pub fn new(stdout: Place) -> Self {
        Self {
            stdout,
            reader_gone: false,
        }
    }

    /// Writes `lines` in order; colours are kept from a stdout that is no terminal.
    pub fn write(&mut self, lines: &[Line]) {
        for line in lines {
            match line {
                Line::Out(text) if self.stdout == Place::Terminal => self.out(text),
                Line::Out(text) => self.out(&console::strip_ansi_codes(text)),
                Line::Err(text) => raw_err(&format!("{text}\n")),
            }
        }
        if io::stdout().flush().is_err() {
            self.reader_gone = true;
        }
    }

    /// Whether whoever read stdout has closed it, as `| head` does.
    pub fn reader_is_gone(&self) -> bool {
        self.reader_gone
    }

    fn out(&mut self, text: &str) {
        if !self.reader_gone && writeln!(io::stdout().lock(), "{text}").is_err() {
            self.reader_gone = true;
        }
    }
}

/// Writes to stderr as it stands. There is no door left to tell of a stderr that fails.
pub fn raw_err(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Writes a whole document, as `config` makes it, to stdout. A reader that goes away early is no error.
pub fn print(document: &str) {
    let mut stdout = io::stdout().lock();
    let end = if document.is_empty() || document.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    drop(write!(stdout, "{document}{end}").and_then(|()| stdout.flush()));
}

/// Writes a failure to stderr, for verbs that end before any reporter runs.
pub fn print_failure(failure: &Failure) {
    for line in failure_lines(failure) {
        raw_err(&format!("{line}\n"));
    }
}
