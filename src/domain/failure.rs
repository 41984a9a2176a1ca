//! Why something didn't work, in words for the person at the terminal.

use std::fmt;

/// The kinds of failure; each has its exit code in `error.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// A fault of the tool itself.
    Bug,
    /// Wrong words on the command line.
    Usage,
    /// The project's files are wrong.
    Project,
    /// The engine can't be reached, or refuses.
    Engine,
    /// An image can't be obtained.
    Image,
    /// A service is not ready in time.
    NotReady,
    /// A service exited or is crash-looping.
    Exited,
    /// A migration or a seed failed.
    Data,
    /// Environment values are missing or bad.
    Environment,
    /// A port is taken.
    Port,
    /// Interrupted by the person.
    Interrupted,
}

impl FailureKind {
    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 11] = [
        Self::Bug,
        Self::Usage,
        Self::Project,
        Self::Engine,
        Self::Image,
        Self::NotReady,
        Self::Exited,
        Self::Data,
        Self::Environment,
        Self::Port,
        Self::Interrupted,
    ];
}

/// A failure as it is shown: a headline, what belongs to it, and what to type next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// One sentence: a lowercase fragment without full stop, values in backticks, never a secret.
    pub message: String,
    /// Lines that belong to it: a source excerpt, a probe's last answer, the last log lines.
    pub details: Vec<String>,
    /// What to type or do next, most useful first, three at most.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with a headline alone.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds lines that belong to it.
    #[must_use]
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// How a container's main process ended, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCause {
    /// The exit code; 128+n after a signal.
    pub code: i64,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
}

impl fmt::Display for ExitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code;
        let meaning = match code {
            _ if self.out_of_memory => "killed by the kernel: out of memory",
            0 => "finished without error",
            125 => "the engine could not run it",
            126 => "its command can't be executed",
            127 => "its command was not found",
            130 => "SIGINT: interrupted",
            132 => "SIGILL: illegal instruction",
            134 => "SIGABRT: aborted",
            135 => "SIGBUS: bus error",
            136 => "SIGFPE: arithmetic error",
            137 => "SIGKILL: killed",
            139 => "SIGSEGV: segmentation fault",
            143 => "SIGTERM: asked to stop",
            _ => return write!(f, "exit code {code}"),
        };
        write!(f, "exit code {code} ({meaning})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_told_in_words() {
        let killed = ExitCause {
            code: 137,
            out_of_memory: true,
        };
        let plain = ExitCause {
            code: 3,
            out_of_memory: false,
        };

        assert_eq!(
            killed.to_string(),
            "exit code 137 (killed by the kernel: out of memory)"
        );
        assert_eq!(plain.to_string(), "exit code 3");
    }
}
