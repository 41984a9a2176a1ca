//! What is due, told without doing it.

use super::command::Declared;
use super::ledger::{Kind, Ledger, Standing};
use super::migration_ledger::applied;
use super::migrations::Migrations;
use super::seed_files::Store;
use super::seed_store::{Hashed, SeedOptions, wanted};
use super::session::Session;
use super::{DataContext, DataError, seed_broker, seed_redis};
use crate::domain::Service;

/// How one thing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The service or file.
    pub name: String,
    /// `applied`, `pending`, `changed`; `missing` where no file has what the database has; `cut off` where it has a part.
    pub state: &'static str,
}

/// How the services' migrations stand.
///
/// # Errors
/// [`DataError`] where the database or an input can't be read.
pub async fn migrations(context: &DataContext, database: &Service) -> Result<Vec<Due>, DataError> {
    let session = Session::open(context, database).await?;
    let ledger = Ledger::read(&session.client).await?;
    let mut due = Vec::new();
    for service in context.stack.services.values() {
        if let Some(migrations) = Migrations::read(context, service)? {
            let applied = applied(&session.client, service.name.as_str()).await?;
            due.extend(migrations.standing(&applied));
        }
        let command = Declared::migration(service).into_iter().collect();
        due.extend(of_commands(context, &ledger, command).await?);
    }
    session.close().await;
    Ok(due)
}

/// How the stores' seed files and the services' seed commands stand.
///
/// # Errors
/// [`DataError`] where the database or a file can't be read.
pub async fn seeds(
    context: &DataContext,
    database: &Service,
    options: &SeedOptions,
) -> Result<Vec<Due>, DataError> {
    let ledger = read(context, database).await?;
    let files = wanted(context, Store::Postgres, options)?.into_iter();
    let mut due: Vec<Due> = files
        .map(|(file, hash)| Due {
            state: word(ledger.standing(Kind::Seed, &file.name, &hash)),
            name: file.name,
        })
        .collect();
    for service in context.stack.services.values() {
        due.extend(of_store(context, service, options).await?);
    }
    if options.only.is_none() {
        // A pattern is one of files' names.
        let services = context.stack.services.values();
        let commands = services.filter_map(Declared::seed).collect();
        due.extend(of_commands(context, &ledger, commands).await?);
    }
    Ok(due)
}

/// The seed files of a store that keeps its own account of them; where it has none, it isn't asked.
async fn of_store(
    context: &DataContext,
    service: &Service,
    options: &SeedOptions,
) -> Result<Vec<Due>, DataError> {
    let Some(store @ (Store::Redis | Store::RabbitMq)) = Store::of(service) else {
        return Ok(Vec::new());
    };
    let files = wanted(context, store, options)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let applied = match store {
        Store::Redis => seed_redis::applied(context, service).await?,
        _ => seed_broker::applied(context, service).await?,
    };
    let stand = |(file, hash): Hashed| Due {
        state: match applied.get(&file.name) {
            None => word(Standing::New),
            Some(known) if *known == hash => word(Standing::Applied),
            Some(_) => word(Standing::Changed),
        },
        name: format!("{}/{}", store.directory(), file.name),
    };
    Ok(files.into_iter().map(stand).collect())
}

async fn read(context: &DataContext, database: &Service) -> Result<Ledger, DataError> {
    let session = Session::open(context, database).await?;
    let ledger = Ledger::read(&session.client).await;
    session.close().await;
    ledger
}

async fn of_commands(
    context: &DataContext,
    ledger: &Ledger,
    commands: Vec<Declared<'_>>,
) -> Result<Vec<Due>, DataError> {
    let mut due = Vec::new();
    for command in commands {
        let name = command.service.name.to_string();
        let hash = command.hash(context).await?;
        let state = word(ledger.standing(command.kind, &name, &hash));
        due.push(Due { name, state });
    }
    Ok(due)
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "pending",
        Standing::Applied => "applied",
        Standing::Changed => "changed",
    }
}
