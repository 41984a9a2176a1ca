//! The composition root: one file a verb, wires rooms, holds no logic of its own.

mod environment;
pub mod files;
mod randomness;
