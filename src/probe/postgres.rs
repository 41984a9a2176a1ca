//! Asks postgres by a login over TCP as the application's own role to its own database.
//!
//! The official image initialises through a temporary server that listens on its unix socket only, so it never answers here.

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::Answer;
use crate::domain::PostgresLogin;
use crate::engine::{Route, dial, in_words};

/// Logs in and runs one statement.
pub(super) async fn ask(ways: &[Route], login: &PostgresLogin) -> Answer {
    let stream = match dial(ways).await {
        Ok((stream, _)) => stream,
        Err(reason) => return Answer::NotYet(format!("postgres: {reason}")),
    };
    let mut config = Config::new();
    config
        .user(&login.user)
        .dbname(&login.database)
        .application_name("jobsprint-dev probe");
    if let Some(password) = &login.password {
        config.password(password.expose());
    }
    let (client, connection) = match config.connect_raw(stream, NoTls).await {
        Ok(session) => session,
        Err(error) => return judge(&error),
    };
    let asked = tokio::select! {
        answer = client.simple_query("SELECT 1") => answer.map(drop),
        ended = connection => ended,
    };
    match asked {
        Ok(()) => Answer::Ready,
        Err(error) => judge(&error),
    }
}

fn judge(error: &tokio_postgres::Error) -> Answer {
    let Some(refusal) = error.as_db_error() else {
        return Answer::NotYet(format!("postgres: {}", cause(error)));
    };
    let reason = format!("postgres: {}", refusal.message());
    let is_lasting = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    ]
    .contains(refusal.code());
    if is_lasting {
        Answer::Impossible(reason)
    } else if *refusal.code() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE {
        // The server is up and knows the login; a run that was cut off left the database closed, and work on data opens it.
        Answer::Ready
    } else {
        Answer::NotYet(reason)
    }
}

fn cause(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => source
            .downcast_ref::<std::io::Error>()
            .map_or_else(|| source.to_string(), in_words),
        None if error.is_closed() => "connection closed before an answer".to_owned(),
        None => error.to_string(),
    }
}
