//! Portable dumps of the stack's database, each with a manifest beside it; restored whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::admin::Admin;
use super::backups::{Backup, Manifest, SCHEMA, described, ending, manifest_of};
use super::digest::{hash, unreadable};
use super::dump::{Dump, major_version, open};
use super::pipe::{self, Piped};
use super::session::{Session, login};
use super::whole::write_whole;
use super::{DataContext, DataError, lock};
use crate::domain::{ContainerId, DumpForm, Environment, Packing, Service};
use crate::engine::ExecRequest;

/// A dump's version stands at its very beginning.
const HEAD: u64 = 1024 * 1024;

/// Dumps the database into `directory`.
///
/// # Errors
/// [`DataError`]; no half-written backup is left.
pub async fn backup(
    context: &DataContext,
    database: &Service,
    directory: &Path,
    (form, packing): (DumpForm, Packing),
    now: OffsetDateTime,
) -> Result<Backup, DataError> {
    fs::create_dir_all(directory).map_err(|error| unreadable(directory, &error))?;
    let session = Session::open(context, database).await?;
    let server = server_version(&session).await?;
    session.close().await;
    let login = login(database);
    let name = format!("{}-{}", login.database, compact(now));
    let path = directory.join(format!("{name}{}", ending(form, packing)));
    let partial = directory.join(format!(".{name}.part"));
    // What zstd is to pack must not be packed already.
    let words: &[&str] = match (form, packing) {
        (DumpForm::Custom, Packing::Gzip) => &["--format=custom"],
        (DumpForm::Custom, _) => &["--format=custom", "--compress=0"],
        (DumpForm::Plain, _) => &["--format=plain"],
    };
    let packing = match form {
        DumpForm::Custom if packing == Packing::Gzip => Packing::None,
        _ => packing,
    };
    let command = ["pg_dump", "--no-owner"].iter().chain(words);
    let request = ExecRequest {
        command: command.map(ToString::to_string).collect(),
        environment: client_environment(database, &login.database),
        ..ExecRequest::default()
    };
    let container = context.container(database)?;
    let dumped = pipe::into_file(context, container, &request, &partial, packing).await;
    let dumped = dumped.and_then(|dumped| succeeded("the backup", database, "pg_dump", dumped));
    let dumped = match dumped {
        Ok(dumped) => dumped,
        Err(error) => {
            fs::remove_file(&partial).ok(); // what failed is told; a leftover is harmless
            return Err(error);
        }
    };
    let manifest = Manifest {
        schema: SCHEMA,
        project: context.stack.project.to_string(),
        database: login.database,
        created: now.format(&Rfc3339).unwrap_or_default(),
        server,
        bytes: dumped.bytes,
        sha256: dumped.hash,
    };
    fs::rename(&partial, &path).map_err(|error| unreadable(&path, &error))?;
    let beside = manifest_of(&path);
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    write_whole(&beside, &text)?;
    Ok(Backup {
        name,
        path,
        manifest,
    })
}

/// Puts what a dump holds in the place of the live database.
///
/// The file is one of [`backup`]'s, or any dump of `pg_dump`, plain, custom or through gzip.
///
/// # Errors
/// [`DataError`]; the live database is then as it was.
pub async fn restore(
    context: &DataContext,
    database: &Service,
    file: &Path,
) -> Result<(), DataError> {
    let admin = Admin::open(context, database).await?;
    lock::take(&admin.session().client, &context.events).await?;
    admin.reopen(admin.database()).await?;
    let scratch = format!("{}_restoring", admin.database());
    load(context, database, &admin, file, &scratch).await?;
    admin.replace(admin.database(), &scratch).await?;
    admin.close().await;
    Ok(())
}

/// Sees that a file is a dump at all.
///
/// # Errors
/// Where it can't be read, is none, or was cut short.
pub fn inspect(file: &Path) -> Result<(), DataError> {
    Dump::of(file).map(drop)
}

/// Restores a dump beside the live database, and counts the rows of each table.
///
/// # Errors
/// [`DataError`] where it can't be restored.
pub async fn verify(
    context: &DataContext,
    database: &Service,
    file: &Path,
) -> Result<BTreeMap<String, u64>, DataError> {
    let admin = Admin::open(context, database).await?;
    let scratch = format!("{}_verifying", admin.database());
    load(context, database, &admin, file, &scratch).await?;
    let session = Session::open_as(context, database, &admin.login_to(&scratch)).await?;
    let counted = count_rows(&session).await;
    session.close().await;
    admin.drop(&scratch).await?;
    admin.close().await;
    counted
}

/// Restores a dump into a new database.
async fn load(
    context: &DataContext,
    database: &Service,
    admin: &Admin,
    file: &Path,
    scratch: &str,
) -> Result<(), DataError> {
    let dump = Dump::of(file)?;
    if let Some(backup) = described(file)? {
        let (_, sha256) = hash(file).await?;
        if backup.manifest.sha256 != sha256 {
            return Err(DataError::Input {
                path: file.to_owned(),
                reason: "it is not what its manifest describes: the checksums differ".to_owned(),
            });
        }
    }
    let container = context.container(database)?;
    let server = server_version(admin.session()).await?;
    refuse_newer(context, container, dump, file, &server).await?;

    admin.make(scratch).await?;
    let request = ExecRequest {
        command: ["sh", "-c", &dump.restore_script()]
            .map(ToOwned::to_owned)
            .to_vec(),
        environment: client_environment(database, scratch),
        ..ExecRequest::default()
    };
    let loaded = pipe::from_file(context, container, &request, file).await;
    let loaded =
        loaded.and_then(|loaded| succeeded("the restore", database, "psql", loaded).map(drop));
    if loaded.is_err() {
        admin.drop(scratch).await?;
    }
    loaded
}

/// Refuses what an older server could only half understand.
async fn refuse_newer(
    context: &DataContext,
    container: &ContainerId,
    dump: Dump,
    file: &Path,
    server: &str,
) -> Result<(), DataError> {
    let script = match dump {
        Dump::Custom => "pg_restore --list",
        Dump::Plain => "cat",
        Dump::Gzip => "gzip -dc 2>/dev/null | head -c 4096",
    };
    let head = {
        use std::io::Read as _;
        let mut head = Vec::new();
        let opened = open(file).map(|opened| opened.take(HEAD));
        opened
            .and_then(|mut opened| opened.read_to_end(&mut head))
            .map_err(|error| unreadable(file, &error))?;
        Bytes::from(head)
    };
    let request = ExecRequest {
        command: ["sh", "-c", script].map(ToOwned::to_owned).to_vec(),
        stdin: Some(head),
        ..ExecRequest::default()
    };
    let listed = context.engine.execute(container, &request).await?;
    let theirs = major_version(&String::from_utf8_lossy(&listed.stdout));
    let ours: Option<u32> = server
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs > ours => Err(DataError::Input {
            path: file.to_owned(),
            reason: format!("it was dumped from postgres {theirs}, and this server is {ours}"),
        }),
        _ => Ok(()),
    }
}

async fn server_version(session: &Session) -> Result<String, DataError> {
    let rows = session.client.query_typed("SHOW server_version", &[]).await;
    let rows = rows.map_err(|error| DataError::database("asking the server's version", &error))?;
    let version: String = rows.first().map(|row| row.get(0)).unwrap_or_default();
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

async fn count_rows(session: &Session) -> Result<BTreeMap<String, u64>, DataError> {
    let counting = |error| DataError::database("counting rows", &error);
    let tables = session
        .client
        .query_typed(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema'",
            &[],
        )
        .await
        .map_err(counting)?;
    let mut counts = BTreeMap::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows = session
            .client
            .query_typed(&sql, &[])
            .await
            .map_err(counting)?;
        let count: i64 = rows.first().map_or(0, |row| row.get(0));
        counts.insert(table, u64::try_from(count).unwrap_or_default());
    }
    Ok(counts)
}

/// What postgres' own clients need inside the server's container.
pub(super) fn client_environment(service: &Service, database: &str) -> Environment {
    let login = login(service);
    let mut environment = Environment::default();
    environment.set("PGUSER", login.user);
    environment.set("PGDATABASE", database);
    if let Some(password) = login.password {
        environment.set("PGPASSWORD", password);
    }
    environment
}

fn succeeded(
    what: &'static str,
    service: &Service,
    command: &str,
    piped: Piped,
) -> Result<Piped, DataError> {
    if piped.code == 0 {
        return Ok(piped);
    }
    Err(DataError::Command {
        what,
        service: service.name.clone(),
        command: command.to_owned(),
        code: piped.code,
        output: piped.words,
    })
}

/// A moment as file names hold it: `20261123T201500Z`.
fn compact(now: OffsetDateTime) -> String {
    let now = now.to_offset(time::UtcOffset::UTC);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}
