//! Watched files: which change means what, when a burst of changes has come to rest, and the watcher itself.

mod blindness;
mod change;
mod contents;
mod duties;
mod eyes;
mod figures;
mod ground;
mod ignored;
mod interest;
mod lane;
mod patrol;
mod rules;
mod scout;
mod settle;
mod work;

pub use blindness::Blindness;
pub use change::{Change, Presence, Sight};
pub use contents::Contents;
pub use duties::Duties;
pub use figures::{Figure, Figures};
pub use ground::Coverage;
pub use ignored::{GitRules, Ignored, Reason};
pub use interest::{Interest, Purpose, Word};
pub use lane::Lane;
pub use rules::{Rules, Surroundings};
pub use scout::{Scout, Sighting, Trust};
pub use settle::{Batch, Pace, Settle};
pub use work::{Errand, Replacement, Work};
