//! Snapshots of a whole stack on the real engine: what was kept comes back, and nothing that goes wrong loses anything.

#[path = "support/moments.rs"]
mod moments;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "world/shipped.rs"]
mod shipped;
mod support;

#[path = "snapshot/branches.rs"]
mod branches;
#[path = "snapshot/disk.rs"]
mod disk;
#[path = "snapshot/kills.rs"]
mod kills;
#[path = "snapshot/owners.rs"]
mod owners;
#[path = "snapshot/project.rs"]
mod project;
#[path = "snapshot/refusals.rs"]
mod refusals;
#[path = "snapshot/stores.rs"]
mod stores;
#[path = "snapshot/verbs.rs"]
mod verbs;
