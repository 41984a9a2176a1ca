//! What a running database tells of its content: the state of its migrations, and how many rows its tables have.

use std::collections::BTreeMap;

use crate::data::admin::Admin;
use crate::data::digest::Digest;
use crate::data::migration_ledger::is_unmade;
use crate::data::session::Session;
use crate::data::{DataContext, DataError};
use crate::domain::Service;

/// So many digits of the hash tell two states of the migrations apart.
const SHOWN: usize = 8;

/// What a database tells of its content.
#[derive(Debug, Default)]
pub struct Description {
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) migrations: Option<String>,
}

/// What the database of `service` tells.
///
/// # Errors
/// [`DataError`] where it can't be asked.
pub async fn describe_data(
    context: &DataContext,
    service: &Service,
) -> Result<Description, DataError> {
    let admin = Admin::open(context, service).await?;
    let live = admin.live().await?;
    let mut description = Description::default();
    for database in &live {
        let session = Session::open_as(context, service, &admin.login_to(database)).await?;
        description.rows.extend(counted(&session, database).await?);
        if database == admin.database() {
            description.migrations = applied(&session).await?;
        }
        session.close().await;
    }
    admin.close().await;
    Ok(description)
}

async fn counted(session: &Session, database: &str) -> Result<BTreeMap<String, u64>, DataError> {
    let sql = "SELECT n.nspname::text, c.relname::text,
            greatest(c.reltuples::bigint, coalesce(pg_stat_get_live_tuples(c.oid), 0))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'jobsprint_dev')";
    let found = session.client.query_typed(sql, &[]).await;
    let found = found.map_err(|error| DataError::database("counting rows", &error))?;
    let named = found.iter().map(|row| {
        let (schema, table): (String, String) = (row.get(0), row.get(1));
        let count = u64::try_from(row.get::<_, i64>(2)).unwrap_or_default();
        (format!("{database}.{schema}.{table}"), count)
    });
    Ok(named.collect())
}

/// A short hash of the migrations that the ledger holds, by commands and from SQL files; `None` where it holds none.
async fn applied(session: &Session) -> Result<Option<String>, DataError> {
    let commands =
        "SELECT kind, name, hash FROM jobsprint_dev.ledger WHERE kind = 'migrate' ORDER BY name";
    let files = "SELECT service, name, up FROM jobsprint_dev.migrations ORDER BY service, number";
    let mut digest = Digest::new();
    let mut is_empty = true;
    for sql in [commands, files] {
        let rows = match session.client.query_typed(sql, &[]).await {
            Err(error) if is_unmade(&error) => continue,
            rows => rows.map_err(|error| DataError::database("reading the ledger", &error))?,
        };
        for row in &rows {
            is_empty = false;
            for column in 0..3 {
                digest.part(row.get::<_, String>(column).as_bytes());
            }
        }
    }
    let mut hash = digest.finish();
    hash.truncate(SHOWN);
    Ok((!is_empty).then_some(hash))
}
