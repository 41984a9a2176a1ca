//! `ci`: a disposable copy of the stack around one command.

mod apart;
mod base;
mod capsule;
mod command;
mod culprit;
mod guard;
mod owner;
mod run;
mod set_up;
mod teardown;

pub(super) use apart::{Apart, Original, random, reach};
pub(super) use base::cupboard;
pub(super) use guard::{Guard, leave_session, stand_by};
pub(super) use owner::{lives, this_process};
pub(super) use run::{kept, run};
pub(super) use set_up::certify;
pub(super) use teardown::remove;
