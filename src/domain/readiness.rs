//! How a service is asked whether it is ready.

use std::fmt;

/// The readiness probe of a service, in its own protocol.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Readiness {
    /// A login over TCP as the service's own user to its own database (port 5432).
    Postgres,
    /// AUTH where a password is set, PING, and not `loading` (port 6379).
    Redis,
    /// An AMQP 0-9-1 handshake and the opening of the virtual host (port 5672).
    Amqp,
    /// A GET that answers with a status below 400.
    Http {
        /// The path, with its leading slash.
        path: String,
        /// The container's port; `None` for the first published or exposed one.
        port: Option<u16>,
    },
    /// A TCP connect straight to the container, never through the engine's proxy alone.
    Tcp {
        /// The container's port; `None` for the first published or exposed one.
        port: Option<u16>,
    },
    /// A line of the log that matches this regular expression.
    Log {
        /// The expression.
        pattern: String,
    },
    /// The Compose `healthcheck`, run by the tool itself while the service starts.
    Healthcheck,
    /// Running is enough.
    #[default]
    Started,
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres => f.write_str("postgres"),
            Self::Redis => f.write_str("redis"),
            Self::Amqp => f.write_str("amqp"),
            Self::Http { path, port: None } => write!(f, "http {path}"),
            Self::Http {
                path,
                port: Some(port),
            } => write!(f, "http :{port}{path}"),
            Self::Tcp { port: None } => f.write_str("tcp"),
            Self::Tcp { port: Some(port) } => write!(f, "tcp :{port}"),
            Self::Log { pattern } => write!(f, "log {pattern}"),
            Self::Healthcheck => f.write_str("healthcheck"),
            Self::Started => f.write_str("started"),
        }
    }
}
