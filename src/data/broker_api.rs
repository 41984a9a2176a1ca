//! The broker's management API (<https://rawcdn.githack.com/rabbitmq/rabbitmq-server/v3.12.0/deps/rabbitmq_management/priv/www/api/index.html>).

use std::path::Path;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::{DataContext, DataError};
use crate::domain::{AmqpLogin, Service};

const PORT: u16 = 15672;

/// What is asked for, of one broker.
pub(super) struct BrokerApi<'a> {
    context: &'a DataContext,
    service: &'a Service,
    /// Who asks.
    pub(super) login: AmqpLogin,
}

impl<'a> BrokerApi<'a> {
    /// The API of `service`, asked as its own user.
    pub(super) fn of(context: &'a DataContext, service: &'a Service) -> Self {
        let login = AmqpLogin::of(service, &|path: &Path| std::fs::read_to_string(path).ok());
        Self {
            context,
            service,
            login,
        }
    }

    /// What stands at `path`; `None` where nothing does.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>, DataError> {
        match self.ask(Method::GET, path, None).await? {
            (404, _) => Ok(None),
            (status, body) if status < 400 => Ok(serde_json::from_slice(&body).ok()),
            (status, body) => Err(self.refused("asking what it has", &reason(status, &body))),
        }
    }

    /// Sends a value; what the broker says where it refuses.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        value: Option<&Value>,
    ) -> Result<Result<(), String>, DataError> {
        let (status, body) = self.ask(method, path, value).await?;
        Ok(if status < 400 {
            Ok(())
        } else {
            Err(reason(status, &body))
        })
    }

    /// A failure of the broker.
    pub(super) fn refused(&self, doing: &'static str, reason: &str) -> DataError {
        DataError::Store {
            service: self.service.name.clone(),
            doing,
            reason: reason.to_owned(),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        value: Option<&Value>,
    ) -> Result<(u16, Bytes), DataError> {
        let stream = self.context.dial(self.service, PORT).await;
        let stream = stream.map_err(|error| match error {
            DataError::Login { service, reason } => DataError::Login {
                service,
                reason: format!("its management API on port {PORT} gives no answer: {reason}"),
            },
            other => other,
        })?;
        let failed = |error: &dyn std::fmt::Display| {
            self.refused("talking to its management API", &error.to_string())
        };
        let session = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = session.map_err(|error| failed(&error))?;
        let login = format!("{}:{}", self.login.user, self.login.password.expose());
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let body = value.map_or_else(Bytes::new, |value| value.to_string().into());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/json")
            .header("connection", "close")
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
        };
        // The connection has to be driven while the exchange waits on it; its own end tells nothing more.
        let (exchanged, _) = tokio::join!(exchange, connection);
        exchanged.map_err(|error| failed(&error))
    }
}

/// `{"error":"bad_request","reason":"…"}` in few words.
fn reason(status: u16, body: &[u8]) -> String {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    match (&told["reason"], &told["error"]) {
        (Value::String(reason), _) | (_, Value::String(reason)) => reason.trim().to_owned(),
        (Value::Null, Value::Null) => format!("it answered with HTTP {status}"),
        (reason, _) => reason.to_string(),
    }
}
