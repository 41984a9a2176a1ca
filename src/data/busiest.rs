//! The statements that a database has spent most time on, where it keeps count of them.

use serde::Serialize;

use super::session::Session;
use super::{DataContext, DataError};
use crate::domain::Service;

/// A statement, as often as it was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// How often.
    pub calls: i64,
    /// Milliseconds in all.
    pub total_ms: f64,
    /// Milliseconds of one, in the mean.
    pub mean_ms: f64,
    /// Rows that it gave or touched in all.
    pub rows: i64,
    /// Its text, constants left out, in one line.
    pub text: String,
}

/// The statements that took longest in all, at most `limit`; `None` where the database has no `pg_stat_statements`.
///
/// # Errors
/// [`DataError`] where the database can't be asked.
pub async fn busiest(
    context: &DataContext,
    database: &Service,
    limit: i64,
) -> Result<Option<Vec<Statement>>, DataError> {
    let asking = |error| DataError::database("asking for its slowest statements", &error);
    let session = Session::open(context, database).await?;
    let there = "SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'";
    let there = session.client.query(there, &[]).await.map_err(asking)?;
    if there.is_empty() {
        session.close().await;
        return Ok(None);
    }
    let sql = "SELECT calls, total_exec_time, mean_exec_time, rows,
            regexp_replace(trim(query), '\\s+', ' ', 'g')
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = current_database() ORDER BY total_exec_time DESC LIMIT $1";
    let rows = session.client.query(sql, &[&limit]).await.map_err(asking)?;
    session.close().await;
    let statements = rows.iter().map(|row| Statement {
        calls: row.get(0),
        total_ms: row.get(1),
        mean_ms: row.get(2),
        rows: row.get(3),
        text: row.get(4),
    });
    Ok(Some(statements.collect()))
}
