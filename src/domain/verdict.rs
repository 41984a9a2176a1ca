//! What a diagnosis says of one thing: how bad it is, why, what shows it, and what mends it.

use std::path::PathBuf;

use super::FailureKind;

/// How bad it is; the worst sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The stack can't work with it.
    Problem,
    /// It works, and should be mended.
    Warning,
    /// All is well.
    Ok,
}

/// Something that is safe to do without a question: it can be taken back, and no data goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A file's permission bits are set.
    SetMode {
        /// The file.
        path: PathBuf,
        /// The bits.
        mode: u32,
    },
    /// A directory is made.
    MakeDirectory(PathBuf),
    /// A script's line ends lose their carriage returns.
    UnixLines(PathBuf),
    /// These lines make a new `.dockerignore`.
    WriteIgnore {
        /// The file.
        path: PathBuf,
        /// Its lines.
        lines: Vec<String>,
    },
    /// A temporary file of a killed run goes.
    RemoveFile(PathBuf),
    /// A record that can't be read gets another name, and stays.
    PutAside(PathBuf),
    /// `.env` gets what the schema asks for; what stands in it stays.
    CompleteEnv,
    /// The certificate is made.
    MakeCertificate,
    /// Containers of services that the files no longer have go; their volumes stay.
    RemoveContainers(Vec<String>),
}

/// What mends a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    /// What to type or do.
    pub command: String,
    /// What `--fix` does about it: nothing where nothing is safe.
    pub deeds: Vec<Deed>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The check, as `host.ports`.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The exit code's kind, where it is a problem.
    pub kind: FailureKind,
    /// Why, in a sentence: a lowercase fragment, never a secret.
    pub reason: String,
    /// What shows it, a fact a line.
    pub evidence: Vec<String>,
    /// What mends it.
    pub mend: Option<Mend>,
}

impl Verdict {
    /// All is well.
    pub fn ok(check: &'static str, reason: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            kind: FailureKind::Project,
            reason: reason.into(),
            evidence: Vec::new(),
            mend: None,
        }
    }

    /// It works, and should be mended.
    pub fn warning(check: &'static str, reason: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::ok(check, reason)
        }
    }

    /// The stack can't work with it.
    pub fn problem(check: &'static str, kind: FailureKind, reason: impl Into<String>) -> Self {
        Self {
            level: Level::Problem,
            kind,
            ..Self::ok(check, reason)
        }
    }

    /// Adds a fact that shows it.
    #[must_use]
    pub fn shown(mut self, fact: impl Into<String>) -> Self {
        self.evidence.push(fact.into());
        self
    }

    /// What to type or do.
    #[must_use]
    pub fn mend(mut self, command: impl Into<String>) -> Self {
        let command = command.into();
        self.mend = Some(Mend {
            command,
            deeds: Vec::new(),
        });
        self
    }

    /// What to type, and what `--fix` does by itself.
    #[must_use]
    pub fn fix(mut self, command: impl Into<String>, deed: Deed) -> Self {
        let command = command.into();
        self.mend = Some(Mend {
            command,
            deeds: vec![deed],
        });
        self
    }
}
