//! An engine where there is none: installed from the distribution's packages and started, with the person's consent.

mod daemon;
mod ensure;
mod machine;
pub mod packages;
mod privilege;
mod remedy;

pub use daemon::{Daemon, Stopped};
pub use ensure::{EngineStatus, ProvisionError, ensure, status, stop};
pub use machine::Machine;
pub use privilege::Privilege;
pub use remedy::{Obstacle, Remedy, remedy};
