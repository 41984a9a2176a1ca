//! Why an image can't be obtained, and what to type next.

use crate::domain::{Failure, FailureKind, ImageRef};
use crate::engine::EngineError;

/// An image that can't be obtained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It can't be pulled, and there is no recipe.
    #[error("cannot pull `{image}`: {}", told(.cause))]
    Pull {
        /// The image.
        image: ImageRef,
        /// The registry's or the engine's word.
        cause: EngineError,
    },
    /// It can't be built.
    #[error("cannot build `{image}`: {}", told(.cause))]
    Build {
        /// The image.
        image: ImageRef,
        /// The builder's word.
        cause: EngineError,
    },
    /// It is not here, and its pull policy forbids to get it.
    #[error("`{image}` is not here, and its `pull_policy` is `never`")]
    Forbidden {
        /// The image.
        image: ImageRef,
    },
    /// Its recipe can't be read.
    #[error("cannot build `{image}`: {what}")]
    Recipe {
        /// The image.
        image: ImageRef,
        /// What is wrong, naming the file.
        what: String,
    },
    /// A base image that it builds upon can't be obtained.
    #[error("cannot build `{image}`: {cause}")]
    Base {
        /// The image.
        image: ImageRef,
        /// Why its base can't be obtained.
        cause: Box<ImageError>,
    },
    /// Recipes build upon each other in a circle.
    #[error("the base images build upon each other: {}", .circle.iter().map(|image| format!("`{image}`")).collect::<Vec<_>>().join(" → "))]
    Circle {
        /// The images, the first one again at the end.
        circle: Vec<ImageRef>,
    },
    /// The tool that makes a base image from packages is missing.
    #[error("cannot make the base image `{image}`: `mmdebstrap` is not installed")]
    BootstrapMissing {
        /// The base image.
        image: ImageRef,
        /// Why it was not installed.
        reason: String,
    },
    /// A base image can't be made from packages.
    #[error("cannot make the base image `{image}` from packages: {reason}")]
    Bootstrap {
        /// The base image.
        image: ImageRef,
        /// What failed.
        reason: String,
        /// The last lines.
        output: Vec<String>,
    },
    /// The engine itself failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ImageError {
    /// The error as it is shown.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let kind = match self.cause() {
            Some(EngineError::Unreachable { .. } | EngineError::Silent { .. }) => {
                FailureKind::Engine
            }
            _ => self.kind(),
        };
        let mut failure = Failure::new(kind, self.to_string()).details(self.output());
        failure.hints = self.hints();
        failure
    }

    /// A recipe that can't be read is the project's fault, not a registry's.
    fn kind(&self) -> FailureKind {
        match self {
            Self::Recipe { .. } => FailureKind::Project,
            Self::Base { cause, .. } => cause.kind(),
            _ => FailureKind::Image,
        }
    }

    fn cause(&self) -> Option<&EngineError> {
        match self {
            Self::Pull { cause, .. } | Self::Build { cause, .. } | Self::Engine(cause) => {
                Some(cause)
            }
            Self::Base { cause, .. } => cause.cause(),
            _ => None,
        }
    }

    fn output(&self) -> Vec<String> {
        match self {
            Self::Bootstrap { output, .. } => output.clone(),
            Self::BootstrapMissing { reason, .. } => vec![reason.clone()],
            _ => match self.cause() {
                Some(EngineError::BuildFailed { output, .. }) => output.clone(),
                _ => Vec::new(),
            },
        }
    }

    fn hints(&self) -> Vec<String> {
        let own = |text: &str| vec![text.to_owned()];
        match self {
            Self::Forbidden { image } => vec![format!(
                "get it with `docker pull {image}`, or drop the `pull_policy`"
            )],
            Self::Recipe { .. } => own("correct `build` in the Compose file"),
            Self::Base { cause, .. } => cause.hints(),
            Self::Circle { .. } => own("correct `x-jobsprint.bases` in the Compose file"),
            Self::BootstrapMissing { .. } => own(
                "run again with `--yes`, or install it with `sudo apt-get install mmdebstrap debian-archive-keyring`",
            ),
            Self::Bootstrap { .. } => {
                own("it needs the distribution's package mirror: check the network, then run again")
            }
            Self::Pull { image, cause } => pull_hints(image, cause),
            _ => match self.cause() {
                Some(EngineError::DiskFull) => own("make room with `docker system prune`"),
                Some(EngineError::BuildFailed { .. }) => {
                    own("correct the step, then run again: the steps before it are cached")
                }
                _ => Vec::new(),
            },
        }
    }
}

/// The engine's word without the image's name, which stands before it.
fn told(cause: &EngineError) -> String {
    match cause {
        EngineError::ImageUnknown { .. } => "no registry has it".to_owned(),
        EngineError::Unauthorized { .. } => "the registry refused access".to_owned(),
        EngineError::RateLimited { .. } => "the registry limits pulls".to_owned(),
        EngineError::RegistryUnreachable { reason, .. } => {
            format!("its registry can't be reached: {reason}")
        }
        EngineError::TransferBroken { reason, .. } => format!("the transfer broke off: {reason}"),
        EngineError::BuildFailed { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

fn pull_hints(image: &ImageRef, cause: &EngineError) -> Vec<String> {
    let registry = image.registry();
    match cause {
        EngineError::ImageUnknown { .. } => vec![
            format!("check the name and the tag of `{image}`"),
            format!("if it is private, log in with `{}`", login(registry)),
        ],
        EngineError::Unauthorized { .. } => {
            vec![format!("log in with `{}`", login(registry))]
        }
        EngineError::RateLimited { .. } => vec![
            format!(
                "log in with `{}`: known users have a higher limit",
                login(registry)
            ),
            "or name a mirror in JOBSPRINT_REGISTRY_MIRROR".to_owned(),
        ],
        EngineError::RegistryUnreachable { .. } | EngineError::TransferBroken { .. } => vec![
            "check the network, then run again".to_owned(),
            "or name a mirror in JOBSPRINT_REGISTRY_MIRROR, or give the service a `build`"
                .to_owned(),
        ],
        EngineError::DiskFull => vec!["make room with `docker system prune`".to_owned()],
        _ => Vec::new(),
    }
}

fn login(registry: &str) -> String {
    match registry {
        "docker.io" => "docker login".to_owned(),
        other => format!("docker login {other}"),
    }
}
