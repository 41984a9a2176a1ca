//! Packages of the distribution, installed through `apt-get` with the person's consent.

use std::collections::VecDeque;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::privilege::Privilege;
use crate::domain::Consent;
use crate::engine::surroundings::is_installed;
use crate::event::{Event, Events};

/// How many of its last lines a failure shows.
const SHOWN: usize = 10;

/// Why packages were not installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Nobody said yes.
    #[error("installing {} needs your consent", listed(.packages))]
    NoConsent {
        /// The packages.
        packages: Vec<String>,
    },
    /// This is no Debian or Ubuntu.
    #[error("this system has no `apt-get` to install {} with", listed(.packages))]
    NoApt {
        /// The packages.
        packages: Vec<String>,
    },
    /// Neither root nor `sudo`.
    #[error("installing {} needs root, and `sudo` is not to be had", listed(.packages))]
    NoPrivilege {
        /// The packages.
        packages: Vec<String>,
    },
    /// `apt-get` failed.
    #[error("`apt-get install` of {} failed", listed(.packages))]
    Failed {
        /// The packages.
        packages: Vec<String>,
        /// Its last lines.
        output: Vec<String>,
    },
}

impl PackageError {
    /// The last lines of a failed installation.
    #[must_use]
    pub fn output(&self) -> &[String] {
        match self {
            Self::Failed { output, .. } => output,
            _ => &[],
        }
    }
}

fn listed(packages: &[String]) -> String {
    let quoted: Vec<_> = packages.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Installs `packages`, and tells what happens line by line.
///
/// # Errors
/// [`PackageError`] where nobody consented, the system has no `apt-get`, root is out of reach, or the installation fails.
pub async fn install(
    packages: &[&str],
    consent: Consent,
    events: &Events,
) -> Result<(), PackageError> {
    let packages: Vec<String> = packages.iter().map(|&name| name.to_owned()).collect();
    if !is_installed("apt-get") {
        return Err(PackageError::NoApt { packages });
    }
    if consent != Consent::Given {
        return Err(PackageError::NoConsent { packages });
    }
    let privilege = Privilege::of_this_process().await;
    if privilege == Privilege::None {
        return Err(PackageError::NoPrivilege { packages });
    }
    privilege.unlock().await;
    // One stale source must not keep a package from being installed from another.
    drop(run(apt_get(privilege).args(["-q", "update"]), events).await);
    let mut install = apt_get(privilege);
    install
        .args(["-q", "-y", "--no-install-recommends", "install"])
        .args(&packages);
    run(&mut install, events)
        .await
        .map_err(|output| PackageError::Failed { packages, output })
}

fn apt_get(privilege: Privilege) -> Command {
    let mut command = privilege.command("env");
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}

/// Runs to the end; an error holds the last lines.
async fn run(command: &mut Command, events: &Events) -> Result<(), Vec<String>> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| vec![error.to_string()])?;
    let output = child.stdout.take().expect("its output is piped");
    let errors = child.stderr.take().expect("its errors are piped");
    let (mut said, complained) = tokio::join!(listen(output, events), listen(errors, events));
    said.extend(complained);
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        _ => Err(said.into()),
    }
}

async fn listen(stream: impl AsyncRead + Unpin, events: &Events) -> VecDeque<String> {
    let mut lines = BufReader::new(stream).lines();
    let mut said = VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.trim().is_empty() {
            continue;
        }
        events.tell(Event::EngineProgress {
            doing: line.clone(),
        });
        said.push_back(line);
        if said.len() > SHOWN {
            said.pop_front();
        }
    }
    said
}
