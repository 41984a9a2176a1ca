//! Pure decisions: a `Stack` and what the engine has of it become a `Plan`.

mod containers;
mod down;
mod fate;
#[cfg(test)]
pub(crate) mod fixture;
mod graph;
mod hash;
mod labels;
mod selection;
mod step;
#[cfg(test)]
mod tests;
mod text;
mod up;

pub use containers::{container_name, service_hash};
pub use down::{DownOptions, down, restart, stop};
pub use fate::{Fate, Nature, fate};
pub use graph::Plan;
pub use hash::{config_hash, parts};
pub use labels::{
    CONFIG_FILES, CONFIG_HASH, HOME, NUMBER, ONE_OFF, PARTS, PROJECT, SERVICE, SUPERVISOR,
    SUPERVISOR_VERSION, VOLUME, WORKING_DIR,
};
pub use selection::{UnknownService, select};
pub use step::{Action, Cause, Replaced, Step};
pub use text::describe;
pub use up::{Recreate, UpOptions, orphans, up};
