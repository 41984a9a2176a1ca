//! How running code is replaced: files copied in, a check run, the process or its container restarted.

mod batch;
mod check;
mod error;
mod line;
mod memory;
mod porter;
mod remover;
mod replacer;
mod sums;
mod supervisor;

pub use batch::{Batch, Owner};
pub use check::Verdict;
pub use error::ReplaceError;
pub use memory::Obedience;
pub use replacer::{Replacer, Restarted, Synced};
pub use supervisor::create;
