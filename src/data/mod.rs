//! Migrations and seeds: what is due, how it is run, and the ledger in the database.

mod admin;
mod backup;
mod backups;
mod broker_api;
mod bucket;
mod bucket_access;
mod bucket_door;
mod busiest;
mod command;
mod context;
mod copy;
mod credentials;
mod difference;
mod digest;
mod dump;
mod error;
mod excerpt;
mod ledger;
mod leftover;
mod lock;
mod migrate;
mod migration_files;
mod migration_ledger;
mod migrations;
mod pipe;
mod redis_commands;
mod redis_session;
mod replay;
mod reset;
mod retention;
mod script;
mod sealed;
mod seed_broker;
mod seed_files;
mod seed_redis;
mod seed_service;
mod seed_store;
mod session;
mod snapshot;
mod standing;
mod statements;
mod template;
mod tenant;
mod verify_migrations;
mod whole;

pub use backup::{backup, inspect, restore, verify};
pub use backups::{Backup, Broken, Kept, Manifest, backups, manifest_of};
pub use bucket::Bucket;
pub use bucket_access::BucketAccess;
pub use busiest::{Statement, busiest};
pub use context::{DataContext, DataOutcome, Glance};
pub use credentials::mend;
pub use error::DataError;
pub use migrate::{migrate, migrate_down, migrate_to};
pub use migration_files::new_migration;
pub use reset::{ResetOutcome, reset, touched};
pub use retention::Retention;
pub use sealed::key_in_volume;
pub use seed_service::seed_service;
pub use seed_store::{Again, SeedOptions, seed_store};
pub use snapshot::{
    Cover, DISMISSED, Description, GUARD_VERB, Laid, Manifest as SnapshotManifest,
    Part as SnapshotPart, Replaced, Saved, Shelf, Stock, Unfinished, check_snapshot, describe_data,
    discard, discard_by_helper, load_snapshot, release_volumes, save_snapshot, settle_snapshot,
    work_as_agent,
};
pub use standing::{Due, migrations, seeds};
pub use template::{Cupboard, Holdings, Inputs, Origin, Template, Wanted, fill, save_template};
pub use tenant::{
    SharedTemplate, discard_template, drop_part, find_template, keep_template, make_part,
};
pub use verify_migrations::verify_migrations;
