//! Finds the engine and connects to it; where none answers, says which way it is absent and what mends it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::surroundings::is_installed;
use super::{Address, Choice, DockerEngine, Engine, EngineError, Misguided, Surroundings};
use crate::domain::{Failure, FailureKind};

/// How long an engine may take over its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// Why no engine is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// No engine is installed.
    #[error("no container engine is installed")]
    NotInstalled,
    /// One is installed, and doesn't run.
    #[error("the container engine is not running")]
    NotRunning,
    /// It runs, and this user may not speak to it.
    #[error("no permission to use the container engine at `{socket}`")]
    NoPermission {
        /// Its socket.
        socket: PathBuf,
    },
    /// `DOCKER_HOST` or a docker context points to where no engine answers.
    #[error("{who} points to `{address}`, where no engine answers: {reason}")]
    WrongAddress {
        /// Who points there.
        who: String,
        /// Where.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// `DOCKER_HOST` or a docker context can't be read.
    #[error(transparent)]
    Misguided(#[from] Misguided),
    /// It accepts, and never answers.
    #[error("the container engine at `{address}` does not answer within {}s", .limit.as_secs())]
    Hangs {
        /// Its address.
        address: String,
        /// How long it was given.
        limit: Duration,
    },
}

impl Absence {
    /// What mends it, most useful first.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::NotInstalled => &["install and start one with `jobsprint-dev engine ensure`"],
            Self::NotRunning => &["start it with `jobsprint-dev engine ensure`"],
            Self::NoPermission { .. } => &[
                "join its group with `sudo usermod -aG docker $USER`, then log in anew",
                "or run this command with `sudo`",
            ],
            Self::WrongAddress { who, .. } if who == "DOCKER_HOST" => {
                &["correct DOCKER_HOST, or use the local engine with `unset DOCKER_HOST`"]
            }
            Self::Misguided(Misguided::Host(_)) => {
                &["correct DOCKER_HOST, or use the local engine with `unset DOCKER_HOST`"]
            }
            Self::WrongAddress { .. } | Self::Misguided(Misguided::Context { .. }) => &[
                "list the contexts with `docker context ls`, or use the local engine with `docker context use default`",
            ],
            Self::Hangs { .. } => {
                &["look at its log, or restart it with `sudo systemctl restart docker`"]
            }
        };
        hints.iter().map(|&hint| hint.to_owned()).collect()
    }

    /// The absence as it is shown.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let mut failure = Failure::new(FailureKind::Engine, self.to_string());
        failure.hints = self.hints();
        failure
    }
}

/// Connects to the engine that `surroundings` point to.
///
/// # Errors
/// [`Absence`] where none answers.
pub async fn connect(surroundings: &Surroundings) -> Result<Arc<dyn Engine>, Absence> {
    let whereabouts = surroundings.whereabouts()?;
    let mut absence = None;
    for address in whereabouts.addresses {
        match DockerEngine::connect(address.clone(), FIRST_ANSWER).await {
            Ok(engine) => return Ok(Arc::new(engine)),
            Err(error) => {
                let found = absent(&whereabouts.choice, &address, error);
                absence = Some(more_telling(absence.take(), found));
            }
        }
    }
    Err(absence.unwrap_or_else(not_listening))
}

/// What a failed attempt at `address` means.
fn absent(choice: &Choice, address: &Address, error: EngineError) -> Absence {
    let who = match choice {
        Choice::Host => "DOCKER_HOST".to_owned(),
        Choice::Context(name) => format!("the docker context `{name}`"),
        Choice::Usual => String::new(),
    };
    match (error, address) {
        (EngineError::Silent { limit, .. }, _) => Absence::Hangs {
            address: address.to_string(),
            limit,
        },
        (EngineError::Unreachable { reason, .. }, Address::Unix(socket))
            if reason.contains("permission denied") =>
        {
            Absence::NoPermission {
                socket: socket.clone(),
            }
        }
        (_, _) if *choice == Choice::Usual => not_listening(),
        (EngineError::Unreachable { reason, .. }, _) => Absence::WrongAddress {
            who,
            address: address.to_string(),
            reason,
        },
        (error, _) => Absence::WrongAddress {
            who,
            address: address.to_string(),
            reason: error.to_string(),
        },
    }
}

fn not_listening() -> Absence {
    if ["dockerd", "podman"].into_iter().any(is_installed) {
        Absence::NotRunning
    } else {
        Absence::NotInstalled
    }
}

/// Of two places without an engine, the one that tells more: a socket that refuses us is worth more than one that isn't there.
fn more_telling(first: Option<Absence>, second: Absence) -> Absence {
    let tells_much =
        |absence: &Absence| !matches!(absence, Absence::NotInstalled | Absence::NotRunning);
    match first {
        Some(first) if tells_much(&first) || !tells_much(&second) => first,
        _ => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointing_at(host: &str) -> Surroundings {
        Surroundings {
            docker_host: Some(host.to_owned()),
            ..Surroundings::default()
        }
    }

    async fn absence_at(host: &str) -> Absence {
        match connect(&pointing_at(host)).await {
            Ok(_) => panic!("nothing listens there"),
            Err(absence) => absence,
        }
    }

    #[tokio::test]
    async fn a_docker_host_where_nothing_listens_is_blamed() {
        let absence = absence_at("unix:///nowhere/docker.sock").await;

        assert_eq!(
            absence.to_string(),
            "DOCKER_HOST points to `unix:///nowhere/docker.sock`, where no engine answers: there is no such socket"
        );
        assert_eq!(
            absence.hints(),
            ["correct DOCKER_HOST, or use the local engine with `unset DOCKER_HOST`"]
        );
    }

    #[tokio::test]
    async fn a_docker_host_without_a_scheme_is_blamed() {
        let absence = absence_at("localhost:2375").await;

        assert!(
            absence
                .to_string()
                .starts_with("DOCKER_HOST: `localhost:2375` is no engine address")
        );
    }

    #[tokio::test]
    async fn a_socket_nobody_listens_on_refuses() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("bound"));

        let absence = absence_at(&format!("unix://{}", socket.display())).await;

        assert!(matches!(
            absence,
            Absence::WrongAddress { reason, .. } if reason == "connection refused"
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_accepts_and_never_answers_hangs() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("docker.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");

        let absence = absence_at(&format!("unix://{}", socket.display())).await;

        drop(listener);
        assert!(matches!(absence, Absence::Hangs { .. }), "{absence:?}");
    }

    #[test]
    fn a_refused_permission_tells_more_than_a_missing_socket() {
        let refused = Absence::NoPermission {
            socket: "/run/docker.sock".into(),
        };

        assert_eq!(
            more_telling(Some(Absence::NotRunning), refused.clone()),
            refused
        );
        assert_eq!(
            more_telling(Some(refused.clone()), Absence::NotInstalled),
            refused
        );
    }
}
