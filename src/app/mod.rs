//! The composition root: one file a verb, wires rooms, holds no logic of its own.

mod conclusion;
mod consent;
mod down;
mod engine;
mod environment;
mod exec;
mod faults;
pub mod files;
mod halt;
mod hands;
mod logs;
mod project;
mod randomness;
mod run;
mod session;
mod setup;
mod status;
mod terminal;
mod up;

pub use run::run;
