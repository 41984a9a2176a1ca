//! Volumes whose files this process reaches by itself, as root on the engine's machine: no helper copies them.

mod carrying;
mod copying;
mod flush;
mod keeping;
mod laying;
mod lists;
mod reach;
mod root;
mod stoppable;

pub(super) use keeping::Keeping;
pub(super) use laying::{Lying, is_gone};
pub(super) use reach::Near;
