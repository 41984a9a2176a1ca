//! Events become text: tty, plain, json, quiet. The only room that writes to the terminal.
//!
//! Every way to speak is a fold, `Event` in and lines out, which knows neither clock nor terminal;
//! [`Reporter`] is the one task that owns both doors, and masks secrets before anybody sees an event.

mod board;
mod changes;
mod courses;
mod doors;
mod failure;
mod json;
mod junit;
mod line;
mod logs;
mod manner;
mod mask;
mod plain;
mod quiet;
mod reporter;
mod row;
mod screen;
mod startup;
mod status;
mod steps;
mod summary;
mod table;
mod timeline;
mod verdicts;
mod waterfall;
pub mod words;

pub use doors::{print, print_failure, raw_err};
pub use failure::failure_lines;
pub use junit::{PhaseReport, junit};
pub use line::Line;
pub use manner::{Colour, Manner, Mode, Place, Surroundings};
pub use mask::Mask;
pub use reporter::Reporter;
pub use startup::{CriticalStep, Startup};
pub use status::{Probed, Status, StatusRow};
pub use table::lines as table_lines;
pub use timeline::{Outcome, Record, RecordedAnswer, RecordedStep, Timeline};
pub use verdicts::{verdict_json, verdict_text};
