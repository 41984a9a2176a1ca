//! Commands run inside containers.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::EngineError;
use crate::domain::Environment;
use crate::event::LogStream;

/// Whether a command gets a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExecTerminal {
    /// Plain streams.
    #[default]
    None,
    /// A terminal of this size.
    Sized {
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecRequest {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Environment variables besides the container's.
    pub environment: Environment,
    /// The user; `None` for the container's.
    pub user: Option<String>,
    /// The working directory; `None` for the container's.
    pub working_dir: Option<String>,
    /// Whether it has all capabilities.
    pub privileged: bool,
    /// Whether it gets a terminal.
    pub terminal: ExecTerminal,
    /// What it reads: given whole to `execute`; `open_exec` attaches stdin always.
    pub stdin: Option<Bytes>,
}

/// A command that ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Executed {
    /// Its exit code.
    pub code: i64,
    /// Its standard output's last MiB.
    pub stdout: Vec<u8>,
    /// Its standard error's last MiB.
    pub stderr: Vec<u8>,
}

/// Changes a terminal's size.
pub type Resize =
    Box<dyn Fn(u16, u16) -> BoxFuture<'static, Result<(), EngineError>> + Send + Sync>;

/// A command with its streams attached.
pub struct ExecSession {
    /// What it writes, as it comes.
    pub output: BoxStream<'static, Result<(LogStream, Bytes), EngineError>>,
    /// What it reads.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Changes the terminal's size to (rows, columns).
    pub resize: Resize,
    /// Its exit code, once the output has ended.
    pub exit: BoxFuture<'static, Result<i64, EngineError>>,
}
