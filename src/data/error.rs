//! What can go wrong with migrations and seeds.

use std::path::PathBuf;

use crate::domain::{Failure, FailureKind, ServiceName};
use crate::engine::EngineError;

/// A failure of the work on data. Nothing half-done is left behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The service that is needed doesn't run.
    #[error("`{service}` doesn't run")]
    NotRunning {
        /// The service.
        service: ServiceName,
    },
    /// The database can't be logged in to.
    #[error("cannot log in to `{service}`: {reason}")]
    Login {
        /// The service.
        service: ServiceName,
        /// Why, in words.
        reason: String,
    },
    /// The database refuses one of the tool's own statements, or went away.
    #[error("the database failed while {doing}: {reason}")]
    Database {
        /// What was done, as `reading the ledger`.
        doing: &'static str,
        /// Why, in the database's words.
        reason: String,
    },
    /// A store refuses what the tool asks of it, or went away.
    #[error("`{service}` failed while {doing}: {reason}")]
    Store {
        /// The service.
        service: ServiceName,
        /// What was done, as `applying seeds`.
        doing: &'static str,
        /// Why, in the store's words.
        reason: String,
    },
    /// A service's own command failed.
    #[error("{what} of `{service}` failed: `{command}` ended with exit code {code}")]
    Command {
        /// `the migration`, `the seed command`.
        what: &'static str,
        /// The service.
        service: ServiceName,
        /// The command as it was typed.
        command: String,
        /// Its exit code.
        code: i64,
        /// The last lines that it wrote.
        output: Vec<String>,
    },
    /// A file of SQL or rows failed.
    #[error("`{file}` failed at line {line}, column {column}: {reason}")]
    File {
        /// The file, relative to the project.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// Why, in the database's words.
        reason: String,
        /// The place in the file, the database's detail and hint.
        details: Vec<String>,
        /// What to do about it, where the tool knows better.
        hint: Option<String>,
    },
    /// A file can't be read, or isn't what it should be.
    #[error("cannot use `{}`: {reason}", .path.display())]
    Input {
        /// The file or directory.
        path: PathBuf,
        /// Why, in words.
        reason: String,
    },
    /// A note of the tool's own beside data can't be read.
    #[error("cannot use `{}`: {reason}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why, in words.
        reason: String,
        /// What to do, the likeliest first.
        hints: Vec<String>,
    },
    /// The stack has no database.
    #[error("the stack has no database")]
    NoDatabase,
    /// The names of a directory's migrations leave their order open.
    #[error("cannot use `{}`: {reason}", .directory.display())]
    Order {
        /// The directory.
        directory: PathBuf,
        /// Why, in words.
        reason: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A migration was changed after it was applied.
    #[error("`{file}` was changed after it was applied")]
    Changed {
        /// The file, relative to the project.
        file: String,
        /// What changed.
        details: Vec<String>,
    },
    /// The database can't be brought to where it was asked to be.
    #[error("{reason}")]
    Target {
        /// Why, in words.
        reason: String,
        /// What to do instead.
        hint: String,
    },
    /// The live database isn't what its migrations make.
    #[error("the database `{database}` differs from what its migrations make")]
    Drifted {
        /// The live database.
        database: String,
        /// `-` is what the migrations make, `+` what the database has.
        details: Vec<String>,
    },
    /// A database takes no sessions at the moment.
    #[error("the database `{database}` is closed by another run")]
    Closed {
        /// The database.
        database: String,
    },
    /// A snapshot's name is taken, unknown or impossible.
    #[error("the snapshot `{name}` {reason}")]
    Snapshot {
        /// Its name.
        name: String,
        /// A phrase that follows the name.
        reason: String,
    },
    /// A disk is full, this machine's or the engine's.
    #[error("no space left on the disk for a copy of the volumes")]
    NoSpace,
    /// A bucket's server refuses or can't be reached.
    #[error("`{address}` can't be {doing}: {reason}")]
    Bucket {
        /// `s3://bucket/prefix`.
        address: String,
        /// `listed`, `read`, `written to`.
        doing: &'static str,
        /// Why, in words.
        reason: String,
        /// What to do about it, where the tool knows.
        hint: Option<&'static str>,
    },
    /// Nobody says who asks for a bucket.
    #[error(
        "no access key for the bucket: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor the profile `{profile}` has one"
    )]
    NoBucketAccess {
        /// The profile that was looked for.
        profile: String,
    },
    /// A service's migration can't be pointed at another database.
    #[error("the migration of `{service}` made no table in the database that it was given")]
    Unsteerable {
        /// The service.
        service: ServiceName,
    },
    /// The engine refuses.
    #[error("{0}")]
    Engine(#[from] EngineError),
}

impl DataError {
    /// A fault of the database while the tool does something of its own.
    pub(super) fn database(doing: &'static str, error: &tokio_postgres::Error) -> Self {
        let reason = in_words(error);
        Self::Database { doing, reason }
    }
}

/// A database's error in few words.
pub(super) fn in_words(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    if let Some(refusal) = error.as_db_error() {
        return refusal.message().to_owned();
    }
    if error.is_closed() {
        return "the connection was closed".to_owned();
    }
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let failure = Self::new(FailureKind::Data, error.to_string());
        match error {
            DataError::NotRunning { service } => {
                failure.hint(format!("start it with `jobsprint-dev up {service}`"))
            }
            DataError::Login { service, .. } | DataError::Store { service, .. } => {
                failure.hint(format!("see `jobsprint-dev logs {service}`"))
            }
            DataError::Database { .. } => failure.hint("see `jobsprint-dev status`"),
            DataError::Command {
                service,
                command,
                output,
                ..
            } => failure.details(output).hint(format!(
                "mend it and run it again, or try it by hand: `jobsprint-dev exec {service} -- {command}`"
            )),
            DataError::File { details, hint, .. } => {
                let hint = hint.unwrap_or_else(|| {
                    "nothing of this file was kept; mend it and run the same again".to_owned()
                });
                failure.details(details).hint(hint)
            }
            DataError::Input { path, .. } => failure.hint(format!("look at it: `ls -ld {}`", path.display())),
            DataError::Record { hints, .. } => hints.into_iter().fold(failure, Self::hint),
            DataError::NoDatabase => {
                failure.hint("mark its service with `x-jobsprint: { ready: postgres }`")
            }
            DataError::Order { hint, .. } => failure.hint(hint),
            DataError::Changed { details, .. } => failure
                .details(details)
                .hint("put it back, and write what is new into a file of its own: `jobsprint-dev migrate new NAME`")
                .hint("or undo it, where nobody else has it yet: `jobsprint-dev migrate down`"),
            DataError::Target { hint, .. } => failure.hint(hint),
            DataError::Drifted { details, .. } => failure
                .details(details)
                .hint("`-` is what the migrations make, `+` what the database has; `jobsprint-dev reset` makes it theirs"),
            DataError::Closed { .. } => failure.hint("run it again"),
            DataError::Snapshot { .. } => failure.hint("see `jobsprint-dev snapshot list`"),
            DataError::NoSpace => {
                failure.hint("make room: `jobsprint-dev snapshot list`, `jobsprint-dev snapshot delete NAME`")
            }
            DataError::Bucket { hint, .. } => match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            },
            DataError::NoBucketAccess { .. } => failure
                .hint("set both in the environment, or name a profile of `~/.aws/credentials` in AWS_PROFILE"),
            DataError::Unsteerable { service } => failure.hint(format!(
                "let `{service}` take its database from DATABASE_URL or PGDATABASE, or start afresh with `jobsprint-dev down --volumes`"
            )),
            DataError::Engine(_) => Self {
                kind: FailureKind::Engine,
                ..failure
            },
        }
    }
}
