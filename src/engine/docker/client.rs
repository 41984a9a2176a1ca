//! The connection: where it goes, which API version was agreed on, and how long a call may take.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};

use super::fault::{Subject, engine_error};
use super::inside;
use crate::engine::{Address, EngineError, EngineFacts};

/// The newest API that this code was written against; newer engines still serve it.
const NEWEST: Api = Api(1, 51);
/// The first API with BuildKit.
const BUILDKIT: Api = Api(1, 39);
/// bollard's own limit covers only response headers, and a build or an import may think for long: ours stand around each call.
const HEADERS: u64 = 3600;
/// How long a call may take that only asks.
pub(super) const ASK: Duration = Duration::from_secs(15);
/// How long a call may take that changes a record.
pub(super) const SHORT: Duration = Duration::from_mins(1);
/// How long a call may take that makes the engine work: start, create with volumes, remove.
pub(super) const LONG: Duration = Duration::from_mins(3);

/// A version of the engine's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Api(pub u32, pub u32);

/// Which of an engine's builders is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builder {
    /// BuildKit: parallel stages, cache mounts.
    BuildKit,
    /// The engine's first builder, and Podman's only one.
    Classic,
}

/// A Docker-compatible engine behind an address.
#[derive(Clone)]
pub struct DockerEngine {
    pub(super) docker: Docker,
    pub(super) address: Address,
    pub(super) api: Api,
    pub(super) builder: Builder,
    pub(super) facts: EngineFacts,
}

impl DockerEngine {
    /// Connects and agrees on an API version within `limit`.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] where nothing listens, [`EngineError::Silent`] where nobody answers in time.
    pub async fn connect(address: Address, limit: Duration) -> Result<Self, EngineError> {
        let agreed: Arc<OnceLock<String>> = Arc::default();
        let prefix = Arc::clone(&agreed);
        let subject = Subject::new("connect", "engine", address.to_string());
        let docker = dial(&address)
            .map_err(|error| engine_error(&subject, error))?
            .with_request_modifier(move |request| versioned(request, prefix.get()));

        let answer = tokio::time::timeout(limit, docker.version()).await;
        let version = answer
            .map_err(|_| EngineError::Silent {
                call: "version",
                limit,
            })?
            .map_err(|error| unreachable_unless_refused(&address, engine_error(&subject, error)))?;

        let served = version
            .api_version
            .as_deref()
            .and_then(parse_api)
            .unwrap_or(Api(1, 41));
        let api = served.min(NEWEST);
        agreed.get_or_init(|| format!("/v{}.{}", api.0, api.1));
        let gateway = match &address {
            Address::Unix(_) => inside::gateway(&docker).await,
            _ => None,
        };
        let facts = EngineFacts {
            version: version.version.clone().unwrap_or_default(),
            api: (api.0, api.1),
            platform: format!(
                "{}/{}",
                version.os.as_deref().unwrap_or("linux"),
                version.arch.as_deref().unwrap_or("amd64")
            ),
            address: address.to_string(),
            routable: gateway.is_none() && is_routable(&address, &version),
            gateway,
        };
        let is_podman = version
            .components
            .iter()
            .flatten()
            .any(|component| component.name.starts_with("Podman"));
        Ok(Self {
            docker,
            address,
            api,
            builder: if is_podman || api < BUILDKIT {
                Builder::Classic
            } else {
                Builder::BuildKit
            },
            facts,
        })
    }

    /// Awaits one call of the engine, for at most `limit`.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        subject: &Subject,
        call: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(limit, call).await {
            Ok(answer) => answer.map_err(|error| self.explain(subject, error)),
            Err(_) => Err(EngineError::Silent {
                call: subject.call,
                limit,
            }),
        }
    }

    /// The error in the door's words, with this engine's address.
    pub(super) fn explain(&self, subject: &Subject, error: bollard::errors::Error) -> EngineError {
        match engine_error(subject, error) {
            EngineError::Unreachable { reason, .. } => EngineError::Unreachable {
                address: self.address.to_string(),
                reason,
            },
            other => other,
        }
    }
}

fn dial(address: &Address) -> Result<Docker, bollard::errors::Error> {
    match address {
        Address::Unix(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), HEADERS, API_DEFAULT_VERSION)
        }
        #[cfg(windows)]
        Address::Pipe(name) => Docker::connect_with_named_pipe(name, HEADERS, API_DEFAULT_VERSION),
        #[cfg(not(windows))]
        Address::Pipe(name) => Err(bollard::errors::Error::UnsupportedURISchemeError {
            uri: format!("npipe://{name}"),
        }),
        Address::Tcp(host) => {
            Docker::connect_with_http(&format!("tcp://{host}"), HEADERS, API_DEFAULT_VERSION)
        }
        Address::Tls { host, certificates } => Docker::connect_with_ssl(
            &format!("tcp://{host}"),
            &certificates.join("key.pem"),
            &certificates.join("cert.pem"),
            &certificates.join("ca.pem"),
            HEADERS,
            API_DEFAULT_VERSION,
        ),
        Address::Ssh(host) => {
            Docker::connect_with_ssh(&format!("ssh://{host}"), HEADERS, API_DEFAULT_VERSION, None)
        }
    }
}

/// bollard negotiates a version and then never sends it, writes registry logins in the wrong base64 alphabet, and can't repeat a query key: mended here, on the way out.
fn versioned(mut request: BollardRequest, prefix: Option<&String>) -> BollardRequest {
    if let Some(login) = request.headers().get("X-Registry-Auth") {
        let url_safe = login
            .to_str()
            .map(|text| text.replace('+', "-").replace('/', "_"));
        if let Ok(value) = url_safe.unwrap_or_default().parse() {
            request.headers_mut().insert("X-Registry-Auth", value);
        }
    }
    let Some(prefix) = prefix else {
        return request;
    };
    let Some(path) = request.uri().path_and_query() else {
        return request;
    };
    let path = format!("{prefix}{}", with_repeated_hosts(path.as_str()));
    let mut parts = request.uri().clone().into_parts();
    if let Ok(path) = path.parse() {
        parts.path_and_query = Some(path);
    }
    if let Ok(uri) = hyper::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// A build's extra hosts arrive as one value with a host a line; the engine wants the key once a host.
fn with_repeated_hosts(path: &str) -> String {
    let pieces: Vec<_> = path
        .split('&')
        .map(|piece| {
            if piece.contains("extrahosts=") {
                piece.replace("%0A", "&extrahosts=")
            } else {
                piece.to_owned()
            }
        })
        .collect();
    pieces.join("&")
}

fn parse_api(text: &str) -> Option<Api> {
    let (major, minor) = text.split_once('.')?;
    Some(Api(major.parse().ok()?, minor.parse().ok()?))
}

fn unreachable_unless_refused(address: &Address, error: EngineError) -> EngineError {
    match error {
        EngineError::Unreachable { reason, .. } => EngineError::Unreachable {
            address: address.to_string(),
            reason,
        },
        other => other,
    }
}

/// Containers' addresses are reachable from here when the engine shares this kernel and runs as root: not Docker Desktop, not rootless, not remote.
fn is_routable(address: &Address, version: &bollard::models::SystemVersion) -> bool {
    let Address::Unix(path) = address else {
        return false;
    };
    let same_kernel = version.kernel_version.as_deref().is_some_and(|kernel| {
        std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .is_ok_and(|ours| ours.trim() == kernel)
    });
    let rootless = path.starts_with("/run/user")
        || version
            .components
            .iter()
            .flatten()
            .any(|component| component.name == "rootlesskit");
    same_kernel && !rootless
}
