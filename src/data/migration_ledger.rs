//! Which SQL migrations a database has, with the text that was applied: what has changed since can be shown, and undone.

use std::time::Duration;

use tokio_postgres::GenericClient;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::DataError;

/// A migration as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    /// Its place in the order.
    pub(super) number: i64,
    /// `003_events.sql`.
    pub(super) name: String,
    /// What was run, its lines ended by `\n`.
    pub(super) up: String,
    /// What undoes it, as it was then.
    pub(super) down: Option<String>,
    /// Of a file without a transaction that was cut off: so many of its statements were run.
    pub(super) unfinished: Option<usize>,
}

/// The migrations of a service that the database has, in order; a database without a ledger has none.
pub(super) async fn applied(
    client: &impl GenericClient,
    service: &str,
) -> Result<Vec<Applied>, DataError> {
    let sql = "SELECT number, name, up, down, unfinished FROM jobsprint_dev.migrations
        WHERE service = $1 ORDER BY number";
    // Asked in one go, for this is most of what a run with nothing due does.
    let rows = match client.query_typed(sql, &[(&service, Type::TEXT)]).await {
        Ok(rows) => rows,
        Err(error) if is_unmade(&error) => return Ok(Vec::new()),
        Err(error) => return Err(DataError::database("reading the ledger", &error)),
    };
    let applied = rows.iter().map(|row| Applied {
        number: row.get(0),
        name: row.get(1),
        up: row.get(2),
        down: row.get(3),
        unfinished: row
            .get::<_, Option<i32>>(4)
            .and_then(|count| usize::try_from(count).ok()),
    });
    Ok(applied.collect())
}

/// Whether it says that there is no ledger.
pub(super) fn is_unmade(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code)
    })
}

/// Makes the ledger where there is none.
pub(super) async fn ensure(client: &impl GenericClient) -> Result<(), DataError> {
    client
        .batch_execute(
            "SET client_min_messages TO warning;
             CREATE SCHEMA IF NOT EXISTS jobsprint_dev;
             CREATE TABLE IF NOT EXISTS jobsprint_dev.migrations (
                 service text NOT NULL,
                 number bigint NOT NULL,
                 name text NOT NULL,
                 up text NOT NULL,
                 down text,
                 unfinished int,
                 applied_at timestamptz NOT NULL DEFAULT now(),
                 took_ms bigint NOT NULL,
                 PRIMARY KEY (service, number)
             );
             RESET client_min_messages;",
        )
        .await
        .map_err(|error| DataError::database("making the ledger", &error))
}

/// Notes that a migration was applied, or how far. Inside a transaction it is noted exactly where it was applied.
pub(super) async fn note(
    client: &impl GenericClient,
    service: &str,
    applied: &Applied,
    took: Duration,
) -> Result<(), DataError> {
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    let unfinished = applied
        .unfinished
        .map(|count| i32::try_from(count).unwrap_or(i32::MAX));
    client
        .execute(
            "INSERT INTO jobsprint_dev.migrations (service, number, name, up, down, unfinished, took_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (service, number) DO UPDATE
             SET name = excluded.name, up = excluded.up, down = excluded.down,
                 unfinished = excluded.unfinished, took_ms = excluded.took_ms, applied_at = now()",
            &[
                &service,
                &applied.number,
                &applied.name,
                &applied.up,
                &applied.down,
                &unfinished,
                &took,
            ],
        )
        .await
        .map_err(|error| DataError::database("writing the ledger", &error))?;
    Ok(())
}

/// Forgets a migration that was undone.
pub(super) async fn forget(
    client: &impl GenericClient,
    service: &str,
    number: i64,
) -> Result<(), DataError> {
    client
        .execute(
            "DELETE FROM jobsprint_dev.migrations WHERE service = $1 AND number = $2",
            &[&service, &number],
        )
        .await
        .map_err(|error| DataError::database("writing the ledger", &error))?;
    Ok(())
}
