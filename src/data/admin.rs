//! Whole databases of a server: made, cloned, dropped, and put in each other's place at one stroke.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::session::{Session, login};
use super::{DataContext, DataError};
use crate::domain::{PostgresLogin, Service};

/// The database that is there before any other, and that nobody works in.
const MAINTENANCE: &str = "postgres";
/// So long a session that was told to end may take.
const LONGEST_END: Duration = Duration::from_secs(5);

/// A login to the server, beside its databases.
pub(super) struct Admin {
    session: Session,
    login: PostgresLogin,
}

impl Admin {
    /// Logs in to the server of `service`.
    pub(super) async fn open(context: &DataContext, service: &Service) -> Result<Self, DataError> {
        let login = login(service);
        let maintenance = PostgresLogin {
            database: MAINTENANCE.to_owned(),
            ..login.clone()
        };
        let session = Session::open_as(context, service, &maintenance).await?;
        Ok(Self { session, login })
    }

    /// The session itself.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The application's own database.
    pub(super) fn database(&self) -> &str {
        &self.login.database
    }

    /// The login to another database of the server.
    pub(super) fn login_to(&self, database: &str) -> PostgresLogin {
        PostgresLogin {
            database: database.to_owned(),
            ..self.login.clone()
        }
    }

    /// Makes an empty database; one that has the name goes.
    pub(super) async fn make(&self, name: &str) -> Result<(), DataError> {
        self.drop(name).await?;
        let sql = format!("CREATE DATABASE {}", quoted(name));
        self.run("making a database", &sql).await
    }

    /// Clones a database that nobody uses; one that has the name goes.
    pub(super) async fn clone(&self, template: &str, name: &str) -> Result<(), DataError> {
        self.drop(name).await?;
        self.empty_out(template).await?;
        let sql = format!(
            "CREATE DATABASE {} TEMPLATE {}",
            quoted(name),
            quoted(template)
        );
        self.run("cloning a database", &sql).await
    }

    /// Drops a database, whoever uses it; one that is gone is no error.
    pub(super) async fn drop(&self, name: &str) -> Result<(), DataError> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
        self.quietly("dropping a database", &sql).await
    }

    /// Gives a database that nobody uses another name; one that has the name goes.
    pub(super) async fn rename(&self, name: &str, new: &str) -> Result<(), DataError> {
        self.drop(new).await?;
        self.empty_out(name).await?;
        let sql = format!("ALTER DATABASE {} RENAME TO {}", quoted(name), quoted(new));
        self.run("renaming a database", &sql).await
    }

    /// What was noted about a database; `None` where it isn't there or nothing was noted.
    pub(super) async fn note(&self, name: &str) -> Result<Option<String>, DataError> {
        let sql =
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
        let rows = self.session.client.query(sql, &[&name]).await;
        let rows = rows.map_err(|error| DataError::database("looking at databases", &error))?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }

    /// Notes something about a database.
    pub(super) async fn set_note(&self, name: &str, note: &str) -> Result<(), DataError> {
        let note = note.replace('\'', "''");
        let sql = format!("COMMENT ON DATABASE {} IS '{note}'", quoted(name));
        self.run("noting what a database is", &sql).await
    }

    /// Puts `new` in the place of the database `live`, which goes.
    ///
    /// Sessions of the old one are ended; nobody ever sees a moment without a database, nor a half-made one.
    pub(super) async fn replace(&self, live: &str, new: &str) -> Result<(), DataError> {
        let old = format!("{live}_replaced");
        self.drop(&old).await?;
        self.close_database(live).await?;
        let swapped = self.swap(live, &old, new).await;
        if swapped.is_err() {
            self.reopen(live).await?;
        }
        swapped?;
        self.drop(&old).await
    }

    /// The databases that applications work in: all but the server's own and this tool's.
    pub(super) async fn live(&self) -> Result<Vec<String>, DataError> {
        let sql = "SELECT datname::text FROM pg_database
            WHERE NOT datistemplate AND datname <> 'postgres'
            AND datname !~ '_(template|fresh|building|restoring|verifying|replaced)$' ORDER BY datname";
        let rows = self.session.client.query_typed(sql, &[]).await;
        let rows = rows.map_err(|error| DataError::database("looking at databases", &error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn close_database(&self, name: &str) -> Result<(), DataError> {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quoted(name));
        self.run("closing a database", &sql).await
    }

    async fn swap(&self, live: &str, old: &str, new: &str) -> Result<(), DataError> {
        self.empty_out(live).await?;
        self.empty_out(new).await?;
        let (live, old, new) = (quoted(live), quoted(old), quoted(new));
        let sql = format!(
            "BEGIN; ALTER DATABASE {live} RENAME TO {old}; ALTER DATABASE {new} RENAME TO {live}; COMMIT"
        );
        let swapped = self.run("replacing the database", &sql).await;
        if swapped.is_err() {
            self.run("replacing the database", "ROLLBACK").await.ok();
        }
        swapped
    }

    /// Opens a database again, as a run that was killed may have left it closed.
    pub(super) async fn reopen(&self, name: &str) -> Result<(), DataError> {
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", quoted(name));
        self.run("opening a database", &sql).await
    }

    /// Ends all sessions of a database, and waits until they have ended.
    async fn empty_out(&self, name: &str) -> Result<(), DataError> {
        let began = Instant::now();
        loop {
            let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
            let ended = self.session.client.query(sql, &[&name]).await;
            let ended = ended.map_err(|error| DataError::database("ending sessions", &error))?;
            if ended.is_empty() || began.elapsed() > LONGEST_END {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn run(&self, doing: &'static str, sql: &str) -> Result<(), DataError> {
        let ran = self.session.client.batch_execute(sql).await;
        ran.map_err(|error| DataError::database(doing, &error))
    }

    /// Without the server's remark that there was nothing to do.
    pub(super) async fn quietly(&self, doing: &'static str, sql: &str) -> Result<(), DataError> {
        self.run(doing, "SET client_min_messages TO warning")
            .await?;
        self.run(doing, sql).await
    }

    /// Goes without waiting, where nothing of it is left to be ended.
    pub(super) fn leave(self) {
        self.session.leave();
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// A name as SQL holds it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
