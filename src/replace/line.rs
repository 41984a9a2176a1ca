//! A line into a container: words go in, answers come out. A command in the container holds the other end.
//!
//! The supervisor is spoken to by such a line and not by the engine's own signal call, because that costs the
//! restart policy: after any signal, engines take an `unless-stopped` container for stopped by hand.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::supervisor::SHELL;
use crate::domain::ContainerId;
use crate::engine::{Engine, EngineError, ExecRequest};
use crate::event::LogStream;

/// How long the other end may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

/// An order to the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// End the process, and start it anew.
    Restart,
    /// It had its time: kill it.
    Kill,
}

/// A line that is open. It closes when it is dropped, and when its container stops.
pub(super) struct Line {
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: BoxStream<'static, Result<(LogStream, Bytes), EngineError>>,
    heard: Vec<u8>,
}

impl Line {
    /// Opens a line to the container's supervisor; `None` where it has none.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub(super) async fn to_supervisor(
        engine: &dyn Engine,
        container: &ContainerId,
    ) -> Result<Option<Self>, EngineError> {
        let command = [SHELL, "-c", include_str!("listener.sh")].map(str::to_owned);
        let request = ExecRequest {
            command: command.into(),
            ..ExecRequest::default()
        };
        Self::open(engine, container, &request).await
    }

    /// Opens a line to a command that says `ready` first; `None` where it ends without.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub(super) async fn open(
        engine: &dyn Engine,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<Option<Self>, EngineError> {
        let session = engine.open_exec(container, request).await?;
        let mut line = Self {
            input: session.input,
            output: session.output,
            heard: Vec::new(),
        };
        let first = timeout(PATIENCE, line.hear()).await;
        Ok(matches!(first, Ok(Some(word)) if word == "ready").then_some(line))
    }

    /// Says an order; `None` where the line is broken.
    pub(super) async fn say(&mut self, order: Order) -> Option<()> {
        let word: &[u8] = match order {
            Order::Restart => b"restart\n",
            Order::Kill => b"kill\n",
        };
        self.write(word).await
    }

    /// Writes these bytes; `None` where the line is broken.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.input.write_all(bytes).await.ok()?;
        self.input.flush().await.ok()
    }

    /// The next line of what is answered; `None` where the line is broken.
    pub(super) async fn hear(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            match self.output.next().await? {
                Ok((LogStream::Stdout, bytes)) => self.heard.extend_from_slice(&bytes),
                Ok((LogStream::Stderr, _)) => {}
                Err(_) => return None,
            }
        }
    }

    /// The line itself where its other end is still there, as far as was heard.
    pub(super) fn still_open(mut self) -> Option<Self> {
        loop {
            match self.output.next().now_or_never() {
                None => return Some(self),
                Some(Some(Ok((LogStream::Stdout, bytes)))) => self.heard.extend_from_slice(&bytes),
                Some(Some(Ok((LogStream::Stderr, _)))) => {}
                Some(Some(Err(_)) | None) => return None,
            }
        }
    }

    /// Waits for an answer that begins with `word`; answers to somebody else are passed over.
    pub(super) async fn hear_of(&mut self, word: &str) -> Option<()> {
        while !self.hear().await?.starts_with(word) {}
        Some(())
    }
}
