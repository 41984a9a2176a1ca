//! A process beside this one that lets paused containers go on where this one is killed.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::domain::ContainerId;

/// The verb that the guard runs as.
pub const GUARD_VERB: &str = "snapshot-guard";
/// What the guard reads where all has gone on already; without it, the end of its input is this process's end.
pub const DISMISSED: u8 = b'.';

/// A guard that stands by.
pub(super) struct Guard(Child);

impl Guard {
    /// Starts `program` as the guard over `paused`; `None` where it can't be started, and the next run sets things right.
    pub(super) fn over(program: &Path, paused: &[ContainerId]) -> Option<Self> {
        let started = Command::new(program)
            .arg(GUARD_VERB)
            .args(paused.iter().map(ContainerId::as_str))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends this process by its group, as Ctrl-C does, must not end the guard.
            .process_group(0)
            .spawn();
        started.ok().map(Self)
    }

    /// It is needed no more.
    pub(super) fn dismiss(mut self) {
        if let Some(mut input) = self.0.stdin.take() {
            input.write_all(&[DISMISSED]).ok(); // one that is gone needs no word
        }
        self.0.kill().ok(); // sooner than it ends by itself
        self.0.wait().ok();
    }
}
