//! Keeps two runs from working on the data of one server at once.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::admin::Admin;
use super::{DataContext, DataError};
use crate::domain::{Home, Service};
use crate::event::{Event, Events};

/// `jobsprint` in ASCII, cut to eight bytes: no other tool's key.
const KEY: i64 = i64::from_be_bytes(*b"jobsprin");
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The lock, held by a session of its own beside the databases that are worked on.
///
/// Such a lock belongs to one database, and a reset puts another in the live one's place: so all hold it where nobody works.
pub(super) struct Lock(Admin);

impl Lock {
    /// Takes the lock, waiting for whoever has it. The session's end gives it back, however it ends.
    pub(super) async fn take(context: &DataContext, database: &Service) -> Result<Self, DataError> {
        let admin = Admin::open(context, database).await?;
        let key = match database.home {
            Home::Own => KEY,
            // Each tenant of a server works on its own data alone.
            Home::Shared => key_of(admin.database()),
        };
        take_key(&admin.session().client, &context.events, key).await?;
        // Nobody else works on it now: if it is closed, a run that was killed left it so.
        admin.reopen(admin.database()).await?;
        Ok(Self(admin))
    }

    /// Gives it back.
    pub(super) async fn release(self) {
        self.0.close().await;
    }
}

/// Takes the lock in a session at the maintenance database.
///
/// It is asked for again and again rather than waited for inside the database: a waiting session would hold a snapshot,
/// and `CREATE INDEX CONCURRENTLY` of the run that works would wait for that, for ever.
pub(super) async fn take(client: &Client, events: &Events) -> Result<(), DataError> {
    take_key(client, events, KEY).await
}

/// A key for one database of a server that stacks share.
fn key_of(database: &str) -> i64 {
    let hash = Sha256::digest(database);
    i64::from_be_bytes(std::array::from_fn(|at| hash[at]))
}

async fn take_key(client: &Client, events: &Events, key: i64) -> Result<(), DataError> {
    let locking = |error| DataError::database("taking the lock", &error);
    let mut told = false;
    loop {
        let sql = format!("SELECT pg_try_advisory_lock({key})");
        let rows = client.query_typed(&sql, &[]).await.map_err(locking)?;
        if rows.first().is_some_and(|row| row.get(0)) {
            return Ok(());
        }
        if !told {
            told = true;
            let text = "another run works on this database; waiting for it to end".to_owned();
            events.tell(Event::Notice { text });
        }
        sleep(LOOK_EVERY).await;
    }
}
