//! What can go wrong at the engine's door.

use std::time::Duration;

/// An engine's refusal or absence. Never holds an engine's raw JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No engine answers.
    #[error("cannot reach the container engine at `{address}`: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// It accepted and never answered.
    #[error("the container engine did not answer `{call}` within {}s", .limit.as_secs())]
    Silent {
        /// The call.
        call: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The object is not there.
    #[error("no such {kind} `{name}`")]
    NotFound {
        /// `container`, `image`, `network`, `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is in use.
    #[error("the name `{name}` is taken by another {kind}")]
    NameTaken {
        /// `container`, `network`, `volume`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The object is in use.
    #[error("the {kind} `{name}` is in use")]
    InUse {
        /// `container`, `network`, `volume`, `image`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The engine counts one user too many of a network, and removes it only when it was restarted.
    #[error("the engine counts a user of the network `{name}` that isn't there")]
    Miscounted {
        /// The network's name.
        name: String,
    },
    /// A host port is taken.
    #[error("port {port} is taken")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// A network's subnet touches another one's.
    #[error("the subnet is taken by another network")]
    SubnetTaken,
    /// The registry wants other credentials.
    #[error("the registry refused access to `{image}`")]
    Unauthorized {
        /// The image.
        image: String,
    },
    /// The registry has no such image.
    #[error("no registry has `{image}`")]
    ImageUnknown {
        /// The image.
        image: String,
    },
    /// The registry asks for patience (429, 503).
    #[error("the registry limits pulls of `{image}`")]
    RateLimited {
        /// The image.
        image: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The registry can't be reached from the engine.
    #[error("the registry of `{image}` can't be reached: {reason}")]
    RegistryUnreachable {
        /// The image.
        image: String,
        /// Why, in words.
        reason: String,
    },
    /// The registry answers, and the transfer breaks off.
    #[error("the transfer of `{image}` broke off: {reason}")]
    TransferBroken {
        /// The image.
        image: String,
        /// Why, in words.
        reason: String,
    },
    /// A build step failed.
    #[error("building `{image}` failed: {reason}")]
    BuildFailed {
        /// The image.
        image: String,
        /// The step and its exit code, in words.
        reason: String,
        /// The last lines of its output.
        output: Vec<String>,
    },
    /// The disk is full.
    #[error("no space left on the engine's disk")]
    DiskFull,
    /// Anything else that the engine refused.
    #[error("the container engine refused `{call}`: {reason}")]
    Refused {
        /// The call.
        call: &'static str,
        /// Its own message.
        reason: String,
    },
    /// The engine is too old, or lacks it.
    #[error("this container engine can't {what}")]
    Unsupported {
        /// What, as a phrase after "can't".
        what: String,
    },
}
