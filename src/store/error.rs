//! Why a file could not be read or written, in words.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::{Failure, FailureKind};

/// A file that could not be read or written. Whatever it says, the file's old content is whole.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else than a file is in its place.
    #[error("`{}` is a {what}, not a file", .path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What is there: `directory`, `socket`.
        what: &'static str,
    },
    /// Its bytes are no UTF-8.
    #[error("`{}` is not UTF-8 text: line {line} has the byte 0x{byte:02x} in column {column}", .path.display())]
    NotText {
        /// Where.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// The first byte that doesn't fit.
        byte: u8,
    },
    /// The system refused.
    #[error("cannot {doing} `{}`: {}", .path.display(), words(source))]
    Refused {
        /// What was tried, as `write`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl StoreError {
    /// A refusal of the system.
    pub(super) fn refused(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Refused {
            doing,
            path,
            source,
        }
    }

    /// What mends it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotAFile { path, .. } => {
                let path = path.display();
                format!("move it away, as `mv {path} {path}.old`, and run this again")
            }
            Self::NotText { path, .. } => {
                let path = path.display();
                format!("convert it, as `iconv -f latin1 -t utf-8 {path}`, and run this again")
            }
            Self::Refused { source, path, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space; nothing was changed".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => {
                    "work on a copy of the project that can be written to; nothing was changed"
                        .to_owned()
                }
                io::ErrorKind::IsADirectory => {
                    let path = path.display();
                    format!("move it away, as `mv {path} {path}.old`, and run this again")
                }
                io::ErrorKind::PermissionDenied => {
                    let place = path.parent().unwrap_or(path).display();
                    format!("see who owns it with `ls -ld {place}`; nothing was changed")
                }
                _ => "nothing was changed".to_owned(),
            },
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(FailureKind::Project, error.to_string()).hint(error.hint())
    }
}

/// The system's answer without its number.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "no space left on the disk".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a directory".to_owned(),
        _ => {
            let text = error.to_string();
            let end = text.find(" (os error").unwrap_or(text.len());
            text[..end].to_lowercase()
        }
    }
}
