//! All of the stack's migrations, run from the first on in a database of their own.

use std::collections::BTreeMap;

use super::admin::Admin;
use super::command::Declared;
use super::migrate::apply_due;
use super::migrations::Migrations;
use super::seed_store::Again;
use super::session::Session;
use super::{DataContext, DataError};
use crate::domain::{Environment, Secret, Service};

/// Makes the empty database `name` and migrates it; one that has the name goes. The caller holds the lock.
pub(super) async fn replay(
    context: &DataContext,
    database: &Service,
    admin: &Admin,
    name: &str,
) -> Result<Session, DataError> {
    admin.make(name).await?;
    let session = Session::open_as(context, database, &admin.login_to(name)).await?;
    for service in context.stack.services.values() {
        if let Some(migrations) = Migrations::read(context, service)? {
            apply_due(context, &session, &migrations, None).await?;
        }
        if let Some(migration) = Declared::migration(service) {
            let there = pointed_at(service, admin.database(), name);
            migration
                .run_in(context, &session, Again::WhereChanged, there)
                .await?;
            see_that_it_obeyed(&session, &migration).await?;
        }
    }
    Ok(session)
}

/// The service's environment with its database exchanged for another.
pub(super) fn pointed_at(service: &Service, from: &str, to: &str) -> Environment {
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
pub(super) fn works_on(service: &Service, database: &str) -> bool {
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
