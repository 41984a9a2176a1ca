//! Back to migrated and seeded: a clone of a template database takes the live one's place.
//!
//! The template is made by the stack's own migrations and seeds, once for each state of their files.

use super::admin::Admin;
use super::command::Declared;
use super::digest::Digest;
use super::migrations::Migrations;
use super::redis_session::{RedisSession, Reply};
use super::replay::{pointed_at, replay, works_on};
use super::seed_files::Store;
use super::seed_store::{Again, Hashed, SeedOptions, seed_in, seed_store, wanted};
use super::session::Session;
use super::snapshot::Cover;
use super::{DataContext, DataError, lock};
use crate::domain::{Readiness, Service};

/// How a reset was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetOutcome {
    /// From a template that was there.
    FromTemplate,
    /// From a template that had to be made first.
    FromNewTemplate,
}

/// Puts the stack's database back to migrated and seeded; its caches are emptied and seeded anew.
///
/// # Errors
/// [`DataError`]; the live database is then as it was.
pub async fn reset(context: &DataContext, database: &Service) -> Result<ResetOutcome, DataError> {
    let seeds = wanted(context, Store::Postgres, &SeedOptions::default())?;
    let state = state(context, &seeds).await?;
    let admin = Admin::open(context, database).await?;
    lock::take(&admin.session().client, &context.events).await?;
    admin.reopen(admin.database()).await?;

    let template = format!("{}_template", admin.database());
    let outcome = if admin.note(&template).await? == Some(state.clone()) {
        ResetOutcome::FromTemplate
    } else {
        make_template(context, database, &admin, &seeds, &template).await?;
        admin.set_note(&template, &state).await?;
        ResetOutcome::FromNewTemplate
    };
    let fresh = format!("{}_fresh", admin.database());
    admin.clone(&template, &fresh).await?;
    let (replaced, emptied) = tokio::join!(
        admin.replace(admin.database(), &fresh),
        empty_caches(context)
    );
    replaced?;
    emptied?;
    admin.close().await;
    let others = context.stack.services.values();
    for service in others.filter(|service| Store::of(service) != Some(Store::Postgres)) {
        if context.containers.contains_key(&service.name) {
            seed_store(context, service, &SeedOptions::default()).await?;
        }
    }
    Ok(outcome)
}

/// What a reset or a restored backup takes away: the database, and the caches of what it said.
pub async fn touched(context: &DataContext, database: &Service) -> Cover {
    let caches = caches(context).map(|cache| &cache.name);
    Cover::Services {
        names: caches.chain([&database.name]).cloned().collect(),
        // What can't be asked may be large.
        bytes: weight(context, database).await.unwrap_or(u64::MAX),
    }
}

/// Bytes that the database's server and the caches have, about.
async fn weight(context: &DataContext, database: &Service) -> Result<u64, DataError> {
    let session = Session::open(context, database).await?;
    let sql = "SELECT ((SELECT sum(pg_database_size(oid)) FROM pg_database)
        + (SELECT sum(size) FROM pg_ls_waldir()))::bigint";
    let rows = session.client.query_typed(sql, &[]).await;
    let rows = rows.map_err(|error| DataError::database("weighing databases", &error))?;
    session.leave();
    let bytes: i64 = rows.first().map_or(0, |row| row.get(0));
    let mut bytes = u64::try_from(bytes).unwrap_or_default();
    for service in caches(context) {
        if !context.containers.contains_key(&service.name) {
            continue;
        }
        let mut session = RedisSession::open(context, service).await?;
        let told = session.ask("weighing the cache", &["INFO", "memory"]);
        let Reply::Text(Some(told)) = told.await? else {
            continue;
        };
        let used = told
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        bytes += used.and_then(|used| used.trim().parse().ok()).unwrap_or(0);
    }
    Ok(bytes)
}

/// What the template depends on, as one hash: all migrations, all seeds.
async fn state(context: &DataContext, seeds: &[Hashed]) -> Result<String, DataError> {
    let mut digest = Digest::new();
    for command in commands(context) {
        digest.part(command.service.name.as_str().as_bytes());
        digest.part(command.hash(context).await?.as_bytes());
    }
    for service in context.stack.services.values() {
        if let Some(migrations) = Migrations::read(context, service)? {
            for migration in &migrations.all {
                digest.part(migration.up.file.as_bytes());
                digest.part(migration.up.text.as_bytes());
            }
        }
    }
    for (file, hash) in seeds {
        digest.part(file.name.as_bytes());
        digest.part(hash.as_bytes());
    }
    Ok(format!("made by jobsprint-dev from {}", digest.finish()))
}

/// All commands on the data, migrations first.
fn commands(context: &DataContext) -> impl Iterator<Item = Declared<'_>> {
    let services = || context.stack.services.values();
    let migrations = services().filter_map(Declared::migration);
    migrations.chain(services().filter_map(Declared::seed))
}

async fn make_template(
    context: &DataContext,
    database: &Service,
    admin: &Admin,
    seeds: &[Hashed],
    template: &str,
) -> Result<(), DataError> {
    let building = format!("{}_building", admin.database());
    let session = replay(context, database, admin, &building).await?;
    seed_in(context, &session, seeds, Again::WhereChanged).await?;
    for seed in context.stack.services.values().filter_map(Declared::seed) {
        if works_on(seed.service, admin.database()) {
            let there = pointed_at(seed.service, admin.database(), &building);
            seed.run_in(context, &session, Again::WhereChanged, there)
                .await?;
        } else {
            // Its data lies elsewhere and stays, so its seeds are as applied as they were.
            seed.carry_over(context, database, &session).await?;
        }
    }
    session.close().await;
    admin.rename(&building, template).await
}

fn caches(context: &DataContext) -> impl Iterator<Item = &Service> {
    let services = context.stack.services.values();
    services.filter(|service| service.ready == Readiness::Redis)
}

/// Empties the caches, which hold what the database said before.
pub(super) async fn empty_caches(context: &DataContext) -> Result<(), DataError> {
    const DOING: &str = "emptying the cache";
    for service in caches(context) {
        if !context.containers.contains_key(&service.name) {
            continue;
        }
        let mut session = RedisSession::open(context, service).await?;
        if let Reply::Refused(reason) = session.ask(DOING, &["FLUSHALL"]).await? {
            return Err(DataError::Store {
                service: service.name.clone(),
                doing: DOING,
                reason,
            });
        }
    }
    Ok(())
}
