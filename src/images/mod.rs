//! How an image is obtained: local, pulled, built, or bootstrapped from packages.

mod acquirer;
mod bootstrap;
mod context;
mod dockerfile;
mod error;
mod ignore;
mod login;
mod once;
mod outcome;
mod pull;
mod recipe;
mod registry;
mod retry;

pub use acquirer::Acquirer;
pub use bootstrap::needs_bootstrap;
pub use error::ImageError;
pub use ignore::IgnoreRules;
pub use outcome::ImageOutcome;
