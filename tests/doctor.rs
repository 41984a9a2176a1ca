//! What `doctor` finds: each bad state is made for real, seen with its evidence and its command, and mended.

#[path = "doctor/breakage.rs"]
mod breakage;
#[path = "doctor/bundle.rs"]
mod bundle;
#[path = "doctor/engine.rs"]
mod engine;
#[path = "doctor/garbled.rs"]
mod garbled;
#[path = "doctor/helpers.rs"]
mod helpers;
#[path = "doctor/host.rs"]
mod host;
#[path = "doctor/limping.rs"]
mod limping;
#[path = "doctor/locks.rs"]
mod locks;
#[path = "doctor/luck.rs"]
mod luck;
#[path = "doctor/own_state.rs"]
mod own_state;
#[path = "doctor/patient.rs"]
mod patient;
#[path = "doctor/project.rs"]
mod project;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "doctor/records.rs"]
mod records;
#[path = "world/shipped.rs"]
mod shipped;
#[path = "doctor/shop.rs"]
mod shop;
mod support;
#[path = "support/terminal.rs"]
mod terminal;
#[path = "doctor/verbs.rs"]
mod verbs;
#[path = "doctor/wire.rs"]
mod wire;
