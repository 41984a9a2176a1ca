//! What is asked of the loader, what it reads through, and what it gives.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::Stack;

use super::{Diagnostic, Model};

/// Where a project is and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadRequest {
    /// `-f`: Compose files in merge order; empty to search for them.
    pub files: Vec<PathBuf>,
    /// `-p`: the project's name.
    pub project: Option<String>,
    /// `--project-directory`.
    pub directory: Option<PathBuf>,
    /// `--env-file`; empty for `.env` in the project directory.
    pub env_files: Vec<PathBuf>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// The environment of this process.
    pub environment: BTreeMap<String, String>,
    /// The current directory, absolute.
    pub current_dir: PathBuf,
}

/// The loader's only way to the disk.
pub trait FileReader {
    /// The text of a file.
    ///
    /// # Errors
    /// Whatever keeps the file from being read, text that is not UTF-8 included.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Whether there is a file (not a directory) of this name.
    fn is_file(&self, path: &Path) -> bool;
}

/// A project, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What should run.
    pub stack: Stack,
    /// The resolved file, for `config`.
    pub model: Model,
    /// What the person should know.
    pub warnings: Vec<Diagnostic>,
    /// What interpolation saw: the process environment over the `.env` files.
    pub environment: BTreeMap<String, String>,
}

/// Why a project can't be read: every fault found in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&diagnostic.headline())?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
