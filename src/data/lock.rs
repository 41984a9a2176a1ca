//! Keeps two runs from migrating or seeding one database at once.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;

use super::DataError;
use crate::event::{Event, Events};

/// `jobsprint` in ASCII, cut to eight bytes: no other tool's key.
const KEY: i64 = i64::from_be_bytes(*b"jobsprin");
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Takes the lock, waiting for whoever has it. The session's end gives it back, however it ends.
///
/// It is asked for again and again rather than waited for inside the database: a waiting session would hold a snapshot,
/// and `CREATE INDEX CONCURRENTLY` of the run that works would wait for that, for ever.
pub(super) async fn take(client: &Client, events: &Events) -> Result<(), DataError> {
    let locking = |error| DataError::database("taking the lock", &error);
    let mut told = false;
    loop {
        let sql = format!("SELECT pg_try_advisory_lock({KEY})");
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
