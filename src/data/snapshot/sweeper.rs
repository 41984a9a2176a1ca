//! A process beside this one that removes what was put out of sight: nobody waits until gigabytes are unlinked.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::agent::Replaced;
use super::helper::Helper;
use super::shelf::Shelf;
use super::stock::Stock;
use crate::data::DataError;
use crate::domain::ContainerId;
use crate::engine::Engine;

/// The verb that the sweeper runs as.
const SWEEP_VERB: &str = "snapshot-sweep";

/// Has `program` remove what is out of sight of `shelf` and what a restore has `replaced`, and doesn't wait for it; where it
/// is killed, the next run does it.
pub async fn discard(
    engine: &dyn Engine,
    shelf: &Shelf,
    program: Option<&Path>,
    replaced: &Replaced,
) {
    if !shelf.discard_by(program, replaced) {
        shelf.discard(&replaced.directories);
        if let Some(helper) = &replaced.helper {
            discard_by_helper(engine, helper).await.ok(); // the next run tries again
        }
    }
}

/// Has a helper remove what a restore replaced and it alone can; it goes, too.
///
/// # Errors
/// Where the engine says so.
pub async fn discard_by_helper(engine: &dyn Engine, helper: &ContainerId) -> Result<(), DataError> {
    Helper::of(engine, helper.clone()).discard().await
}

/// Ends what still removes things from beside the volumes: they are about to go themselves.
///
/// # Errors
/// Where the engine says so.
pub async fn release_volumes(stock: &Stock) -> Result<(), DataError> {
    Helper::sweep(stock).await
}

impl Shelf {
    /// Whether `program` was started for it, or needn't be.
    #[must_use]
    pub fn discard_by(&self, program: Option<&Path>, replaced: &Replaced) -> bool {
        let Replaced {
            directories,
            helper,
        } = replaced;
        if directories.is_empty() && helper.is_none() && !self.has_gone() {
            return true;
        }
        let Some(program) = program else { return false };
        let mut sweeper = Command::new(program);
        sweeper.arg(SWEEP_VERB);
        if let Some(helper) = helper {
            sweeper.args(["--helper", helper.as_str()]);
        }
        sweeper
            .args([self.directory().as_os_str(), self.project().as_ref()])
            .args(directories)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends this process by its group, as Ctrl-C does, must not end the sweeper.
            .process_group(0);
        sweeper.spawn().is_ok()
    }
}
