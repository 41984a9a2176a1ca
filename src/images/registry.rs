//! What is known of the registries in this run: one that can't be reached is found out once, not once per image.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::RETRY_AFTER;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

use crate::domain::ImageRef;

/// How long a connection from here may take; it only shortens the wait for the engine's own word.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a registry is given up for: a laptop may come back to its network while `watch` runs.
const GIVEN_UP: Duration = Duration::from_mins(1);

/// All registries of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Registries {
    by_host: Arc<Mutex<BTreeMap<String, Arc<Registry>>>>,
}

/// One registry.
#[derive(Debug)]
pub(super) struct Registry {
    host: String,
    given_up: watch::Sender<Option<GivenUp>>,
    answers_here: OnceCell<bool>,
}

/// Why a registry was given up, and when.
#[derive(Debug, Clone)]
struct GivenUp {
    reason: String,
    at: Instant,
}

/// Whether giving a registry up told anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was thought reachable.
    News,
    /// It had been given up a moment ago.
    Known,
}

impl Registries {
    /// The registry at `host`.
    pub(super) fn at(&self, host: &str) -> Arc<Registry> {
        let mut by_host = self.by_host.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = by_host.entry(host.to_owned()).or_insert_with(|| {
            Arc::new(Registry {
                host: host.to_owned(),
                given_up: watch::Sender::new(None),
                answers_here: OnceCell::new(),
            })
        });
        Arc::clone(registry)
    }
}

impl Registry {
    /// Why it was given up a moment ago, if it was.
    pub(super) fn verdict(&self) -> Option<String> {
        let verdict = self.given_up.borrow();
        let verdict = verdict
            .as_ref()
            .filter(|verdict| verdict.at.elapsed() < GIVEN_UP);
        verdict.map(|verdict| verdict.reason.clone())
    }

    /// Gives it up for all who ask, and all who wait.
    pub(super) fn give_up(&self, reason: &str) -> Verdict {
        let before = self.given_up.send_replace(Some(GivenUp {
            reason: reason.to_owned(),
            at: Instant::now(),
        }));
        match before {
            Some(before) if before.at.elapsed() < GIVEN_UP => Verdict::Known,
            _ => Verdict::News,
        }
    }

    /// Waits until somebody gives it up.
    pub(super) async fn given_up(&self) -> String {
        let mut verdicts = self.given_up.subscribe();
        verdicts.mark_unchanged();
        loop {
            if verdicts.changed().await.is_err() {
                return std::future::pending().await;
            }
            if let Some(reason) = self.verdict() {
                return reason;
            }
        }
    }

    /// Whether it takes connections from this machine; asked once.
    pub(super) async fn answers_here(&self) -> bool {
        *self
            .answers_here
            .get_or_init(|| async {
                let address = address(&self.host);
                let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address));
                matches!(connected.await, Ok(Ok(_)))
            })
            .await
    }

    /// How long it asks to wait before the next pull of `image`: the engine's message leaves that out.
    pub(super) async fn retry_after(&self, image: &ImageRef) -> Option<Duration> {
        tokio::time::timeout(CONNECT, ask(&self.host, image))
            .await
            .ok()?
    }
}

/// Host and port of a registry's API.
fn address(host: &str) -> String {
    match host {
        "docker.io" => "registry-1.docker.io:443".to_owned(),
        host if host.contains(':') => host.to_owned(),
        host => format!("{host}:443"),
    }
}

async fn ask(host: &str, image: &ImageRef) -> Option<Duration> {
    let scheme = if is_plain(host) { "http" } else { "https" };
    let path = manifest(image)?;
    let uri: hyper::Uri = format!("{scheme}://{}{path}", address(host)).parse().ok()?;
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_native_roots()
        .ok()?
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let request = hyper::Request::head(uri).body(Empty::new()).ok()?;
    let answer = client.request(request).await.ok()?;
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// The engine, too, speaks plain HTTP to registries on loopback.
fn is_plain(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.starts_with("127.")
}

/// The path of an image's manifest in the registry's API.
fn manifest(image: &ImageRef) -> Option<String> {
    let text = image.as_str();
    let path = match image.registry() {
        "docker.io" => text.strip_prefix("docker.io/").unwrap_or(text),
        host => text.strip_prefix(host)?.strip_prefix('/')?,
    };
    let (name, reference) = path.split_once('@').or_else(|| path.rsplit_once(':'))?;
    let library = if image.registry() == "docker.io" && !name.contains('/') {
        "library/"
    } else {
        ""
    };
    Some(format!("/v2/{library}{name}/manifests/{reference}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_stands_where_the_registry_api_has_it() {
        let path = |text: &str| manifest(&ImageRef::new(text));

        assert_eq!(
            path("redis:7").as_deref(),
            Some("/v2/library/redis/manifests/7")
        );
        assert_eq!(
            path("localhost:5000/a/b:1").as_deref(),
            Some("/v2/a/b/manifests/1")
        );
        assert_eq!(
            path("a/b@sha256:00").as_deref(),
            Some("/v2/a/b/manifests/sha256:00")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_one_pull_gives_up_is_given_up_for_all_for_a_while() {
        let registries = Registries::default();
        let waiting = registries.at("docker.io");
        let waits = tokio::spawn(async move { waiting.given_up().await });
        tokio::task::yield_now().await;

        let verdict = registries.at("docker.io").give_up("no such host");

        assert_eq!(verdict, Verdict::News);

        assert_eq!(waits.await.expect("told"), "no such host");
        assert_eq!(
            registries.at("docker.io").verdict().as_deref(),
            Some("no such host")
        );
        assert_eq!(registries.at("ghcr.io").verdict(), None);
        tokio::time::advance(GIVEN_UP).await;
        assert_eq!(registries.at("docker.io").verdict(), None);
    }
}
