//! A shop of one service on the real engine, whose code is one file; and a watcher on it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use jobsprint_dev::engine::Engine;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::support::{self, Bed};

/// What never comes within this time never comes.
const PATIENCE: Duration = Duration::from_mins(1);

const COMPOSE: &str = r#"
services:
  api:
    image: jobsprint-dev-test/tiny:3
    environment:
      GREETING: hello
    command:
      - sh
      - -c
      - |
        echo "runs $$(cat /data/version)"
        if grep -q crash /data/version; then echo it crashes; exit 3; fi
        exec httpd -f -p 8080 -h /data
    develop:
      watch:
        - { path: ./src, target: /data, action: sync+restart, initial_sync: true }
    x-jobsprint:
      ready: tcp :8080
      restart: process
      check: [sh, -c, "if grep -q broken {files}; then echo this is broken; exit 1; fi"]
"#;

/// The project, gone when dropped.
pub struct Shop {
    place: tempfile::TempDir,
    bed: Bed,
}

/// What a run of the tool came to.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Shop {
    pub async fn new() -> Self {
        Self::with(COMPOSE).await
    }

    /// A shop of another make.
    pub async fn with(compose: &str) -> Self {
        Self::on(Bed::make().await, compose).await
    }

    /// A shop on another engine.
    pub async fn on(bed: Bed, compose: &str) -> Self {
        support::tiny_image(&bed.engine).await;
        let place = tempfile::tempdir().expect("a directory");
        fs::create_dir(place.path().join("src")).expect("made");
        fs::write(place.path().join("compose.yaml"), compose).expect("written");
        Self { place, bed }
    }

    /// A file of the project.
    pub fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes a file of the project, with the directories that it lies in.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        let above = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(above).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Runs a shell's line in the sources.
    pub fn shell(&self, line: &str) {
        let done = Command::new("sh")
            .args(["-ec", line])
            .current_dir(self.at("src"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@localhost")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@localhost")
            .output()
            .expect("a shell");
        assert!(done.status.success(), "{line}: {done:?}");
    }

    /// What a shell's line says in the service's container.
    pub fn inside(&self, line: &str) -> String {
        let ran = self.tool(&["exec", "-T", "api", "--", "sh", "-c", line]);
        ran.stdout.trim().to_owned()
    }

    fn version(&self) -> PathBuf {
        self.place.path().join("src/version")
    }

    /// Saves the service's code as most editors do.
    pub fn save(&self, text: &str) {
        fs::write(self.version(), format!("{text}\n")).expect("written");
    }

    /// Saves it by way of another file.
    pub fn save_with(&self, program: &str, text: &str) {
        let aside = self.place.path().join("aside");
        fs::write(&aside, format!("{text}\n")).expect("written");
        let done = Command::new(program)
            .arg(&aside)
            .arg(self.version())
            .status();
        assert!(done.expect("it starts").success());
    }

    /// Puts other words in the Compose file.
    pub fn edit(&self, before: &str, after: &str) {
        let path = self.place.path().join("compose.yaml");
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains(before));
        fs::write(path, text.replace(before, after)).expect("written");
    }

    /// The tool, here.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(["-p", self.bed.project.as_str()])
            .args(words)
            .current_dir(self.place.path())
            .env("XDG_STATE_HOME", self.place.path().join("state"));
        command
    }

    pub fn tool(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("the tool starts");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn watch(&self, words: &[&str]) -> Watcher {
        Self::watch_by(self.command(&["watch", "--output", "json"]).args(words))
    }

    /// A watcher by a command of one's own.
    pub fn watch_by(command: &mut Command) -> Watcher {
        Watcher::of(command)
    }

    /// A watcher in a shell that does `first` before.
    pub fn watch_after(&self, first: &str) -> Watcher {
        let watch = self.command(&["watch", "--output", "json"]);
        let mut shell = Command::new("unshare");
        shell
            .args(["--user", "--map-root-user", "sh", "-ec"])
            .arg(format!("{first}; exec \"$@\""))
            .arg("sh")
            .arg(watch.get_program())
            .args(watch.get_args())
            .current_dir(self.place.path());
        for (name, value) in watch.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        Watcher::of(&mut shell)
    }

    /// The id of the service's container; empty where there is none.
    pub fn container(&self) -> String {
        let (engine, project) = (self.bed.engine.clone(), self.bed.project.clone());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async move {
                let observed = engine.observe(&project, &[]).await.expect("it answers");
                let first = observed.containers.into_iter().next();
                first.map(|found| found.id.to_string()).unwrap_or_default()
            })
        })
    }

    /// The engine that it is on.
    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.bed.engine)
    }

    /// Takes all down on an engine at this address.
    pub fn take_down(&self, address: &str) {
        let mut down = self.command(&["down", "--volumes", "--yes"]);
        let done = down.env("DOCKER_HOST", address).output();
        assert!(done.expect("the tool starts").status.success());
    }

    pub fn remove_container(&self) {
        let id = jobsprint_dev::domain::ContainerId::new(self.container());
        let engine = self.bed.engine.clone();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async move {
                let removal = jobsprint_dev::engine::Removal::WithVolumes;
                engine.remove_container(&id, removal).await.expect("gone");
            });
        });
    }

    /// Waits until something is so.
    pub fn wait_for(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "waited for {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A watcher in the background would outlive a test that fails.
        drop(self.tool(&["watch", "stop"]));
    }
}

/// A watcher that runs and tells events; killed when dropped.
pub struct Watcher {
    child: Child,
    lines: Receiver<Value>,
    heard: Vec<Value>,
}

/// Whether an event is of this name.
pub fn is(event: &Value, name: &str) -> bool {
    event["event"] == name
}

/// Whether an event is this line of the service's log.
fn log(event: &Value, line: &str) -> bool {
    is(event, "Log") && event["line"] == line
}

impl Watcher {
    fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for said in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&said).expect("one event a line");
                if line.send(event).is_err() {
                    return;
                }
            }
        });
        Watcher {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Waits for the next event of this name.
    #[track_caller]
    pub fn wait_for(&mut self, name: &str) -> Value {
        self.wait_until(|event| is(event, name))
    }

    /// Waits for the next event of which this is true.
    #[track_caller]
    pub fn wait_until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(event) => {
                    self.heard.push(event.clone());
                    if is_it(&event) {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("it never came: {:#?}", self.heard),
                Err(RecvTimeoutError::Disconnected) => panic!("it has ended: {:#?}", self.heard),
            }
        }
    }

    /// Waits until the service has said this, before or after what was waited for last.
    #[track_caller]
    pub fn logs(&mut self, line: &str) {
        if !self.heard.iter().any(|event| log(event, line)) {
            self.wait_until(|event| log(event, line));
        }
    }

    /// How many events of this name were heard.
    pub fn count(&self, name: &str) -> usize {
        self.heard.iter().filter(|event| is(event, name)).count()
    }

    pub fn heard(&self) -> &[Value] {
        &self.heard
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a notice or warning says this, before or after what was waited for last.
    #[track_caller]
    pub fn says(&mut self, part: &str) -> String {
        let said = |event: &Value| {
            let text = event["text"].as_str().filter(|text| text.contains(part))?;
            Some(text.to_owned())
        };
        if let Some(text) = self.heard.iter().find_map(said) {
            return text;
        }
        said(&self.wait_until(|event| said(event).is_some())).unwrap_or_default()
    }

    /// Waits for the next change that came to its end: the first of its files, and how many there were.
    #[track_caller]
    pub fn change(&mut self) -> (String, u64) {
        let changed = self.wait_for("Changed");
        let file = changed["file"].as_str().unwrap_or_default().to_owned();
        (file, changed["files"].as_u64().unwrap_or_default())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(mut self) -> ExitStatus {
        self.signal(Signal::INT);
        self.child.wait().expect("it was our child")
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
