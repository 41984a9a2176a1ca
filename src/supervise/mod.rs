//! Pure state machines with time as an argument: readiness, restart budget, debounce, stop.
