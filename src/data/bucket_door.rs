//! One call of a bucket's server: signed by its URL, bounded in time, tried again where that may help.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{sleep, timeout};

/// How long a server may take for an answer's head: a part of an upload goes through a slow line in that time.
const ANSWER: Duration = Duration::from_mins(5);
/// How long nothing may come of an answer's body.
const QUIET: Duration = Duration::from_mins(1);
/// How often a call is tried, and how long the first wait between two is.
const TRIES: u32 = 4;
const WAIT: Duration = Duration::from_millis(200);
/// A list, a manifest and an error are shorter.
const LONGEST_TEXT: usize = 16 * 1024 * 1024;

/// The way to one server.
pub(super) struct Door(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why a call came to nothing: words without the URL, which carries the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The server's own code, as `NoSuchBucket`, where it answered with one.
    pub code: Option<String>,
    /// In words.
    pub reason: String,
}

impl Door {
    /// Opens it, trusting what the machine trusts.
    pub(super) fn open() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Calls, and gives an answer that says yes.
    pub(super) async fn call(
        &self,
        method: &Method,
        url: &str,
        body: &Bytes,
    ) -> Result<Response<Incoming>, Refused> {
        let mut tried = 1;
        loop {
            let (refused, may_pass) = match self.once(method, url, body).await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => {
                    let status = answer.status();
                    let may_pass = status.is_server_error()
                        || status == StatusCode::TOO_MANY_REQUESTS
                        || status == StatusCode::REQUEST_TIMEOUT;
                    let body = text(answer).await.unwrap_or_default();
                    (Refused::by(status, &body), may_pass)
                }
                Err(reason) => (Refused { code: None, reason }, true),
            };
            if !may_pass || tried == TRIES {
                return Err(refused);
            }
            sleep(WAIT * 2_u32.pow(tried)).await;
            tried += 1;
        }
    }

    async fn once(
        &self,
        method: &Method,
        url: &str,
        body: &Bytes,
    ) -> Result<Response<Incoming>, String> {
        let request = Request::builder().method(method).uri(url);
        let request = request.body(Full::new(body.clone()));
        let request = request.map_err(|_| "its address is impossible".to_owned())?;
        match timeout(ANSWER, self.0.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let mut cause: &dyn Error = &error;
                while let Some(deeper) = cause.source() {
                    cause = deeper;
                }
                Err(cause.to_string())
            }
            Err(_) => Err("it doesn't answer".to_owned()),
        }
    }
}

/// The text of an answer.
pub(super) async fn text(answer: Response<Incoming>) -> Result<String, String> {
    let body = Limited::new(answer.into_body(), LONGEST_TEXT).collect();
    let whole = timeout(QUIET, body).await.map_err(|_| SILENT.to_owned())?;
    let whole = whole.map_err(|error| error.to_string())?.to_bytes();
    Ok(String::from_utf8_lossy(&whole).into_owned())
}

/// The next piece of an answer; `None` at its end.
pub(super) async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, String> {
    loop {
        let frame = timeout(QUIET, body.frame()).await;
        match frame.map_err(|_| SILENT.to_owned())? {
            None => return Ok(None),
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

const SILENT: &str = "it fell silent";

impl Refused {
    /// From an answer that says no.
    pub(super) fn by(status: StatusCode, body: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            let (text, _) = rest.split_once(&format!("</{name}>"))?;
            let plain = text.chars().filter(|c| !c.is_control());
            Some(plain.take(300).collect::<String>())
        };
        let code = element("Code");
        let reason = match (&code, element("Message")) {
            (Some(code), Some(message)) => format!("{message} ({code})"),
            (Some(code), None) => code.clone(),
            _ => format!("it answers {status}"),
        };
        Self { code, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_servers_words_and_nothing_else_of_its_answer() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature\u{1b}[31m differs.</Message>\
            <StringToSign>AWS4…</StringToSign></Error>";

        let refused = Refused::by(StatusCode::FORBIDDEN, body);

        assert_eq!(
            refused.reason,
            "The signature[31m differs. (SignatureDoesNotMatch)"
        );
        assert_eq!(
            Refused::by(StatusCode::BAD_GATEWAY, "<html>").reason,
            "it answers 502 Bad Gateway"
        );
    }
}
