//! What is wrong or worth knowing in the project's files, and its rendering with the source line.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::source::Source;

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The files can't be used.
    Error,
    /// They can, but something is not as it seems.
    Warning,
}

/// Bytes of a file with what is to be said of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes.
    pub span: Range<usize>,
    /// What is said of them; may be empty.
    pub label: String,
}

impl Mark {
    /// The line, counted from 1, and the column in characters, counted from 1.
    #[must_use]
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.source.text[..self.span.start.min(self.source.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (line, column)
    }
}

/// A fault or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// The headline: a lowercase fragment.
    pub message: String,
    /// The place, the chief one first; empty where there is none.
    pub marks: Vec<Mark>,
    /// What to do.
    pub help: Option<String>,
}

/// Whether the rendering may hold terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    None,
    /// ANSI colours.
    Ansi,
}

impl Diagnostic {
    /// The diagnostic as a person reads it: message, file, line, column, the line itself, help.
    #[must_use]
    pub fn render(&self, colour: Colour) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        let mut shown: Vec<&Arc<Source>> = Vec::new();
        let paths: Vec<String> = self
            .marks
            .iter()
            .map(|mark| mark.source.path.display().to_string())
            .collect();
        for (mark, path) in self.marks.iter().zip(&paths) {
            if shown.contains(&&mark.source) {
                continue;
            }
            shown.push(&mark.source);
            let mut snippet = Snippet::source(mark.source.text.as_str()).path(path.as_str());
            for (at, other) in self
                .marks
                .iter()
                .enumerate()
                .filter(|(_, other)| other.source == mark.source)
            {
                let kind = if at == 0 {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                snippet =
                    snippet.annotation(kind.span(one_line(other)).label(other.label.as_str()));
            }
            group = group.element(snippet);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = match colour {
            Colour::None => Renderer::plain(),
            Colour::Ansi => Renderer::styled(),
        };
        renderer.render(&[group])
    }

    /// The diagnostic in one line: `path:line:column: message`.
    #[must_use]
    pub fn headline(&self) -> String {
        match self.marks.first() {
            Some(mark) => {
                let (line, column) = mark.line_and_column();
                format!(
                    "{}:{line}:{column}: {}",
                    mark.source.path.display(),
                    self.message
                )
            }
            None => self.message.clone(),
        }
    }
}

/// The mark's bytes on its first line, at least one, on character boundaries.
fn one_line(mark: &Mark) -> Range<usize> {
    let text = &mark.source.text;
    let start = text.floor_char_boundary(mark.span.start);
    let end = text.floor_char_boundary(mark.span.end.max(start));
    let line = text[start..end]
        .split('\n')
        .next()
        .unwrap_or_default()
        .trim_end();
    start..start + line.len()
}
