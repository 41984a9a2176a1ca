//! The completed tree to the domain's [`Stack`](crate::domain::Stack): past this room nobody sees the file.

mod container;
mod image;
mod mounts;
mod read;
mod readiness;
mod service;
mod stack;

use stack::list;

pub(super) use stack::Lowering;
