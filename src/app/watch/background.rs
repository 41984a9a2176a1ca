//! The watcher in the background: begun, asked, ended, and what it said.

use std::env;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, setsid};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::project::Project;
use super::super::session::Session;
use super::station;
use crate::domain::{Failure, FailureKind};
use crate::error::exit_code;
use crate::event::Event;
use crate::report::{self, Mode, words};

/// Tells the process that it is the one in the background.
const MARK: &str = "JOBSPRINT_DEV_WATCHES_IN_BACKGROUND";
/// A watcher takes its place, and leaves it, within this time.
const LONGEST: Duration = Duration::from_secs(20);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// Whether this process is the watcher in the background; if so it leaves the terminal's session.
pub(super) fn is_here(session: &Session) -> bool {
    let is_here = session.environment.contains_key(MARK);
    if is_here {
        // It fails only for a session's leader, which needs no other.
        setsid().ok();
    }
    is_here
}

/// Begins a watcher in the background with the words of this command line.
pub(super) async fn begin(session: &Session, project: &Project) -> Result<u8, Failure> {
    if let Some(pid) = station::holder(project) {
        let message = format!("another watcher (pid {pid}) is at work");
        return Err(Failure::new(FailureKind::Usage, message)
            .hint("end it with `jobsprint-dev watch stop`"));
    }
    let failed = |error: std::io::Error| {
        let message = format!("cannot begin in the background: {error}");
        Failure::new(FailureKind::Project, message)
    };
    let path = station::log(&project.state)?;
    let log = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let program = env::current_exe().map_err(failed)?;
    let mut child = Command::new(program)
        .args(env::args_os().skip(1))
        .env(MARK, "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + LONGEST;
    while station::holder(project) != Some(child.id()) {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let said = fs::read(&path).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let message = format!("the watcher in the background ended at once: {status}");
            let kind = status
                .code()
                .and_then(kind_of)
                .unwrap_or(FailureKind::Exited);
            return Err(Failure::new(kind, message)
                .details(said.lines().map(str::to_owned))
                .hint("see it at work here with `jobsprint-dev watch`"));
        }
        if Instant::now() > deadline {
            break;
        }
        sleep(LOOK).await;
    }
    let text = format!(
        "watching in the background (pid {}); `jobsprint-dev watch logs` shows what it says, `watch stop` ends it",
        child.id()
    );
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// The kind of failure whose exit code this is.
fn kind_of(code: i32) -> Option<FailureKind> {
    FailureKind::ALL
        .into_iter()
        .find(|kind| i32::from(exit_code(*kind)) == code)
}

/// Tells whether somebody watches, and how long changes took.
pub(super) fn status(session: &Session, project: &Project) {
    let holder = station::holder(project);
    let figures = station::figures(&project.state);
    let text = if session.manner.mode == Mode::Json {
        let services: serde_json::Map<String, serde_json::Value> = figures
            .into_iter()
            .map(|(name, changes, p50, p95)| {
                let value = json!({ "changes": changes, "p50_ms": p50, "p95_ms": p95 });
                (name.to_string(), value)
            })
            .collect();
        json!({ "schema": 1, "pid": holder, "services": services }).to_string()
    } else {
        let mut lines = vec![match holder {
            Some(pid) => format!("watching (pid {pid})"),
            None => "nobody watches".to_owned(),
        }];
        for (name, changes, p50, p95) in figures {
            let changes = usize::try_from(changes).unwrap_or(usize::MAX);
            lines.push(format!(
                "{name}: {}, p50 {p50} ms, p95 {p95} ms",
                words::count(changes, "change")
            ));
        }
        lines.join("\n")
    };
    report::print(&text);
}

/// Ends the watcher that runs.
pub(super) async fn stop(session: &Session, project: &Project) -> Result<u8, Failure> {
    let Some(pid) = station::holder(project) else {
        let text = "nobody watches".to_owned();
        session.events.tell(Event::Notice { text });
        return Ok(0);
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(process) = process {
        kill_process(process, Signal::TERM).map_err(|error| {
            let message = format!("cannot end the watcher (pid {pid}): {error}");
            Failure::new(FailureKind::Usage, message)
        })?;
    }
    let deadline = Instant::now() + LONGEST;
    while station::holder(project) == Some(pid) {
        if Instant::now() > deadline {
            let message = format!("the watcher (pid {pid}) does not end");
            return Err(Failure::new(FailureKind::Usage, message)
                .hint(format!("end it with `kill -9 {pid}`")));
        }
        sleep(LOOK).await;
    }
    let text = format!("the watcher (pid {pid}) has ended; the stack stays up");
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// Shows what the watcher in the background said.
pub(super) fn logs(project: &Project) -> Result<u8, Failure> {
    let path = station::log(&project.state)?;
    match fs::read(&path) {
        // What services say is not always text.
        Ok(said) => {
            report::print(&String::from_utf8_lossy(&said));
            Ok(0)
        }
        Err(_) => Err(
            Failure::new(FailureKind::Usage, "no watcher has said anything yet")
                .hint("begin one with `jobsprint-dev watch --detach`"),
        ),
    }
}
