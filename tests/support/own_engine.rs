//! An engine that a test may end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobsprint_dev::engine::{Surroundings, connect};

/// An engine of this test's own, that may be ended.
pub struct OwnEngine {
    directory: PathBuf,
    daemon: Child,
}

impl OwnEngine {
    /// Starts it in this directory, with what it left there.
    pub fn start(directory: &Path) -> Self {
        let part = |name: &str| directory.join(name).display().to_string();
        let log = fs::File::create(directory.join("log")).expect("a file");
        // With a network of its own: an engine without a bridge takes away the one that it finds.
        let daemon = Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .args(["ip link set lo up && exec \"$@\"", "sh", "dockerd"])
            .args(["--data-root", &part("data"), "--exec-root", &part("exec")])
            .args(["--pidfile", &part("pid"), "--host"])
            .arg(format!("unix://{}", part("engine.sock")))
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
            .args(["--containerd-namespace", "jobsprint-dev-test"])
            .args([
                "--containerd-plugins-namespace",
                "jobsprint-dev-test-plugins",
            ])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dockerd is installed");
        Self {
            directory: directory.to_owned(),
            daemon,
        }
    }

    /// A program that finds the engine's ports at its own loopback.
    #[allow(dead_code, reason = "every test binary takes the part that it needs")]
    pub fn beside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.daemon.id()));
        command.arg(program);
        command
    }

    /// Where it answers.
    pub fn address(&self) -> String {
        Self::address_in(&self.directory)
    }

    /// Where one answers that is started in this directory.
    pub fn address_in(directory: &Path) -> String {
        format!("unix://{}", directory.join("engine.sock").display())
    }

    /// A connection, once it answers.
    pub async fn connected(&self) -> std::sync::Arc<dyn jobsprint_dev::engine::Engine> {
        let address = self.address();
        let began = Instant::now();
        loop {
            let around =
                Surroundings::read(|name| (name == "DOCKER_HOST").then(|| address.clone()));
            match connect(&around).await {
                Ok(engine) => return engine,
                Err(absence) if began.elapsed() > Duration::from_mins(1) => panic!("{absence}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Ends it, and with it the containers.
    pub fn end(&mut self) {
        let pid = self.daemon.id().to_string();
        Command::new("kill").arg(pid).status().expect("kill starts");
        self.daemon.wait().expect("it is our child");
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if matches!(self.daemon.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
