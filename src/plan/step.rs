//! One step of a plan: a single call, why it is made, and what it waits for.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::domain::{
    ContainerId, ContainerSpec, ImageSource, NetworkId, NetworkSpec, ServiceName, VolumeSpec,
};
use crate::event::{StepId, StepKind};

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The object is missing.
    Missing,
    /// The person asked for it.
    Asked,
    /// The container's settings are not the file's any more: what differs.
    Changed(Vec<String>),
    /// The image has changed since the container was made.
    NewImage,
    /// The container stands still.
    Stopped,
    /// The container is paused.
    Paused,
    /// A service that it follows (`restart: true`) was replaced.
    Follows(ServiceName),
    /// More containers than the file asks for.
    Surplus,
    /// The file no longer has this service.
    Orphan,
    /// It must be known before the dependents go on.
    Needed,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Asked => f.write_str("asked for"),
            Self::Changed(parts) if parts.is_empty() => f.write_str("configuration changed"),
            Self::Changed(parts) => f.write_str(&parts.join(", ")),
            Self::NewImage => f.write_str("image changed"),
            Self::Stopped => f.write_str("stopped"),
            Self::Paused => f.write_str("paused"),
            Self::Follows(service) => write!(f, "follows {service}"),
            Self::Surplus => f.write_str("more than asked for"),
            Self::Orphan => f.write_str("no longer in the file"),
            Self::Needed => f.write_str("needed"),
        }
    }
}

/// A single call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Get an image.
    EnsureImage {
        /// How it is named and obtained.
        source: Box<ImageSource>,
        /// The platform asked for, as `os/arch`.
        platform: Option<String>,
    },
    /// Make a network.
    CreateNetwork(Box<NetworkSpec>),
    /// See that somebody else's network is there.
    RequireNetwork(String),
    /// Make a volume.
    CreateVolume(Box<VolumeSpec>),
    /// See that somebody else's volume is there.
    RequireVolume(String),
    /// Make a container.
    CreateContainer(Box<ContainerSpec>),
    /// Start a container, and run the service's `post_start` hooks.
    StartContainer {
        /// Its name.
        name: String,
    },
    /// Wait until a service's container is ready.
    AwaitReady {
        /// Its name.
        name: String,
    },
    /// Wait until a one-shot service has finished well.
    AwaitCompletion {
        /// Its name.
        name: String,
    },
    /// Run the service's migrations where they are due.
    Migrate,
    /// Load the seed files of the stack's postgres where they are due.
    SeedStore,
    /// Run the service's own seed command where it is due.
    SeedService,
    /// Stop a container after its `pre_stop` hooks.
    StopContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// Time before the kill; `None` for the container's own.
        grace: Option<Duration>,
    },
    /// Let a paused container go on.
    UnpauseContainer {
        /// Its name.
        name: String,
    },
    /// Restart a container.
    RestartContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// Time before the kill; `None` for the container's own.
        grace: Option<Duration>,
    },
    /// Remove a container that stands still; its named volumes stay.
    RemoveContainer {
        /// Which.
        container: ContainerId,
        /// Its name.
        name: String,
        /// Whether its anonymous volumes are kept for its successor.
        replaced: Replaced,
    },
    /// Remove a network.
    RemoveNetwork {
        /// Which.
        network: NetworkId,
        /// Its name.
        name: String,
    },
    /// Remove a volume and all that is in it.
    RemoveVolume {
        /// Its name.
        name: String,
    },
}

/// Whether a removed container has a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// Yes: it takes over the anonymous volumes.
    BySuccessor,
    /// No: they go.
    ByNobody,
}

impl Action {
    /// The kind of work, as reports tell it.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::EnsureImage { .. } => StepKind::Image,
            Self::CreateNetwork(_) | Self::RequireNetwork(_) => StepKind::Network,
            Self::CreateVolume(_) | Self::RequireVolume(_) => StepKind::Volume,
            Self::CreateContainer(_) => StepKind::Create,
            Self::StartContainer { .. }
            | Self::UnpauseContainer { .. }
            | Self::RestartContainer { .. } => StepKind::Start,
            Self::AwaitReady { .. } => StepKind::Ready,
            Self::AwaitCompletion { .. } => StepKind::Complete,
            Self::Migrate => StepKind::Migrate,
            Self::SeedStore | Self::SeedService => StepKind::Seed,
            Self::StopContainer { .. } => StepKind::Stop,
            Self::RemoveContainer { .. }
            | Self::RemoveNetwork { .. }
            | Self::RemoveVolume { .. } => StepKind::Remove,
        }
    }

    /// Whether the step itself alters something: waits and look-ups don't.
    #[must_use]
    pub fn alters(&self) -> bool {
        !matches!(
            self,
            Self::RequireNetwork(_)
                | Self::RequireVolume(_)
                | Self::AwaitReady { .. }
                | Self::AwaitCompletion { .. }
        )
    }
}

/// A call in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call.
    pub action: Action,
    /// The service it works for, if it is one service's.
    pub service: Option<ServiceName>,
    /// Why it is made.
    pub cause: Cause,
    /// Steps that must have ended well.
    pub needs: BTreeSet<StepId>,
    /// Steps that must have ended, well or not (`required: false`, and the order of stopping).
    pub after: BTreeSet<StepId>,
}
