//! Back to migrated and seeded: a clone of a template database takes the live one's place.
//!
//! The template is made by the stack's own migrations and seeds, once for each state of their files.

use std::collections::BTreeMap;

use super::admin::Admin;
use super::command::Declared;
use super::digest::Digest;
use super::seed_store::{Again, Hashed, SeedOptions, seed_in, wanted};
use super::session::Session;
use super::{DataContext, DataError, lock};
use crate::domain::{Environment, Readiness, Secret, Service};
use crate::engine::ExecRequest;

/// How a reset was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetOutcome {
    /// From a template that was there.
    FromTemplate,
    /// From a template that had to be made first.
    FromNewTemplate,
}

/// Puts the stack's database back to migrated and seeded, and empties its caches.
///
/// # Errors
/// [`DataError`]; the live database is then as it was.
pub async fn reset(context: &DataContext, database: &Service) -> Result<ResetOutcome, DataError> {
    let seeds = wanted(context, &SeedOptions::default())?;
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
    Ok(outcome)
}

/// What the template depends on, as one hash: all migrations, all seeds.
async fn state(context: &DataContext, seeds: &[Hashed]) -> Result<String, DataError> {
    let mut digest = Digest::new();
    for command in commands(context) {
        digest.part(command.service.name.as_str().as_bytes());
        digest.part(command.hash(context).await?.as_bytes());
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
    admin.make(&building).await?;
    let session = Session::open_as(context, database, &admin.login_to(&building)).await?;
    let services = || context.stack.services.values();
    for migration in services().filter_map(Declared::migration) {
        let there = pointed_at(migration.service, admin.database(), &building);
        migration.run_in(context, &session, there).await?;
        see_that_it_obeyed(&session, &migration).await?;
    }
    seed_in(context, &session, seeds, Again::WhereChanged).await?;
    for seed in services().filter_map(Declared::seed) {
        if works_on(seed.service, admin.database()) {
            let there = pointed_at(seed.service, admin.database(), &building);
            seed.run_in(context, &session, there).await?;
        } else {
            // Its data lies elsewhere and stays, so its seeds are as applied as they were.
            seed.carry_over(context, database, &session).await?;
        }
    }
    session.close().await;
    admin.rename(&building, template).await
}

/// The service's environment with its database exchanged for another.
fn pointed_at(service: &Service, from: &str, to: &str) -> Environment {
    let mut variables = variables(service, from, to);
    // What postgres' own clients obey, whatever the service itself calls it.
    variables.insert("PGDATABASE".to_owned(), Secret::new(to));
    Environment::new(variables)
}

/// The service's variables that name the database `from`, pointed at another one.
fn variables(service: &Service, from: &str, to: &str) -> BTreeMap<String, Secret> {
    let variables = service.container.environment.iter();
    variables
        .filter_map(|(name, value)| {
            let names_it = name.contains("DB") || name.contains("DATABASE");
            let exchanged = repointed(value.expose(), from, to)
                .or_else(|| (names_it && value.expose() == from).then(|| to.to_owned()))?;
            Some((name.to_owned(), Secret::new(exchanged)))
        })
        .collect()
}

/// Whether any of the service's variables names this database.
fn works_on(service: &Service, database: &str) -> bool {
    let named = variables(service, database, database);
    !named.is_empty()
}

/// `postgres://host/from?x` as `postgres://host/to?x`; `None` for anything else.
fn repointed(url: &str, from: &str, to: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return None;
    }
    let (authority, path) = rest.split_once('/')?;
    let end = path.find('?').unwrap_or(path.len());
    let (name, query) = path.split_at(end);
    (name == from).then(|| format!("{scheme}://{authority}/{to}{query}"))
}

/// A command that works on a database of its own choice can't make a template.
async fn see_that_it_obeyed(session: &Session, migration: &Declared<'_>) -> Result<(), DataError> {
    let rows = session.client.query_typed(
        "SELECT count(*) > 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'jobsprint_dev')",
        &[],
    );
    let rows = rows
        .await
        .map_err(|error| DataError::database("looking at the template", &error))?;
    if rows.first().is_some_and(|row| row.get(0)) {
        return Ok(());
    }
    Err(DataError::Unsteerable {
        service: migration.service.name.clone(),
    })
}

/// Empties the caches, which hold what the database said before.
pub(super) async fn empty_caches(context: &DataContext) -> Result<(), DataError> {
    let services = context.stack.services.values();
    for service in services.filter(|service| service.ready == Readiness::Redis) {
        let Some(container) = context.containers.get(&service.name) else {
            continue;
        };
        let login = crate::domain::RedisLogin::of(service, &|_| None);
        let mut environment = Environment::default();
        if let Some(password) = login.password {
            environment.set("REDISCLI_AUTH", password);
        }
        let request = ExecRequest {
            command: ["redis-cli", "FLUSHALL"].map(ToOwned::to_owned).to_vec(),
            environment,
            ..ExecRequest::default()
        };
        context.engine.execute(container, &request).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_the_own_database_are_repointed() {
        let point = |url| repointed(url, "jobsprint", "other");

        assert_eq!(
            point("postgresql://u:p@db:5432/jobsprint?sslmode=disable").as_deref(),
            Some("postgresql://u:p@db:5432/other?sslmode=disable")
        );
        assert_eq!(point("postgres://u@db/n8n"), None);
        assert_eq!(point("redis://db/jobsprint"), None);
    }
}
