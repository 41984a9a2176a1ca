//! The async shell: executor, supervisor, signals, locks and ports of the host.

mod executor;
mod interrupt;
mod lock;
mod ports;
mod pulse;

pub use executor::{Done, Outcome, Perform, execute};
pub use interrupt::Interrupt;
pub use lock::{LockError, ProjectLock, lock_alone};
pub use ports::{Holder, TakenPort, holder_of, is_free, taken_ports};
pub use pulse::Pulse;
