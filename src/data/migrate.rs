//! A service's migrations: by its own command, or from its directory of SQL files.

use std::time::Instant;

use tokio_postgres::Client;

use super::command::Declared;
use super::lock::Lock;
use super::migration_ledger::{self as ledger, Applied};
use super::migrations::{Manner, Migration, Migrations, manner};
use super::script::Script;
use super::seed_store::Again;
use super::session::Session;
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;
use crate::event::Event;

/// Brings the database to the state that the service's migrations describe, where it isn't there yet.
///
/// # Errors
/// [`DataError`]; the command's own end with its last lines where it fails, the place in the file where a statement does.
pub async fn migrate(context: &DataContext, service: &Service) -> Result<DataOutcome, DataError> {
    if let Some(command) = Declared::migration(service) {
        return command.run_if_due(context, Again::WhereChanged).await;
    }
    migrate_to(context, service, None).await
}

/// Applies the service's SQL files that are due, up to the one of this number.
///
/// # Errors
/// [`DataError`]; the files before the one that fails stay applied, and of that one nothing.
pub async fn migrate_to(
    context: &DataContext,
    service: &Service,
    until: Option<i64>,
) -> Result<DataOutcome, DataError> {
    let Some(migrations) = Migrations::read(context, service)? else {
        return Ok(DataOutcome::NothingDue);
    };
    let database = context.need_database()?;
    let session = Session::open(context, database).await?;
    let applied = ledger::applied(&session.client, service.name.as_str()).await?;
    let nothing = migrations.due(&applied, until)?.is_empty();
    session.leave();
    if nothing {
        return Ok(DataOutcome::NothingDue);
    }
    let lock = Lock::take(context, database).await?;
    let session = Session::open(context, database).await?;
    let outcome = apply_due(context, &session, &migrations, until).await?;
    session.close().await;
    lock.release().await;
    Ok(outcome)
}

/// Applies what is due in this session's database. The caller holds the lock.
pub(super) async fn apply_due(
    context: &DataContext,
    session: &Session,
    migrations: &Migrations<'_>,
    until: Option<i64>,
) -> Result<DataOutcome, DataError> {
    let client = &session.client;
    let service = migrations.service.name.as_str();
    ledger::ensure(client).await?;
    let applied = ledger::applied(client, service).await?;
    for known in migrations.missing(&applied) {
        let text = format!(
            "the database has `{}`, and no file has it; it may be another branch's",
            known.name
        );
        context.events.tell(Event::Warning { text });
    }
    let due = migrations.due(&applied, until)?;
    for (migration, done) in &due {
        apply(context, client, service, migration, *done).await?;
    }
    Ok(match due.len() {
        0 => DataOutcome::NothingDue,
        count => DataOutcome::Ran(count),
    })
}

/// Undoes the last `count` of the service's SQL migrations, the newest first.
///
/// # Errors
/// [`DataError`]; where one of them can't be undone, none is.
pub async fn migrate_down(
    context: &DataContext,
    service: &Service,
    count: usize,
) -> Result<DataOutcome, DataError> {
    let Some(migrations) = Migrations::read(context, service)? else {
        return Ok(DataOutcome::NothingDue);
    };
    let database = context.need_database()?;
    let lock = Lock::take(context, database).await?;
    let session = Session::open(context, database).await?;
    let client = &session.client;
    let name = service.name.as_str();
    let applied = ledger::applied(client, name).await?;
    let last: Vec<&Applied> = applied.iter().rev().take(count).collect();
    let scripts = last.iter().map(|known| migrations.undoing(known));
    let scripts = scripts.collect::<Result<Vec<_>, _>>()?;
    for (known, script) in last.iter().zip(&scripts) {
        undo(client, name, known, script).await?;
        let what = script.file.clone();
        context.events.tell(Event::DataProgress { what, rows: 0 });
    }
    session.close().await;
    lock.release().await;
    Ok(match last.len() {
        0 => DataOutcome::NothingDue,
        count => DataOutcome::Ran(count),
    })
}

async fn apply(
    context: &DataContext,
    client: &Client,
    service: &str,
    migration: &Migration,
    done: usize,
) -> Result<(), DataError> {
    let began = Instant::now();
    let script = &migration.up;
    let rows = match migration.manner() {
        Manner::InTransaction => {
            let rows = within(client, async {
                let rows = script.run(client).await?;
                let entry = migration.entry(None);
                ledger::note(client, service, &entry, began.elapsed()).await?;
                Ok(rows)
            });
            rows.await?
        }
        Manner::Apart => {
            // What was run stays run, so the ledger counts along: a run that was cut off goes on after it.
            for at in done..script.count() {
                script.run_one(client, at).await?;
                let entry = migration.entry(Some(at + 1));
                ledger::note(client, service, &entry, began.elapsed()).await?;
            }
            let entry = migration.entry(None);
            ledger::note(client, service, &entry, began.elapsed()).await?;
            0
        }
    };
    clean(client).await?;
    let what = script.file.clone();
    context.events.tell(Event::DataProgress { what, rows });
    Ok(())
}

async fn undo(
    client: &Client,
    service: &str,
    known: &Applied,
    script: &Script,
) -> Result<(), DataError> {
    match manner(&script.text) {
        Manner::InTransaction => {
            within(client, async {
                script.run(client).await?;
                ledger::forget(client, service, known.number).await
            })
            .await?;
        }
        Manner::Apart => {
            for at in 0..script.count() {
                script.run_one(client, at).await?;
            }
            ledger::forget(client, service, known.number).await?;
        }
    }
    clean(client).await
}

/// Does the work in a transaction, whole or not at all.
pub(super) async fn within<T>(
    client: &Client,
    work: impl Future<Output = Result<T, DataError>>,
) -> Result<T, DataError> {
    let transacting = |error| DataError::database("opening or ending a transaction", &error);
    client.batch_execute("BEGIN").await.map_err(transacting)?;
    match work.await {
        Ok(done) => {
            client.batch_execute("COMMIT").await.map_err(transacting)?;
            Ok(done)
        }
        Err(error) => {
            client.batch_execute("ROLLBACK").await.ok(); // the session's end does it where this can't
            Err(error)
        }
    }
}

/// What a file set for its session is not set for the next file.
async fn clean(client: &Client) -> Result<(), DataError> {
    let cleaned = client.batch_execute("RESET SESSION AUTHORIZATION; RESET ALL");
    cleaned
        .await
        .map_err(|error| DataError::database("going on to the next file", &error))
}
