//! Volumes whose files this process reaches by itself: as root on the engine's machine, or as the agent in a container.

mod cached;
mod carrying;
mod copying;
mod flush;
mod keeping;
mod laying;
mod lists;
mod reach;
mod root;
mod sending;
mod stoppable;

pub(super) use keeping::Keeping;
pub(super) use laying::{Lying, is_gone};
pub(super) use reach::Near;
pub(super) use sending::send;
