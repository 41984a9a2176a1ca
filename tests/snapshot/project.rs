//! A project of its own on the real engine, and the tool run in it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobsprint_dev::domain::{ContainerId, ContainerState, ImageRef, ProjectName};
use jobsprint_dev::engine::{Engine, ExecRequest};

use crate::{shipped, support};

/// Two stores of small files and one who writes into both, all in one image.
pub const PLAIN: &str = r#"
x-store: &store
  image: redis:7-alpine
  init: true
  entrypoint: [sleep, infinity]
services:
  one:
    <<: *store
    volumes: ["one:/kept"]
    x-jobsprint: { role: data }
  two:
    <<: *store
    volumes: ["two:/kept"]
    x-jobsprint: { role: data }
  writer:
    <<: *store
    volumes: ["one:/one", "two:/two"]
volumes: { one: {}, two: {} }
"#;

/// A shell's words that make a directory `box` with odd owners, modes and times.
pub const ODD: &str = "rm -rf box && mkdir -m 2750 box && echo 1 > 'box/a b' && chmod 4711 'box/a b' && \
    chown -R 70:999 box && ln -s 'a b' box/link && chown -h 5:6 box/link && touch -d @1000 'box/a b'";

/// A project of its own, gone with all its volumes when the test ends.
pub struct Project {
    directory: tempfile::TempDir,
    pub name: ProjectName,
    pub engine: Arc<dyn Engine>,
    by: By,
}

/// Who runs the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Root,
    /// Someone who isn't root and may talk to the engine. Everything of the project is theirs.
    User,
}

/// Both of them.
pub const ALL: [By; 2] = [By::Root, By::User];

/// The user's number.
pub const USER: u32 = 54321;

impl Project {
    pub async fn up(file: &str) -> Self {
        Self::up_by(By::Root, file).await
    }

    pub async fn up_by(by: By, file: &str) -> Self {
        let mut project = Self::at(file).await;
        if by == By::User {
            project.give_to_user();
        }
        project.works(&["up"]);
        project
    }

    /// Nothing of it runs yet.
    pub async fn at(file: &str) -> Self {
        Self::within(tempfile::tempdir().expect("a directory"), file).await
    }

    /// The same, in this directory.
    pub async fn within(directory: tempfile::TempDir, file: &str) -> Self {
        let project = Self {
            directory,
            name: support::unique_project(),
            engine: support::engine().await,
            by: By::Root,
        };
        fs::write(project.path("compose.yml"), file).expect("a file");
        for line in file.lines() {
            if let Some(image) = line.trim().strip_prefix("image: ") {
                shipped::ensure(&project.engine, &ImageRef::new(image)).await;
            }
        }
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_jobsprint-dev")), words)
    }

    /// The same, of the tool at another path.
    pub fn command_of(&self, tool: &Path, words: &[&str]) -> Command {
        let mut command = match self.by {
            By::Root => Command::new(tool),
            By::User => {
                let engine = fs::metadata("/var/run/docker.sock").expect("the engine's socket");
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={USER}"), format!("--regid={USER}")])
                    .arg(format!("--groups={}", engine.gid()))
                    .arg(tool)
                    .env("HOME", self.directory.path());
                command
            }
        };
        command
            .args(["-p", self.name.as_str()])
            .args(words)
            .current_dir(self.directory.path());
        command
    }

    /// Gives the project's directory to a user who isn't root, and runs the tool as them from now on.
    pub fn give_to_user(&mut self) {
        let given = Command::new("chown")
            .args(["-R", &format!("{USER}:{USER}")])
            .arg(self.directory.path())
            .status();
        assert!(given.expect("chown starts").success());
        self.by = By::User;
    }

    pub fn tool(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the tool starts")
    }

    /// Runs the tool, expects it to end well, and gives all that it said.
    #[track_caller]
    pub fn works(&self, words: &[&str]) -> String {
        let output = self.tool(words);
        let said = said(&output);
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }

    /// Runs the tool, expects it to end with this code, and gives all that it said.
    #[track_caller]
    pub fn fails(&self, words: &[&str], code: i32) -> String {
        let output = self.tool(words);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        said
    }

    pub fn begin(&self, words: &[&str]) -> Child {
        self.command(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tool starts")
    }

    /// The engine's own directory of a volume, beside the files.
    pub fn beside(&self, volume: &str) -> PathBuf {
        let place = Command::new("docker")
            .args(["volume", "inspect", "--format", "{{.Mountpoint}}"])
            .arg(format!("{}_{volume}", self.name))
            .output();
        let place = said(&place.expect("docker's client is here"));
        let beside = Path::new(place.trim()).parent();
        beside.expect("the engine's own").to_owned()
    }

    /// What a shell in a service's container says.
    pub async fn ask(&self, service: &str, script: &str) -> String {
        let container = format!("{}-{service}-1", self.name);
        let container = ContainerId::new(container);
        let request = ExecRequest {
            command: ["sh", "-c", script].map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        let ran = self.engine.execute(&container, &request).await;
        let ran = ran.expect("the container runs");
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        assert_eq!(ran.code, 0, "{script}: {said}");
        said
    }

    /// What the engine has done with the containers of the tool's own until now: `create`, `archive-path`, `exec_start: …`.
    pub fn helper_events(&self) -> String {
        let now = Command::new("date").arg("+%s").output();
        let now: u64 = said(&now.expect("date starts"))
            .trim()
            .parse()
            .expect("a number");
        let heard = Command::new("docker")
            .args(["events", "--since", "0", "--until", &(now + 1).to_string()])
            .args(["--filter", "type=container", "--format", "{{.Action}}"])
            .arg("--filter")
            .arg(format!("container={}-jobsprint-dev-snapshot", self.name))
            .output();
        said(&heard.expect("docker's client is here"))
    }

    /// That no container of the tool's own is left.
    #[track_caller]
    pub fn has_no_helper(&self) {
        let left = Command::new("docker")
            .args(["ps", "--all", "--quiet", "--filter"])
            .arg(format!("name={}-jobsprint-dev-snapshot", self.name))
            .output();
        assert_eq!(said(&left.expect("docker's client is here")), "");
    }

    /// Writes the same word into both stores, beside a file that takes a while to copy.
    pub async fn write(&self, word: &str) {
        let script = format!(
            "for store in /one /two; do echo {word} > $store/word; \
             head -c 20000000 /dev/urandom > $store/.bulk; done"
        );
        self.ask("writer", &script).await;
    }

    /// The word in the stores, where it is the same in both.
    pub async fn word(&self) -> String {
        let words = self
            .ask("writer", "cat /one/word /two/word; ls -A /one /two")
            .await;
        let (one, rest) = words.split_once('\n').expect("two words");
        let (two, left) = rest.split_once('\n').expect("and a listing");
        assert_eq!(one, two, "both stores are of one moment");
        assert!(!left.contains("jobsprint"), "nothing is left lying: {left}");
        one.to_owned()
    }

    pub fn snapshots(&self) -> Vec<String> {
        let listed = self.works(&["--output", "json", "snapshot", "list"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
        let rows = listed["snapshots"].as_array().expect("a list");
        rows.iter()
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// Waits until none of the project's containers is paused.
    pub async fn goes_on(&self) {
        let began = Instant::now();
        loop {
            let observed = self
                .engine
                .observe(&self.name, &[])
                .await
                .expect("observed");
            let mut containers = observed.containers.iter();
            if !containers.any(|found| found.state == ContainerState::Paused) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "still paused");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        drop(self.tool(&["down", "--volumes", "--yes", "--no-snapshot"]));
    }
}

/// All that a run has said.
pub fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}
