//! A checkout of the shipped stack in a directory of its own, and the tool run in it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use jobsprint_dev::domain::ProjectName;

/// Every key of `.env` whose value must never be shown.
pub const SECRETS: [&str; 6] = [
    "JWT_SECRET",
    "N8N_OWNER_PASSWORD",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "RABBITMQ_PASSWORD",
    "N8N_ENCRYPTION_KEY",
];

const PORTS: [&str; 9] = [
    "HTTP_PORT",
    "HTTPS_PORT",
    "FRONTEND_PORT",
    "API_PORT",
    "POSTGRES_PORT",
    "REDIS_PORT",
    "RABBITMQ_PORT",
    "RABBITMQ_MANAGEMENT_PORT",
    "N8N_PORT",
];

/// A checkout of its own, with ports that nobody else has, and all that the tool ever said in it.
pub struct Checkout {
    directory: tempfile::TempDir,
    /// Its project.
    pub project: ProjectName,
    /// All that the tool said.
    pub said: Mutex<String>,
}

impl Checkout {
    /// A copy of the shipped stack, with a `.env` of free ports alone.
    pub fn new(project: ProjectName) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["compose", "templates", "seeds"] {
            copy(&source.join(part), &directory.path().join(part));
        }
        let held: Vec<TcpListener> = PORTS
            .iter()
            .map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"))
            .collect();
        let ports: String = PORTS
            .iter()
            .zip(&held)
            .fold(String::new(), |ports, (key, held)| {
                let port = held.local_addr().expect("bound").port();
                ports + &format!("{key}={port}\n")
            });
        let text = format!("# mine\n{ports}PUTER_APP_ID='kept as I wrote it'\n");
        fs::write(directory.path().join(".env"), text).expect("a file");
        Self {
            directory,
            project,
            said: Mutex::default(),
        }
    }

    /// A file of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the tool here.
    pub fn tool(&self, words: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
            .args(["-p", self.project.as_str()])
            .args(words)
            .current_dir(self.directory.path())
            .output()
            .expect("the tool starts");
        let mut said = self.said.lock().expect("no panic");
        said.push_str(&String::from_utf8_lossy(&output.stdout));
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs the tool here, and expects it to end well.
    #[track_caller]
    pub fn works(&self, words: &[&str]) -> String {
        let output = self.tool(words);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{stdout}\n{stderr}",
            output.status
        );
        stdout
    }

    /// The values of `.env`.
    pub fn values(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.path(".env")).expect("setup has made it");
        text.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
            .collect()
    }

    /// The address of a service's published port.
    pub fn url(&self, port: &str, path: &str) -> String {
        format!("http://localhost:{}{path}", self.values()[port])
    }

    /// Runs the real Docker Compose on it.
    pub fn compose(&self, words: &[&str]) -> Output {
        let program = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/get-compose"))
            .output()
            .expect("the script starts");
        assert!(program.status.success(), "Docker Compose can't be had");
        let program = String::from_utf8(program.stdout).expect("a path");
        Command::new(program.trim())
            .args(["-p", self.project.as_str(), "--env-file", ".env"])
            .args(["-f", "compose/docker-compose.yml"])
            .args(words)
            .current_dir(self.directory.path())
            .output()
            .expect("Compose starts")
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(copied.expect("cp starts").success());
}
