//! The command on the host: its streams untouched, its end told as a shell tells it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

use super::guard::Guard;
use crate::domain::{Failure, FailureKind, Secret};
use crate::run::Interrupt;

/// Between the wish that it end and the end.
const GRACE: Duration = Duration::from_secs(10);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, or by somebody else's signal: the exit code as a shell has it.
    Code(u8),
    /// It took too long.
    TimedOut,
    /// The person interrupted.
    Interrupted,
}

impl Ended {
    /// The exit code that passes it on.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            // As timeout(1) has it.
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }
}

/// Runs `words`, and ends what it left running in the background.
///
/// # Errors
/// Where the system can't wait for it.
pub(super) async fn run(
    words: &[String],
    environment: &BTreeMap<String, Secret>,
    limit: Option<Duration>,
    interrupt: &Interrupt,
    guard: &mut Guard,
) -> Result<Ended, Failure> {
    let (program, arguments) = words.split_first().expect("the command line asks for one");
    let variables = environment
        .iter()
        .map(|(name, value)| (name, value.expose()));
    let mut command = Command::new(program);
    command.args(arguments).envs(variables);
    // On a terminal it must stay in the foreground's group to read from it; Ctrl-C then reaches it by itself.
    let has_group = !io::stdin().is_terminal();
    if has_group {
        command.process_group(0);
    }
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Err(not_started(program, &error)),
    };
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    let signal = |signal| {
        let sent = |pid| {
            if has_group {
                kill_process_group(pid, signal)
            } else {
                kill_process(pid, signal)
            }
        };
        // Gone already is as good.
        pid.and_then(|pid| sent(pid).ok());
    };
    if let (true, Some(id)) = (has_group, child.id()) {
        guard.watch_command(id).await;
    }
    let ended = wait(child, limit, interrupt, &signal).await;
    if has_group {
        signal(Signal::KILL);
    }
    ended.map_err(|error| {
        Failure::new(
            FailureKind::Bug,
            format!("cannot wait for `{program}`: {error}"),
        )
    })
}

async fn wait(
    mut child: Child,
    limit: Option<Duration>,
    interrupt: &Interrupt,
    signal: &(dyn Fn(Signal) + Sync),
) -> io::Result<Ended> {
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        status = child.wait() => return Ok(Ended::Code(code(status?))),
        () = interrupt.raised() => Ended::Interrupted,
        () = over => Ended::TimedOut,
    };
    signal(Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        signal(Signal::KILL);
        child.wait().await?;
    }
    Ok(ended)
}

fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// A command that can't be started; its exit code is a shell's (see [`code_of_start`]).
fn not_started(program: &str, error: &io::Error) -> Failure {
    let (message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("cannot run `{program}`: there is no such command"),
            format!("see where it should be with `command -v {program}`"),
        ),
        io::ErrorKind::PermissionDenied => (
            format!("cannot run `{program}`: it may not be executed"),
            format!("make it executable with `chmod +x {program}`"),
        ),
        _ => (
            format!("cannot run `{program}`: {error}"),
            "try it by itself, without `jobsprint-dev ci --`".to_owned(),
        ),
    };
    Failure::new(FailureKind::Usage, message).hint(hint)
}

/// The exit code for a command of this name that could not be started: 126 where it is there, else 127.
pub(super) fn code_of_start(program: &str, search: Option<&str>) -> u8 {
    let is_there = |path: &std::path::Path| path.is_file();
    let found = if program.contains('/') {
        is_there(std::path::Path::new(program))
    } else {
        std::env::split_paths(search.unwrap_or_default())
            .any(|directory| is_there(&directory.join(program)))
    };
    if found { 126 } else { 127 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
    }

    #[test]
    fn a_command_that_is_nowhere_is_127_and_one_that_cannot_run_126() {
        assert_eq!(code_of_start("no-such-command", Some("/bin:/usr/bin")), 127);
        assert_eq!(code_of_start("/etc/passwd", None), 126);
    }
}
