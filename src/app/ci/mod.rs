//! `ci`: a disposable copy of the stack around one command.

mod apart;
mod capsule;
mod command;
mod culprit;
mod guard;
mod owner;
mod run;
mod teardown;

pub(super) use apart::{Apart, Original, random};
pub(super) use guard::{Guard, leave_session, stand_by};
pub(super) use owner::{lives, this_process};
pub(super) use run::{certify, kept, run};
pub(super) use teardown::remove;
