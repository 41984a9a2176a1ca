//! What was typed: one file a verb, arguments in, a request out. Opens no file and no socket.

mod arguments;
mod backup;
mod bundle;
mod ci;
mod completions;
mod config;
mod db;
mod doctor;
mod down;
mod engine;
mod env;
mod exec;
mod explain;
mod halt;
mod logs;
mod migrate;
mod replay;
mod report;
mod reset;
mod scope;
mod seed;
mod setup;
mod snapshot;
mod stacks;
mod status;
mod verbs;
mod watch;

pub use arguments::{Request, Sweep, parse};
pub use completions::completions;
pub use verbs::verbs;
