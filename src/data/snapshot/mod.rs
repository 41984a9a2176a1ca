//! Snapshots of a whole stack: its volumes as they are, under one name, and back.

mod agent;
mod draft;
mod facts;
mod fingerprint;
mod guard;
mod helper;
mod journal;
mod manifest;
mod near;
pub(super) mod packing;
mod pause;
mod restoring;
mod saving;
mod shelf;
mod stock;
mod sweeper;
mod trees;

pub use agent::{Replaced, work as work_as_agent};
pub use facts::{Description, describe_data};
pub use guard::{DISMISSED, GUARD_VERB};
pub use journal::Unfinished;
pub use manifest::{Manifest, Part};
pub use restoring::{Laid, check_snapshot, load_snapshot, settle_snapshot};
pub use saving::{Saved, save_snapshot};
pub use shelf::Shelf;
pub use stock::{Cover, Stock};
pub use sweeper::{discard, discard_by_helper, release_volumes};
