//! A git repository of a small stack, its linked worktrees, and the end of all stacks that were made from it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use jobsprint_dev::domain::{Observed, ProjectName};
use jobsprint_dev::engine::Engine;
use serde_json::Value;

use crate::support;

/// The repository. Whatever projects begin with its name go when it is dropped.
pub struct Repository {
    pub home: tempfile::TempDir,
    pub engine: Arc<dyn Engine>,
    pub name: String,
    /// The plain stack's ports: one that a variable feeds, and one that none does.
    pub ports: [u16; 2],
}

impl Repository {
    pub async fn new() -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        let home = tempfile::tempdir().expect("a directory");
        let name = support::unique_project().to_string();
        let ports = free_ports();
        let [fed, literal] = ports;
        let main = home.path().join("main");
        fs::create_dir(&main).expect("a directory");
        let file = format!(
            "name: {name}
services:
  web:
    image: {image}
    container_name: {name}-the-web
    command: [sh, -c, 'echo $$PUBLIC_URL > /data/said; exec httpd -f -p 8080 -h /data']
    ports: ['127.0.0.1:${{WEB_PORT:-{fed}}}:8080', '127.0.0.1:{literal}:8081']
    environment: {{ PUBLIC_URL: 'http://localhost:${{WEB_PORT:-{fed}}}/,http://localhost:{literal}/' }}
    volumes: ['data:/data']
    x-jobsprint: {{ ready: tcp 8080, url: 'http://localhost:${{WEB_PORT:-{fed}}}' }}
volumes: {{ data: {{ name: {name}-the-data }} }}
networks: {{ default: {{ name: {name}-the-net }} }}
"
        );
        fs::write(main.join("compose.yaml"), file).expect("a file");
        fs::write(main.join(".gitignore"), ".env\n.jobsprint/\n").expect("a file");
        let repository = Self {
            home,
            engine,
            name,
            ports,
        };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.git(&["add", "."]);
        repository.git(&["commit", "--quiet", "--message", "begin"]);
        repository
    }

    /// The main checkout.
    pub fn main(&self) -> PathBuf {
        self.home.path().join("main")
    }

    /// A linked worktree of this name, made.
    pub fn worktree(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        self.git(&["worktree", "add", "--quiet", &path.display().to_string()]);
        path
    }

    fn git(&self, words: &[&str]) {
        let ran = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args(words)
            .current_dir(self.main())
            .output()
            .expect("git starts");
        assert!(ran.status.success(), "{words:?}: {ran:?}");
    }

    /// What the engine has of a project.
    pub async fn observe(&self, project: &str) -> Observed {
        let project = ProjectName::new(project).expect("the engine has it under this name");
        self.engine.observe(&project, &[]).await.expect("observed")
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let (engine, name) = (Arc::clone(&self.engine), self.name.clone());
        let swept = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the sweep");
            runtime.block_on(async {
                let label = "com.docker.compose.project";
                let projects = engine.projects_with(label).await.unwrap_or_default();
                for project in projects.iter().filter(|other| other.starts_with(&name)) {
                    if let Ok(project) = ProjectName::new(project.clone()) {
                        support::sweep(&*engine, &project).await;
                    }
                }
            });
        });
        drop(swept.join());
    }
}

fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
    [listen(), listen()].map(|one| one.local_addr().expect("bound").port())
}

/// Runs the tool in a directory, with these variables.
pub fn tool_with(directory: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
        .args(words)
        .current_dir(directory)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the tool starts")
}

pub fn tool(directory: &Path, words: &[&str]) -> Output {
    tool_with(directory, words, &[])
}

/// The same, which must go well; gives what it printed.
pub fn well(directory: &Path, words: &[&str]) -> String {
    let ran = tool(directory, words);
    assert!(ran.status.success(), "{words:?}: {}", text(&ran.stderr));
    text(&ran.stdout)
}

/// A value of `config`'s model.
pub fn model(directory: &Path, words: &[&str], variables: &[(&str, &str)]) -> Value {
    let words = [words, &["config", "--format", "json"]].concat();
    let ran = tool_with(directory, &words, variables);
    assert!(ran.status.success(), "{words:?}: {}", text(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("JSON")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
