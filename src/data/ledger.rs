//! What was applied to a database, kept in that database: a wiped one knows by itself that all is due.
//!
//! It stands in a schema `jobsprint_dev`. A schema named like the application's role (`jobsprint`) would come first in
//! that role's search path, and the application's own tables would land in it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::GenericClient;

use super::DataError;

/// What kind of thing was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A service's own migration command.
    Migrate,
    /// A seed file.
    Seed,
    /// A service's own seed command.
    SeedCommand,
    /// A command that was begun; its hash tells whether it has ended.
    Begun,
}

impl Kind {
    /// The word that the database has for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Seed => "seed",
            Self::SeedCommand => "seed-command",
            Self::Begun => "begun",
        }
    }
}

/// The ledger as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ledger {
    hashes: BTreeMap<(String, String), String>,
}

impl Ledger {
    /// Reads the ledger; a database without one has an empty one.
    pub(super) async fn read(client: &impl GenericClient) -> Result<Self, DataError> {
        let reading = |error| DataError::database("reading the ledger", &error);
        let there = client
            .query_typed(
                "SELECT to_regclass('jobsprint_dev.ledger') IS NOT NULL",
                &[],
            )
            .await
            .map_err(reading)?;
        if !there.first().is_some_and(|row| row.get(0)) {
            return Ok(Self::default());
        }
        let rows = client
            .query_typed("SELECT kind, name, hash FROM jobsprint_dev.ledger", &[])
            .await
            .map_err(reading)?;
        let hashes = rows
            .iter()
            .map(|row| ((row.get(0), row.get(1)), row.get(2)))
            .collect();
        Ok(Self { hashes })
    }

    /// How the thing named stands.
    pub(super) fn standing(&self, kind: Kind, name: &str, hash: &str) -> Standing {
        let key = (kind.as_str().to_owned(), name.to_owned());
        match self.hashes.get(&key) {
            None => Standing::New,
            Some(applied) if applied == hash => Standing::Applied,
            Some(_) => Standing::Changed,
        }
    }
}

/// How a thing stands to what was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was never applied.
    New,
    /// It was applied as it is.
    Applied,
    /// It was applied, and has changed since.
    Changed,
}

/// Makes the ledger where there is none.
pub(super) async fn ensure(client: &impl GenericClient) -> Result<(), DataError> {
    client
        .batch_execute(
            "SET client_min_messages TO warning;
             CREATE SCHEMA IF NOT EXISTS jobsprint_dev;
             CREATE TABLE IF NOT EXISTS jobsprint_dev.ledger (
                 kind text NOT NULL,
                 name text NOT NULL,
                 hash text NOT NULL,
                 applied_at timestamptz NOT NULL DEFAULT now(),
                 took_ms bigint NOT NULL,
                 PRIMARY KEY (kind, name)
             );
             RESET client_min_messages;",
        )
        .await
        .map_err(|error| DataError::database("making the ledger", &error))
}

/// Notes that something was applied. Inside a transaction it is noted exactly where it was applied.
pub(super) async fn note(
    client: &impl GenericClient,
    kind: Kind,
    name: &str,
    hash: &str,
    took: Duration,
) -> Result<(), DataError> {
    let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    client
        .execute(
            "INSERT INTO jobsprint_dev.ledger (kind, name, hash, took_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, name) DO UPDATE
             SET hash = excluded.hash, took_ms = excluded.took_ms, applied_at = now()",
            &[&kind.as_str(), &name, &hash, &took],
        )
        .await
        .map_err(|error| DataError::database("writing the ledger", &error))?;
    Ok(())
}
