//! `snapshot-guard`: lets paused containers go on where the run that paused them is killed. Started by that run alone.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::engine;
use super::session::Session;
use crate::data::DISMISSED;
use crate::domain::{ContainerId, Failure};

/// A pause that was asked for by the killed run may still be on its way at the engine.
const AND_AGAIN: Duration = Duration::from_secs(1);

/// Waits for the end of the run, and cleans up after it unless it said that it did so itself.
pub(super) async fn run(session: &Session, paused: Vec<ContainerId>) -> Result<u8, Failure> {
    let mut said = Vec::new();
    let read = tokio::io::stdin().read_to_end(&mut said).await;
    if read.is_ok() && said.contains(&DISMISSED) {
        return Ok(0);
    }
    let engine = engine::reach(session).await?;
    for again in [false, true] {
        if again {
            tokio::time::sleep(AND_AGAIN).await;
        }
        for container in &paused {
            // One that is gone or stands needs nothing; nobody hears of anything else.
            engine.unpause_container(container).await.ok();
        }
    }
    Ok(0)
}
