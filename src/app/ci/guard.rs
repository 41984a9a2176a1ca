//! The guard: this binary in a session of its own, which outlives a killed owner and removes what that left behind.

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, setsid};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::teardown::remove;
use super::tenant::{Afterwards, leave};
use crate::app::faults;
use crate::app::session::Session;
use crate::domain::{Failure, FailureKind, ProjectName};
use crate::engine::Engine;

/// All is removed, or is to stay: the guard may go.
const DISMISSED: &str = "dismissed";
/// The process group of the command, for the guard to end with its owner.
const COMMAND: &str = "command ";

/// A guard on duty. Its stdin is a pipe that only this process holds: the kernel closes it at any death.
pub(in crate::app) struct Guard {
    orders: ChildStdin,
    _process: Child,
}

impl Guard {
    /// Posts a guard over `project`.
    ///
    /// # Errors
    /// Where this binary can't be started again.
    pub fn post(project: &ProjectName) -> Result<Self, Failure> {
        Self::start(project).map_err(|error| {
            let message = format!("cannot start this program again: {error}");
            Failure::new(FailureKind::Bug, message)
        })
    }

    fn start(project: &ProjectName) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--output", "quiet", "stacks", "guard", project.as_str()])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let orders = process.stdin.take().expect("it was asked for");
        Ok(Self {
            orders,
            _process: process,
        })
    }

    /// Tells of the command's process group. A guard that is gone is nobody's failure: a later run cleans up too.
    pub async fn watch_command(&mut self, group: u32) {
        self.order(&format!("{COMMAND}{group}\n")).await;
    }

    /// Sends it home.
    pub async fn dismiss(&mut self) {
        self.order(&format!("{DISMISSED}\n")).await;
    }

    async fn order(&mut self, words: &str) {
        self.orders.write_all(words.as_bytes()).await.ok();
        self.orders.flush().await.ok();
    }
}

/// The guard's own life: waits for its owner's end, and cleans up unless dismissed.
///
/// # Errors
/// Where the engine fails.
pub(in crate::app) async fn stand_by(
    session: &Session,
    engine: &Arc<dyn Engine>,
    project: &ProjectName,
) -> Result<(), Failure> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut command = None;
    while let Ok(Some(order)) = orders.next_line().await {
        if order == DISMISSED {
            return Ok(());
        }
        if let Some(group) = order.strip_prefix(COMMAND) {
            command = group.parse().ok().and_then(Pid::from_raw);
        }
    }
    if let Some(group) = command {
        // Gone already is as good.
        kill_process_group(group, Signal::KILL).ok();
    }
    // Twice, since what the owner asked for last may appear at the engine only after a first look.
    for afterwards in [Afterwards::LookAgain, Afterwards::Forget] {
        // The owner may have been killed between the command's start and the word of it.
        for process in commands_of(project) {
            kill_process(process, Signal::KILL).ok();
        }
        let (removed, left) = tokio::join!(
            remove(&**engine, project),
            leave(session, engine, project, afterwards),
        );
        removed.map_err(|error| faults::at("remove the stack", error))?;
        left?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Processes of this machine that were told of the stack when they were started.
fn commands_of(project: &ProjectName) -> Vec<Pid> {
    let told = format!("JOBSPRINT_STACK={project}");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let mut variables = environment.split(|byte| *byte == 0);
            let is_told = variables.any(|variable| variable == told.as_bytes());
            Pid::from_raw(pid).filter(|_| is_told)
        })
        .collect()
}

/// Leaves the owner's session, so that what ends a whole session or process group spares the guard.
pub(in crate::app) fn leave_session() {
    // A group's leader can't leave: then it has left already.
    setsid().ok();
}
