//! `ci` on a real engine: a stack around one command, whatever becomes of the command, of the run, or of its owner.

#[path = "support/own_engine.rs"]
mod own_engine;
mod support;

#[path = "ci/capsules.rs"]
mod capsules;
#[path = "ci/checkout.rs"]
mod checkout;
#[path = "ci/commands.rs"]
mod commands;
#[path = "ci/github.rs"]
mod github;
#[path = "ci/grabbed.rs"]
mod grabbed;
#[path = "ci/kills.rs"]
mod kills;
#[path = "ci/leaks.rs"]
mod leaks;
#[path = "ci/memory.rs"]
mod memory;
#[path = "ci/places.rs"]
mod places;
#[path = "ci/replay.rs"]
mod replay;
#[path = "ci/restarts.rs"]
mod restarts;
#[path = "ci/reuse.rs"]
mod reuse;
#[path = "ci/shop.rs"]
mod shop;
#[path = "ci/stores.rs"]
mod stores;
#[path = "ci/templates.rs"]
mod templates;
#[path = "ci/tenant.rs"]
mod tenant;
#[path = "ci/tenant_ends.rs"]
mod tenant_ends;
#[path = "ci/tenant_restarts.rs"]
mod tenant_restarts;
#[path = "ci/tenant_words.rs"]
mod tenant_words;
#[path = "ci/workflows.rs"]
mod workflows;
