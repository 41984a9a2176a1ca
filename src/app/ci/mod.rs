//! `ci`: a disposable copy of the stack around one command.

mod apart;
mod capsule;
mod command;
mod culprit;
mod guard;
mod owner;
mod run;
mod teardown;

pub(super) use guard::{leave_session, stand_by};
pub(super) use owner::{lives, this_process};
pub(super) use run::{kept, run};
pub(super) use teardown::remove;
