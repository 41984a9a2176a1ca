//! Pure: a stack becomes a copy of its own that collides with nobody, and its lease tells who answers for it.

mod copy;
mod host;
mod lease;
mod names;
mod relocation;
mod subnet;

pub use copy::{Choice, copy, fixed_ports};
pub use host::host_environment;
pub use lease::{DIRECTORY, EXPIRES, Holder, LEASE, Lease, RUN, Standing};
pub use names::{ci_project, port_block, stack_project};
pub use relocation::{Reach, Relocation};
pub use subnet::{POOL_SIZE, free_subnet};
