//! An engine that the tool runs in the background: its process, its log, and the note by which it is known again.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::privilege::Privilege;

/// Where a root daemon's log and note stand.
const DIRECTORY: &str = "/var/lib/jobsprint-dev/engine";
/// How long it may take to end its containers.
const ENDING: Duration = Duration::from_mins(1);
/// Starts "$2…" detached, its log and its note (process and start time) in "$1".
const START: &str = r#"
set -eu
directory=$1; shift
mkdir -p "$directory"
setsid "$@" >"$directory/dockerd.log" 2>&1 </dev/null &
echo "$! $(cut -d ' ' -f 22 "/proc/$!/stat")" >"$directory/dockerd.pid"
"#;

/// A background engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    directory: PathBuf,
    command: Vec<String>,
}

/// What a stop found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It ran, and has ended.
    Ended,
    /// None that this tool started is running.
    NotOurs,
}

impl Default for Daemon {
    fn default() -> Self {
        Self {
            directory: DIRECTORY.into(),
            command: vec!["dockerd".to_owned()],
        }
    }
}

impl Daemon {
    /// Its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("dockerd.log")
    }

    /// The note with its process id and start time.
    #[must_use]
    pub fn note(&self) -> PathBuf {
        self.directory.join("dockerd.pid")
    }

    /// The process id, if the one that this tool started still runs. A process that was given the same id later has another start time.
    #[must_use]
    pub fn process(&self) -> Option<i32> {
        let note = std::fs::read_to_string(self.note()).ok()?;
        let (process, started) = note.trim().split_once(' ')?;
        let process: i32 = process.parse().ok()?;
        (start_time(process)? == started).then_some(process)
    }

    /// The last lines of its log.
    #[must_use]
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().map(ToOwned::to_owned).collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }

    /// Starts it.
    ///
    /// # Errors
    /// The system's, where it can't be started.
    pub async fn start(&self, privilege: Privilege) -> io::Result<()> {
        let started = privilege
            .command("sh")
            .args(["-c", START, "start"])
            .arg(&self.directory)
            .args(&self.command)
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .await?;
        if started.status.success() {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&started.stderr);
            Err(io::Error::other(said.trim().to_owned()))
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// The system's, or a timeout where it doesn't end.
    pub async fn stop(&self, privilege: Privilege) -> io::Result<Stopped> {
        let Some(process) = self.process() else {
            return Ok(Stopped::NotOurs);
        };
        privilege
            .command("kill")
            .args(["-TERM", &process.to_string()])
            .stdin(Stdio::null())
            .output()
            .await?;
        let ended = async {
            while self.process().is_some() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(ENDING, ended).await?;
        let remove = privilege.command("rm").arg("-f").arg(self.note()).status();
        remove.await.map(|_| Stopped::Ended)
    }
}

/// When a process began, in the kernel's ticks: the 22nd field of its `stat`, counted after the name, which may hold spaces. One that ended and waits for its parent no longer counts.
fn start_time(process: i32) -> Option<String> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"));
    let stat = stat.ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    let state = fields.next()?;
    let started = fields.nth(18)?;
    (state != "Z").then(|| started.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idling(directory: &Path) -> Daemon {
        Daemon {
            directory: directory.to_owned(),
            command: ["sh", "-c", "echo listening; exec sleep 600"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    #[tokio::test]
    async fn a_daemon_that_was_started_is_known_again_and_ends_when_asked() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let daemon = idling(directory.path());

        daemon.start(Privilege::None).await.expect("started");
        let process = daemon.process();
        let stopped = daemon.stop(Privilege::None).await.expect("stopped");

        assert!(process.is_some());
        assert_eq!(stopped, Stopped::Ended);
        assert_eq!(daemon.process(), None);
        assert!(!daemon.note().exists());
    }

    #[tokio::test]
    async fn a_process_that_only_has_the_same_id_is_left_alone() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let daemon = idling(directory.path());
        let ours = std::process::id();
        std::fs::write(daemon.note(), format!("{ours} 1\n")).expect("written");

        let stopped = daemon.stop(Privilege::None).await.expect("looked");

        assert_eq!(stopped, Stopped::NotOurs);
    }
}
