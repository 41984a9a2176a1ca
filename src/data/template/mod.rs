//! Templates: the stores of a disposable stack as they were migrated and seeded, kept for the next stack to begin with.
//!
//! A template is a directory of this user's own state: one packed tar a volume, unpacked into the next stack's
//! containers before these are started. Nothing of it stays on the engine, so a remote one serves as well, and nothing
//! there has to be collected. What its data was made with (a database's passwords, n8n's key) stands in it too, readable
//! by its owner alone: the copies have the same secrets, and no store has to be told another password.

mod cupboard;
mod filling;
mod inputs;
mod saving;

pub use cupboard::{Cupboard, Holdings, Origin, Template};
pub use filling::fill;
pub use inputs::{Inputs, Wanted};
pub use saving::save_template;
