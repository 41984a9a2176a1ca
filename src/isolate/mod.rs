//! Pure: a stack becomes a copy of its own that collides with nobody, and its lease tells who answers for it.

mod beside;
mod copy;
mod host;
mod lease;
mod memory;
mod names;
mod relocation;
mod subnet;
mod tenant;

pub use beside::{Apartness, KIND, NAMED, REPLAY, SHARED, STACK, TENANT, WORKTREE, set_beside};
pub use copy::{Choice, copy, fixed_ports};
pub use host::host_environment;
pub use lease::{DIRECTORY, EXPIRES, Holder, LEASE, Lease, RUN, Standing};
pub use memory::{MemoryVolumes, Room, into_memory};
pub use names::{PORT_BLOCK_WIDTH, PORT_BLOCKS, ci_project, port_block, stack_project};
pub use relocation::{Reach, Relocation};
pub use subnet::{POOL_SIZE, free_subnet};
pub use tenant::{
    Lodger, Lodging, Refusal, hosts, is_store, mark, refusal, settle, shared, shared_ports,
};
