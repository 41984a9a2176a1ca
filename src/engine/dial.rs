//! Opens a connection to a container by the best way that works, and says in words why none does.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Route;

/// A container's own network answers within microseconds; silence means that there is no way.
const LONGEST: Duration = Duration::from_millis(700);

/// Connects by the first of `ways` that leads anywhere.
///
/// A refusal is an answer and ends the search: the next way would lead to the same container.
///
/// # Errors
/// The reason in words.
pub async fn dial(ways: &[Route]) -> Result<(TcpStream, &Route), String> {
    let mut reason = "no address".to_owned();
    for way in ways {
        match timeout(LONGEST, connect(way)).await {
            Ok(Ok(stream)) => return Ok((stream, way)),
            Ok(Err(error)) => {
                reason = in_words(&error);
                if leads_somewhere(&error) {
                    break;
                }
            }
            Err(_) => reason = format!("no answer from {way}"),
        }
    }
    Err(reason)
}

async fn connect(way: &Route) -> std::io::Result<TcpStream> {
    let stream = match way {
        Route::Direct(address) => TcpStream::connect(address).await?,
        Route::Published { host, port } => TcpStream::connect((host.as_str(), *port)).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn leads_somewhere(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// A network error in few words.
#[must_use]
pub fn in_words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            "connection reset".to_owned()
        }
        ErrorKind::UnexpectedEof => "connection closed before an answer".to_owned(),
        ErrorKind::TimedOut => "no answer".to_owned(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "its address can't be reached".to_owned()
        }
        _ => error.to_string(),
    }
}
