//! The async shell: executor, watcher, supervisor, signals.
