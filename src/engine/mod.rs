//! The door to the container engine: what it can do, and who stands behind it.

mod address;
mod archive;
mod connect;
mod dial;
mod docker;
mod door;
mod error;
mod events;
mod exec;
mod fake;
mod logs;
mod provision;
mod route;
mod surroundings;
mod survey;

pub use address::{Address, InvalidAddress};
pub use archive::{Archive, send_tar};
pub use connect::{Absence, connect};
pub use dial::{dial, in_words};
pub use docker::DockerEngine;
pub use door::{
    BuildRequest, Credentials, Engine, EngineFacts, ImageCommand, ImageProgress, Removal, Usage,
    VolumePlace,
};
pub use error::EngineError;
pub use events::{EngineEvent, EngineEventKind, EventStream};
pub use exec::{ExecRequest, ExecSession, ExecTerminal, Executed, Resize};
pub use fake::FakeEngine;
pub use logs::{LogLine, LogRequest, LogStreamReader};
pub use provision::{
    Daemon, EngineStatus, Machine, Obstacle, Privilege, ProvisionError, Remedy, Stopped, ensure,
    packages, remedy, status, stop,
};
pub use route::{Route, remote_host, routes};
pub use surroundings::{Choice, Misguided, Surroundings, Whereabouts, is_installed};
pub use survey::{DiskUsers, EngineSurvey, ImageTraits, VolumeSize};
