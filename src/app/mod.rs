//! The composition root: one file a verb, wires rooms, holds no logic of its own.

mod backup;
mod conclusion;
mod config;
mod consent;
mod data;
mod db;
mod doctor;
mod down;
mod engine;
mod env;
mod environment;
mod exec;
mod faults;
pub mod files;
mod halt;
mod hands;
mod logs;
mod mending;
mod migrate;
mod project;
mod randomness;
mod reset;
mod run;
mod scene;
mod seed;
mod session;
mod setup;
mod snapshot;
mod stand_in;
mod startup;
mod status;
mod terminal;
mod up;
mod volumes;

pub use run::run;
