//! What the engine has of a project at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use super::{BoundPort, ExitCause, ImageRef, ServiceName};

macro_rules! engine_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps the engine's own text.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as the engine writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

engine_id!(
    /// The engine's id of a container.
    ContainerId
);
engine_id!(
    /// The engine's id of an image: its config digest.
    ImageId
);
engine_id!(
    /// The engine's id of a network.
    NetworkId
);

/// The engine's word on a container's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No check has passed yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// Too many checks in a row failed.
    Unhealthy,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running since then.
    Running {
        /// When it was started.
        since: SystemTime,
        /// The engine's word, where it has a healthcheck.
        health: Option<Health>,
    },
    /// Paused.
    Paused,
    /// Between two runs under a restart policy.
    Restarting {
        /// The exit code of the run before.
        code: i64,
    },
    /// Ended.
    Exited {
        /// The exit code; 128+n after a signal.
        code: i64,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
        /// When.
        at: Option<SystemTime>,
    },
    /// Going, or broken.
    Dead,
}

/// A container of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the leading slash.
    pub name: String,
    /// The service it belongs to.
    pub service: ServiceName,
    /// Its number within the service, from 1.
    pub number: u32,
    /// The image it was made from.
    pub image: ImageRef,
    /// That image's id.
    pub image_id: ImageId,
    /// What it is doing.
    pub state: ContainerState,
    /// How often the engine restarted it.
    pub restarts: u32,
    /// All its labels.
    pub labels: BTreeMap<String, String>,
    /// Ports bound on the host.
    pub ports: Vec<BoundPort>,
    /// Addresses by network name.
    pub addresses: BTreeMap<String, IpAddr>,
    /// Volumes by target: the engine's name of each.
    pub volumes: BTreeMap<String, String>,
}

impl ObservedContainer {
    /// Whether it runs now.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state, ContainerState::Running { .. })
    }

    /// How its last run ended, where it is over.
    #[must_use]
    pub fn end(&self) -> Option<ExitCause> {
        match self.state {
            ContainerState::Exited {
                code,
                out_of_memory,
                ..
            } => Some(ExitCause {
                code,
                out_of_memory,
            }),
            ContainerState::Restarting { code } => Some(ExitCause {
                code,
                out_of_memory: false,
            }),
            _ => None,
        }
    }
}

/// A network with the project's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedNetwork {
    /// Its id.
    pub id: NetworkId,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// A volume with the project's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedVolume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What the engine has of a project, and of the images its stack names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Its containers, one-offs left out.
    pub containers: Vec<ObservedContainer>,
    /// Its networks.
    pub networks: Vec<ObservedNetwork>,
    /// Its volumes.
    pub volumes: Vec<ObservedVolume>,
    /// Which of the stack's images are here.
    pub images: BTreeMap<ImageRef, ImageId>,
}

impl Observed {
    /// The containers of `service`, by number.
    pub fn of<'a>(
        &'a self,
        service: &'a ServiceName,
    ) -> impl Iterator<Item = &'a ObservedContainer> {
        self.containers
            .iter()
            .filter(move |container| &container.service == service)
    }
}
