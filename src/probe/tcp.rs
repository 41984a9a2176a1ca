//! Asks whether a port is listened at; an engine's proxy that accepts for nobody doesn't count.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::Answer;
use crate::engine::{Route, dial};

/// The engine's proxy accepts at once, and closes as soon as nobody answers behind it: within a few milliseconds.
const PROXY_GIVES_UP_WITHIN: Duration = Duration::from_millis(100);

/// Connects, and where that went through a proxy, sees whether the connection lasts.
pub(super) async fn ask(ways: &[Route]) -> Answer {
    let (mut stream, way) = match dial(ways).await {
        Ok(connected) => connected,
        Err(reason) => return Answer::NotYet(format!("TCP: {reason}")),
    };
    if matches!(way, Route::Direct(_)) {
        return Answer::Ready;
    }
    let mut byte = [0];
    match timeout(PROXY_GIVES_UP_WITHIN, stream.read(&mut byte)).await {
        Ok(Ok(0) | Err(_)) => {
            Answer::NotYet("TCP: nobody listens behind the published port".to_owned())
        }
        Ok(Ok(_)) | Err(_) => Answer::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_proxy_that_accepts_and_closes_is_not_the_service() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        let ways = [Route::Published { host, port }];
        let proxy = async { drop(listener.accept().await.unwrap()) };

        let (answer, ()) = tokio::join!(ask(&ways), proxy);

        let reason = "TCP: nobody listens behind the published port".to_owned();
        assert_eq!(answer, Answer::NotYet(reason));
    }

    #[tokio::test]
    async fn a_refused_connection_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ways = [Route::Direct(listener.local_addr().unwrap())];
        drop(listener);

        let answer = ask(&ways).await;

        assert_eq!(answer, Answer::NotYet("TCP: connection refused".to_owned()));
    }
}
