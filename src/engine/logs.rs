//! A container's log, put together into whole lines.

use futures_util::stream::BoxStream;

use super::EngineError;
use crate::event::LogStream;

/// Which part of a log is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Go on as lines come, until the container ends.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<u64>,
    /// Only since this second of the epoch.
    pub since: Option<i64>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Which stream it came from.
    pub stream: LogStream,
    /// The engine's timestamp, RFC 3339 with nanoseconds.
    pub at: String,
    /// The text, without its end; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// Lines as they come.
pub type LogStreamReader = BoxStream<'static, Result<LogLine, EngineError>>;
