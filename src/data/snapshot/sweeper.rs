//! A process beside this one that removes what was put out of sight: nobody waits until gigabytes are unlinked.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::shelf::Shelf;

/// The verb that the sweeper runs as.
const SWEEP_VERB: &str = "snapshot-sweep";

impl Shelf {
    /// Has `program` remove what is out of sight and what a restore has `replaced`, and doesn't wait for it; where it is
    /// killed, the next run does it.
    pub fn discard_by(&self, program: Option<&Path>, replaced: &[PathBuf]) {
        if replaced.is_empty() && !self.has_gone() {
            return;
        }
        let started = program.is_some_and(|program| {
            let mut sweeper = Command::new(program);
            sweeper
                .arg(SWEEP_VERB)
                .args([self.directory().as_os_str(), self.project().as_ref()])
                .args(replaced)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // What ends this process by its group, as Ctrl-C does, must not end the sweeper.
                .process_group(0);
            sweeper.spawn().is_ok()
        });
        if !started {
            self.discard(replaced);
        }
    }
}
