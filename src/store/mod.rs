//! Files that the tool writes: whole or not at all, private, locked, with the versions before kept.

mod atomic;
mod env_file;
mod error;
mod fingerprints;
mod record;
mod scratch;
mod state;

pub use atomic::{Privacy, write};
pub use env_file::{Backup, EnvFile};
pub use error::StoreError;
pub use fingerprints::{Fingerprints, Standing};
pub use record::{BrokenRecord, put_aside, read_record, write_record};
pub use scratch::Scratch;
pub use state::{Lock, StateDir};
