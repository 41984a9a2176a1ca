//! `ci`: a disposable copy of the stack around one command.

mod apart;
mod base;
mod capsule;
mod command;
mod culprit;
mod github;
mod guard;
mod keeper;
mod lasting;
mod lead;
mod memory;
mod moving_in;
mod owner;
mod pins;
mod relic;
mod replay;
mod run;
mod set_up;
mod teardown;
mod tenant;

pub(super) use apart::{Apart, Lasts, Original, random, reach};
pub(super) use base::cupboard;
pub(super) use github::run;
pub(super) use guard::{Guard, leave_session, stand_by};
pub(super) use keeper::{forget, have_ended, is_ours, remove_unused};
pub(super) use memory::let_go;
pub(super) use owner::{lives, this_process};
pub(super) use replay::run as replay;
pub(super) use run::kept;
pub(super) use set_up::certify;
pub(super) use teardown::remove;
pub(super) use tenant::{Afterwards, is_orphan, is_used, leave, tenants};
