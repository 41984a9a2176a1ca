//! Snapshots of the server's databases under one name: clones that stand beside them, made and taken back in a moment.

use serde::{Deserialize, Serialize};

use super::admin::Admin;
use super::reset::empty_caches;
use super::{DataContext, DataError, lock};
use crate::domain::Service;

/// What is noted about a snapshot, on each of its databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// When it was made, RFC 3339.
    created: String,
    /// The git commit at the time.
    commit: Option<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The git commit at the time.
    pub commit: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// The databases in it.
    pub databases: Vec<String>,
}

/// A database's name ends in 63 bytes; this leaves room for what it is a snapshot of.
const LONGEST_NAME: usize = 32;
const MARK: &str = "_snapshot_";

/// Clones every database that applications work in; a snapshot that has the name goes.
///
/// # Errors
/// [`DataError`]; no half-made snapshot is listed.
pub async fn save_snapshot(
    context: &DataContext,
    database: &Service,
    name: &str,
    created: &str,
    commit: Option<String>,
) -> Result<(), DataError> {
    check(name)?;
    let admin = open(context, database).await?;
    let note = Note {
        created: created.to_owned(),
        commit,
    };
    let note = serde_json::to_string(&note).unwrap_or_default();
    let live = admin.live().await?;
    for database in &live {
        admin.clone_live(database, &kept(database, name)).await?;
    }
    // Only what carries a note is listed, and all notes are written once all clones are whole.
    for database in &live {
        admin.set_note(&kept(database, name), &note).await?;
    }
    admin.close().await;
    Ok(())
}

/// The snapshots, oldest first.
///
/// # Errors
/// [`DataError`] where the server can't be asked.
pub async fn snapshots(
    context: &DataContext,
    database: &Service,
) -> Result<Vec<Snapshot>, DataError> {
    let admin = Admin::open(context, database).await?;
    let found = list(&admin).await;
    admin.close().await;
    found
}

/// Puts the databases of a snapshot in the live ones' places; the snapshot stays.
///
/// # Errors
/// [`DataError`]; all copies are made before the first database is replaced.
pub async fn restore_snapshot(
    context: &DataContext,
    database: &Service,
    name: &str,
) -> Result<(), DataError> {
    let admin = open(context, database).await?;
    let snapshot = find(&admin, name).await?;
    for database in &snapshot.databases {
        admin.clone(&kept(database, name), &fresh(database)).await?;
    }
    for database in &snapshot.databases {
        admin.replace(database, &fresh(database)).await?;
    }
    empty_caches(context).await?;
    admin.close().await;
    Ok(())
}

/// Removes a snapshot.
///
/// # Errors
/// [`DataError`], also where there is none of this name.
pub async fn delete_snapshot(
    context: &DataContext,
    database: &Service,
    name: &str,
) -> Result<(), DataError> {
    let admin = open(context, database).await?;
    for database in find(&admin, name).await?.databases {
        admin.drop(&kept(&database, name)).await?;
    }
    admin.close().await;
    Ok(())
}

async fn open(context: &DataContext, database: &Service) -> Result<Admin, DataError> {
    let admin = Admin::open(context, database).await?;
    lock::take(&admin.session().client, &context.events).await?;
    for database in admin.live().await? {
        admin.reopen(&database).await?;
    }
    Ok(admin)
}

async fn find(admin: &Admin, name: &str) -> Result<Snapshot, DataError> {
    let all = list(admin).await?;
    let found = all.into_iter().find(|snapshot| snapshot.name == name);
    found.ok_or_else(|| DataError::Snapshot {
        name: name.to_owned(),
        reason: "is not there".to_owned(),
    })
}

async fn list(admin: &Admin) -> Result<Vec<Snapshot>, DataError> {
    let sql = "SELECT datname::text, shobj_description(oid, 'pg_database'), pg_database_size(oid)
        FROM pg_database WHERE datname ~ '_snapshot_' ORDER BY datname";
    let rows = admin.session().client.query_typed(sql, &[]).await;
    let rows = rows.map_err(|error| DataError::database("looking at snapshots", &error))?;
    let mut found: Vec<Snapshot> = Vec::new();
    for row in &rows {
        let (stored, note): (String, Option<String>) = (row.get(0), row.get(1));
        let bytes = u64::try_from(row.get::<_, i64>(2)).unwrap_or_default();
        let Some((database, name)) = stored.split_once(MARK) else {
            continue;
        };
        let Some(note) = note.and_then(|note| serde_json::from_str::<Note>(&note).ok()) else {
            continue;
        };
        if let Some(snapshot) = found.iter_mut().find(|snapshot| snapshot.name == name) {
            snapshot.bytes += bytes;
            snapshot.databases.push(database.to_owned());
            continue;
        }
        found.push(Snapshot {
            name: name.to_owned(),
            created: note.created,
            commit: note.commit,
            bytes,
            databases: vec![database.to_owned()],
        });
    }
    found.sort_by(|one, other| one.created.cmp(&other.created));
    Ok(found)
}

fn check(name: &str) -> Result<(), DataError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(allowed) && !name.contains(MARK)
    {
        return Ok(());
    }
    Err(DataError::Snapshot {
        name: name.to_owned(),
        reason: format!(
            "can't be named so: use letters, digits, `-`, `.` and `_`, {LONGEST_NAME} at most"
        ),
    })
}

fn kept(database: &str, name: &str) -> String {
    format!("{database}{MARK}{name}")
}

fn fresh(database: &str) -> String {
    format!("{database}_fresh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshots_name_is_one_that_a_database_can_carry() {
        assert!(check("before-upgrade_2.1").is_ok());
        assert!(check("").is_err());
        assert!(check("it's").is_err());
        assert!(check(&"x".repeat(33)).is_err());
    }
}
