//! A line of output and the door it leaves by.

/// One line: data goes to stdout, all else to stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What the person asked for: a log line, a table, a JSON event.
    Out(String),
    /// What the tool has to say on the way.
    Err(String),
}

impl Line {
    /// The text, whichever door it takes.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Out(text) | Self::Err(text) => text,
        }
    }
}
