//! A checkout of a small stack: one service that answers on a port, with a URL that names it.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use jobsprint_dev::domain::{Observed, ProjectName};
use jobsprint_dev::engine::Engine;
use jobsprint_dev::isolate::LEASE;

use crate::support;

/// A directory with a Compose file, and a name that no other test has.
pub struct Checkout {
    pub directory: tempfile::TempDir,
    pub engine: Arc<dyn Engine>,
    pub name: String,
}

impl Checkout {
    pub async fn new() -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        let directory = tempfile::tempdir().expect("a directory");
        let name = support::unique_project().to_string();
        let file = format!(
            "name: {name}
services:
  web:
    image: {image}
    command: [httpd, -f, -p, \"8080\", -h, /etc]
    ports: [\"127.0.0.1:4000:8080\"]
    environment: {{ PUBLIC_URL: \"http://localhost:4000/\", SELF_URL: \"http://web:8080/x\" }}
    volumes: [\"data:/data\"]
    x-jobsprint: {{ ready: tcp 8080, url: \"http://localhost:4000\" }}
volumes: {{ data: {{}} }}
"
        );
        fs::write(directory.path().join("compose.yaml"), file).expect("a file");
        Self {
            directory,
            engine,
            name,
        }
    }

    /// `ci` with these words, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .arg("ci")
            .args(words)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the tool starts")
    }

    pub fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().expect("the tool starts")
    }

    /// Runs another verb here.
    pub fn tool(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
            .args(words)
            .current_dir(self.directory.path())
            .output()
            .expect("the tool starts")
    }

    /// Runs another verb here as somebody who has none of this user's state.
    pub fn as_another_user(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
            .args(words)
            .current_dir(self.directory.path())
            .env("XDG_STATE_HOME", self.directory.path().join("state"))
            .output()
            .expect("the tool starts")
    }

    /// The disposable stacks of this checkout that the engine still has any part of.
    pub async fn stacks(&self) -> BTreeSet<String> {
        let prefix = format!("{}-ci-", self.name);
        let found = self.engine.projects_with(LEASE).await.expect("listed");
        found
            .into_iter()
            .filter(|project| project.starts_with(&prefix))
            .collect()
    }

    pub async fn observe(&self, project: &str) -> Observed {
        let project = ProjectName::new(project).expect("the engine has it under this name");
        self.engine.observe(&project, &[]).await.expect("observed")
    }

    /// Waits until the number of stacks is `count`; a limit says that it never will be.
    pub async fn until_stacks(&self, count: usize) {
        let limit = std::time::Duration::from_secs(30);
        let waited = tokio::time::timeout(limit, async {
            while self.stacks().await.len() != count {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "{:?}", self.stacks().await);
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
