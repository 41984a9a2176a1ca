//! The facts of a machine that decide how an engine comes to run on it.

use std::path::Path;

use super::privilege::Privilege;
use crate::engine::surroundings::is_installed;

/// What this machine is and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Whether packages come through `apt-get`.
    pub has_apt: bool,
    /// Whether systemd runs.
    pub has_systemd: bool,
    /// Whether an engine is installed.
    pub has_engine: bool,
    /// Who may be acted as.
    pub privilege: Privilege,
}

impl Machine {
    /// This machine.
    pub async fn this() -> Self {
        Self {
            has_apt: is_installed("apt-get"),
            has_systemd: Path::new("/run/systemd/system").is_dir(),
            has_engine: is_installed("dockerd"),
            privilege: Privilege::of_this_process().await,
        }
    }
}
