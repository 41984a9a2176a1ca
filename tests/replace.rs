//! Running code is replaced on a real engine: in place, by container, by files.

#[path = "replace/ground.rs"]
mod ground;
#[path = "replace/process.rs"]
mod process;
#[path = "replace/supervision.rs"]
mod supervision;
mod support;
#[path = "replace/sync.rs"]
mod sync;
