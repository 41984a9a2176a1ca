//! Who this process may act as: root itself, root through `sudo`, or nobody else.

use std::io::IsTerminal;
use std::process::Stdio;

use tokio::process::Command;

/// How a command is run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// This process is root.
    Root,
    /// Through `sudo`, which asks for no password, or has just asked.
    Sudo,
    /// Not at all.
    None,
}

impl Privilege {
    /// Finds out, without asking anybody for anything.
    pub async fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() {
            return Self::Root;
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "true"]);
        if succeeds(&mut sudo).await || std::io::stdin().is_terminal() && has_sudo().await {
            Self::Sudo
        } else {
            Self::None
        }
    }

    /// Lets `sudo` ask for its password, where it must and a person is there to answer.
    pub(super) async fn unlock(self) {
        if self == Self::Sudo && std::io::stdin().is_terminal() {
            drop(Command::new("sudo").arg("-v").status().await);
        }
    }

    /// A command that runs `program` as root.
    pub(super) fn command(self, program: &str) -> Command {
        match self {
            Self::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "--", program]);
                command
            }
            Self::Root | Self::None => Command::new(program),
        }
    }
}

async fn has_sudo() -> bool {
    let mut sudo = Command::new("sudo");
    sudo.arg("--version");
    succeeds(&mut sudo).await
}

async fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().await.is_ok_and(|status| status.success())
}
