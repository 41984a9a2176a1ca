//! What can go wrong while running code is replaced.

use std::path::PathBuf;

use crate::domain::{Failure, FailureKind, ServiceName};
use crate::engine::EngineError;

/// Why code could not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The container is gone.
    #[error("the container of `{service}` is gone")]
    Gone {
        /// Whose it was.
        service: ServiceName,
    },
    /// A changed file can't be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing in the image can delete a file.
    #[error("cannot delete `{}` in the container: its image has no program for it", paths.join("`, `"))]
    NoRemover {
        /// The paths that stay.
        paths: Vec<String>,
    },
    /// A file could not be deleted.
    #[error("cannot delete files in the container: {reason}")]
    NotDeleted {
        /// What the program said.
        reason: String,
    },
    /// A command in the container failed.
    #[error("`{command}` failed with exit code {code}")]
    Hook {
        /// The command.
        command: String,
        /// Its exit code.
        code: i64,
        /// The last lines of its output.
        output: Vec<String>,
    },
}

impl ReplaceError {
    /// The error in the words of a person's terminal.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let message = self.to_string();
        match self {
            Self::Engine(_) | Self::NotDeleted { .. } => Failure::new(FailureKind::Engine, message),
            Self::Unreadable { source, .. } => {
                Failure::new(FailureKind::Project, format!("{message}: {source}"))
            }
            Self::NoRemover { .. } => Failure::new(FailureKind::Engine, message)
                .hint("let such changes rebuild the image: `action: rebuild`"),
            Self::Hook { output, .. } => Failure::new(FailureKind::Exited, message).details(output),
            Self::Gone { .. } => Failure::new(FailureKind::Exited, message)
                .hint("bring it back with `jobsprint-dev up`"),
        }
    }
}
