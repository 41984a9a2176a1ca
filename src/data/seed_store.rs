//! The seed files of a store, each applied whole or not at all; those of the database are applied here.

use std::time::Instant;

use super::copy;
use super::digest::Digest;
use super::ledger::{self, Kind, Ledger, Standing};
use super::lock::Lock;
use super::migrate::within;
use super::script::Script;
use super::seed_files::{Format, SeedFile, Store, files};
use super::session::Session;
use super::{DataContext, DataError, DataOutcome, seed_broker, seed_redis};
use crate::domain::Service;
use crate::event::Event;

/// Which seeds are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeedOptions {
    /// Only files whose name contains this.
    pub only: Option<String>,
    /// The files of this subdirectory besides those for all.
    pub set: Option<String>,
    /// Files that were applied before are applied again.
    pub again: Again,
}

/// Whether a seed that was applied is applied again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// Only where it has changed.
    #[default]
    WhereChanged,
    /// Always.
    Always,
}

/// A seed file that is due.
struct Due {
    file: SeedFile,
    hash: String,
    standing: Standing,
}

/// Applies the store's seed files that are due, ordered by name; a service that is no store has none.
///
/// # Errors
/// [`DataError`]; the first file that fails, with the place in it. The files before it stay applied.
pub async fn seed_store(
    context: &DataContext,
    store: &Service,
    options: &SeedOptions,
) -> Result<DataOutcome, DataError> {
    match Store::of(store) {
        Some(Store::Postgres) => seed_database(context, store, options).await,
        Some(Store::Redis) => seed_redis::seed(context, store, options).await,
        Some(Store::RabbitMq) => seed_broker::seed(context, store, options).await,
        None => Ok(DataOutcome::NothingDue),
    }
}

async fn seed_database(
    context: &DataContext,
    database: &Service,
    options: &SeedOptions,
) -> Result<DataOutcome, DataError> {
    let wanted = wanted(context, Store::Postgres, options)?;
    if wanted.is_empty() || due(&wanted, context.glance(database).await?, options.again).is_empty()
    {
        return Ok(DataOutcome::NothingDue);
    }
    let lock = Lock::take(context, database).await?;
    let session = Session::open(context, database).await?;
    let outcome = seed_in(context, &session, &wanted, options.again).await?;
    session.close().await;
    lock.release().await;
    Ok(outcome)
}

/// A seed file with the hash of its content.
pub(super) type Hashed = (SeedFile, String);

/// The store's seed files that are asked for.
pub(super) fn wanted(
    context: &DataContext,
    store: Store,
    options: &SeedOptions,
) -> Result<Vec<Hashed>, DataError> {
    let Some(seeds) = &context.stack.seeds else {
        return Ok(Vec::new());
    };
    let mut wanted = files(seeds, store, options.set.as_deref())?;
    if let Some(pattern) = &options.only {
        wanted.retain(|file| file.name.contains(pattern.as_str()));
    }
    let hash = |file: SeedFile| {
        let mut digest = Digest::new();
        digest.path(&file.path)?;
        Ok((file, digest.finish()))
    };
    wanted.into_iter().map(hash).collect()
}

/// Applies those of `wanted` that are due in this session's database. The caller holds the lock.
pub(super) async fn seed_in(
    context: &DataContext,
    session: &Session,
    wanted: &[Hashed],
    again: Again,
) -> Result<DataOutcome, DataError> {
    let client = &session.client;
    ledger::ensure(client).await?;
    // Whoever had the lock may have done it.
    let due = due(wanted, &Ledger::read(client).await?, again);
    for seed in &due {
        apply(context, session, seed).await?;
    }
    Ok(match due.len() {
        0 => DataOutcome::NothingDue,
        count => DataOutcome::Ran(count),
    })
}

fn due(hashed: &[Hashed], ledger: &Ledger, again: Again) -> Vec<Due> {
    let stand = |(file, hash): &Hashed| Due {
        standing: match (ledger.standing(Kind::Seed, &file.name, hash), again) {
            (Standing::Applied, Again::Always) => Standing::Changed,
            (standing, _) => standing,
        },
        file: file.clone(),
        hash: hash.clone(),
    };
    let all = hashed.iter().map(stand);
    all.filter(|due| due.standing != Standing::Applied)
        .collect()
}

/// Applies one file and notes it, in one transaction.
async fn apply(context: &DataContext, session: &Session, seed: &Due) -> Result<(), DataError> {
    let began = Instant::now();
    let client = &session.client;
    let path = &seed.file.path;
    let shown = context.shown(path);
    let rows = within(client, async {
        let rows = match seed.file.format {
            Format::Sql => Script::read(path, shown.clone())?.run(client).await?,
            _ => copy::load(client, &seed.file, &shown, seed.standing, &context.events).await?,
        };
        let name = &seed.file.name;
        ledger::note(client, Kind::Seed, name, &seed.hash, began.elapsed()).await?;
        Ok(rows)
    });
    let rows = rows.await?;
    let event = Event::DataProgress { what: shown, rows };
    context.events.tell(event);
    Ok(())
}
