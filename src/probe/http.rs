//! Asks by an HTTP GET; any status below 400 is a yes.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::Answer;
use crate::engine::{Route, dial, in_words};

/// So much of a refusing body is shown.
const SHOWN: usize = 120;
/// So much of a body is read.
const READ: usize = 16 * 1024;

/// Gets `path`.
pub(super) async fn ask(ways: &[Route], path: &str) -> Answer {
    let stream = match dial(ways).await {
        Ok((stream, _)) => stream,
        Err(reason) => return Answer::NotYet(format!("HTTP {path}: {reason}")),
    };
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(session) => session,
        Err(error) => return Answer::NotYet(format!("HTTP {path}: {}", cause(&error))),
    };
    let request = Request::get(path)
        .header("host", "localhost")
        .header("user-agent", "jobsprint-dev probe")
        .header("connection", "close")
        .body(Empty::<Bytes>::new());
    let Ok(request) = request else {
        return Answer::Impossible(format!("`{path}` is not a path for HTTP"));
    };
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = match Limited::new(response.into_body(), READ).collect().await {
            Ok(body) if status >= 400 => body.to_bytes(),
            _ => Bytes::new(),
        };
        Ok::<_, hyper::Error>((status, body))
    };
    // The connection has to be driven while the exchange waits on it; its own end tells nothing more.
    let (exchanged, _) = tokio::join!(exchange, connection);
    match exchanged {
        Ok((status, _)) if status < 400 => Answer::Ready,
        Ok((status, body)) => Answer::NotYet(refusal(status, path, &body)),
        Err(error) => Answer::NotYet(format!("HTTP {path}: {}", cause(&error))),
    }
}

fn refusal(status: u16, path: &str, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() || line.starts_with('<') {
        return format!("HTTP {status} from {path}");
    }
    let short: String = line.chars().take(SHOWN).collect();
    format!("HTTP {status} from {path}: {short}")
}

fn cause(error: &hyper::Error) -> String {
    use std::error::Error as _;
    if error.is_incomplete_message() || error.is_closed() {
        return "connection closed before an answer".to_owned();
    }
    if error.is_parse() {
        return "the answer is not HTTP".to_owned();
    }
    error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .map_or_else(|| error.to_string(), in_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn answer_to(response: &'static str) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ways = [Route::Direct(listener.local_addr().unwrap())];
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let count = stream.read(&mut request).await.unwrap();
            assert!(request[..count].starts_with(b"GET /ready HTTP/1.1\r\n"));
            stream.write_all(response.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(ask(&ways, "/ready"), server);
        answer
    }

    #[tokio::test]
    async fn a_redirect_is_a_yes() {
        let answer = answer_to("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(answer, Answer::Ready);
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_short_body() {
        let answer = answer_to(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 22\r\n\r\n{\"db\":\n  \"unreachable\"",
        )
        .await;
        let reason = "HTTP 503 from /ready: {\"db\": \"unreachable\"".to_owned();
        assert_eq!(answer, Answer::NotYet(reason));
    }

    #[tokio::test]
    async fn a_server_that_speaks_something_else_is_told_apart() {
        let answer = answer_to("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        let reason = "HTTP /ready: the answer is not HTTP".to_owned();
        assert_eq!(answer, Answer::NotYet(reason));
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_is_told() {
        let answer = answer_to("").await;
        let reason = "HTTP /ready: connection closed before an answer".to_owned();
        assert_eq!(answer, Answer::NotYet(reason));
    }
}
