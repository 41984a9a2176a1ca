//! One stream of the engine's events for the whole run, handed on to all who wait on a container.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::domain::ProjectName;
use crate::engine::{Engine, EngineError, EngineEvent};

/// Events remembered for a slow listener; one that lags must look afresh.
const BACKLOG: usize = 1024;

/// The engine's events of one project, from before the first step on.
#[derive(Debug)]
pub struct Pulse {
    line: broadcast::Sender<EngineEvent>,
    reader: JoinHandle<()>,
}

impl Pulse {
    /// Begins to listen; returns once the engine has taken the subscription, so that nothing after it is missed.
    ///
    /// # Errors
    /// Where the engine refuses the stream.
    pub async fn listen(
        engine: Arc<dyn Engine>,
        project: &ProjectName,
    ) -> Result<Self, EngineError> {
        let (line, _) = broadcast::channel(BACKLOG);
        let mut stream = engine.events(project).await?;
        let sender = line.clone();
        let reader = tokio::spawn(async move {
            // The stream reconnects by itself; an error is its end, and waits then live by their probes alone.
            while let Some(Ok(event)) = stream.next().await {
                drop(sender.send(event));
            }
        });
        Ok(Self { line, reader })
    }

    /// The events from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<EngineEvent> {
        self.line.subscribe()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
