//! What `doctor`, `bundle` and `explain` are asked.

use std::path::PathBuf;

use super::Scope;

/// What is done about faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Treatment {
    /// They are told.
    #[default]
    Tell,
    /// `--fix`: what is safe to do is shown, and done.
    Mend,
    /// `--prove`: copies of the stack are started with faults put in.
    Prove {
        /// How many; `None` for each fault once.
        runs: Option<u32>,
    },
}

/// `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DoctorRequest {
    /// The project.
    pub scope: Scope,
    /// What is done about faults.
    pub treatment: Treatment,
}

/// `bundle`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleRequest {
    /// The project.
    pub scope: Scope,
    /// The archive; `None` for a name with the project and the time.
    pub file: Option<PathBuf>,
}

/// `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExplainRequest {
    /// An exit code, or an error's name; `None` for the list.
    pub what: Option<String>,
}
