//! What was seen of a file, and what is true of it once it has come to rest.

use std::path::PathBuf;

/// What was seen of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It is written and closed, or was moved into its place: whole.
    Written,
    /// It is being written, or nobody can tell.
    Touched,
    /// It is gone, or was moved away.
    Removed,
}

/// A file at which something was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What was seen.
    pub sight: Sight,
}

/// What became of a changed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there, with other content than before.
    Present,
    /// It is there no more.
    Gone,
}
