//! Events become text: tty, plain, json, quiet. The only room that writes to the terminal.

mod startup;
mod status;
mod table;
mod timeline;
mod waterfall;
pub mod words;

pub use startup::{CriticalStep, Startup};
pub use status::{Status, StatusRow};
pub use timeline::{Outcome, Record, RecordedStep, Timeline};
