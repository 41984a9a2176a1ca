//! A fault in a file that a person wrote, with its place.

use std::fmt;

/// A fault at one place of a text: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, as the person knows it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub width: usize,
    /// The line itself; empty where it must not be shown.
    pub source: String,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Fault {
    /// The place, the line and a mark under what is meant.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let Self {
            file,
            line,
            column,
            width,
            source,
            ..
        } = self;
        let mut lines = vec![format!("{file}:{line}:{column}: {}", self.message)];
        if !source.is_empty() {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            let space = " ".repeat(column - 1);
            let mark = "^".repeat((*width).max(1));
            lines.push(format!("{number} | {source}"));
            lines.push(format!("{margin} | {space}{mark}"));
        }
        lines
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, line, column, ..
        } = self;
        write!(f, "{file}:{line}:{column}: {}", self.message)
    }
}

impl std::error::Error for Fault {}
