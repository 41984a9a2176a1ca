//! `doctor`: facts gathered at once, each within its own time; verdicts told; what is safe mended.

mod engine;
mod facts;
mod host;
mod kept;
mod mend;
mod project;
mod prove;
mod records;
mod sources;
mod verb;

pub(super) use facts::gather;
pub(super) use host::available_memory;
pub(super) use verb::run;
