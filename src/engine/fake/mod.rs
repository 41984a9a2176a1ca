//! An engine that is none: a small world in memory that obeys an engine's laws.
//!
//! It is scripted in words and keeps a readable journal, so that a test shows what was there and what was done:
//!
//! ```
//! use jobsprint_dev::engine::FakeEngine;
//!
//! let engine = FakeEngine::of("
//!     image redis:7
//!     registry docker.io has postgres:15
//!     port 5432 is taken
//! ");
//! assert!(engine.journal().is_empty());
//! ```

mod door;
mod engine;
mod image;
mod script;
mod world;

pub use engine::FakeEngine;
