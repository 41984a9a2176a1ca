//! Whether the live database is what its migrations make: all are run again beside it, and the schemas compared.

use super::admin::Admin;
use super::difference::difference;
use super::replay::replay;
use super::session::login;
use super::{DataContext, DataError, lock};
use crate::domain::{Environment, Service};
use crate::engine::ExecRequest;

/// Replays all migrations into a database of its own and compares its schema with the live one's.
///
/// # Errors
/// [`DataError::Drifted`] with what differs; the failure of a migration that no longer runs.
pub async fn verify_migrations(context: &DataContext, database: &Service) -> Result<(), DataError> {
    let admin = Admin::open(context, database).await?;
    lock::take(&admin.session().client, &context.events).await?;
    let scratch = format!("{}_building", admin.database());
    let compared = compare(context, database, &admin, &scratch).await;
    let dropped = admin.drop(&scratch).await;
    let details = compared?;
    dropped?;
    let name = admin.database().to_owned();
    admin.close().await;
    if details.is_empty() {
        return Ok(());
    }
    Err(DataError::Drifted {
        database: name,
        details,
    })
}

async fn compare(
    context: &DataContext,
    database: &Service,
    admin: &Admin,
    scratch: &str,
) -> Result<Vec<String>, DataError> {
    replay(context, database, admin, scratch)
        .await?
        .close()
        .await;
    let made = schema(context, database, scratch).await?;
    let live = schema(context, database, admin.database()).await?;
    Ok(difference(&made, &live))
}

/// The schema of a database as `pg_dump` tells it, without the ledger's and without comments.
async fn schema(
    context: &DataContext,
    database: &Service,
    name: &str,
) -> Result<String, DataError> {
    let login = login(database);
    let words = [
        "pg_dump",
        "--schema-only",
        "--exclude-schema=jobsprint_dev",
        "--username",
        &login.user,
        "--dbname",
        name,
    ];
    let mut environment = Environment::default();
    if let Some(password) = login.password.clone() {
        environment.set("PGPASSWORD", password);
    }
    let request = ExecRequest {
        command: words.map(ToOwned::to_owned).to_vec(),
        environment,
        ..ExecRequest::default()
    };
    let container = context.container(database)?;
    let dumped = context.engine.execute(container, &request).await?;
    if dumped.code != 0 {
        return Err(DataError::Database {
            doing: "dumping a schema",
            reason: String::from_utf8_lossy(&dumped.stderr).trim().to_owned(),
        });
    }
    let text = String::from_utf8_lossy(&dumped.stdout).into_owned();
    // Newer releases of pg_dump fence the dump with `\restrict` and a random word.
    let is_content =
        |line: &&str| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\');
    let lines: Vec<&str> = text.lines().filter(is_content).collect();
    Ok(lines.join("\n"))
}
