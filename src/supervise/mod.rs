//! Pure state machines with time as an argument: readiness, restart budget, debounce, stop.

mod novelty;
pub mod patience;
pub mod readiness;
