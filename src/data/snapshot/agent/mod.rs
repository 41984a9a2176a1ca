//! This program in a container that has the stack's volumes: root there, whoever runs it here.
//!
//! A user who may talk to the engine isn't root, and a volume's files have owners whom only root may give them. The engine
//! is asked to run this very program, with the libraries that this process has, in a [`Helper`](super::helper::Helper): so
//! one and the same code copies, hashes and lays for everybody.

mod bring;
mod host;
mod protocol;
mod work;

pub(super) use host::Agent;
pub use host::Replaced;
pub use work::work;
