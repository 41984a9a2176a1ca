//! `env`: one file a group of verbs.

mod change;
mod diff;
mod explain;
mod files;
mod health;
mod run;
mod share;
mod show;

pub(super) use health::findings;
pub(super) use run::run;
