//! The engine's refusals in the door's words: status and message in, [`EngineError`] out.

use bollard::errors::Error;

use crate::engine::EngineError;

/// What a call was about: for the words of its error.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// The call, as `create container`.
    pub call: &'static str,
    /// `container`, `image`, `network`, `volume`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

impl Subject {
    pub(super) fn new(call: &'static str, kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            call,
            kind,
            name: name.into(),
        }
    }
}

/// Translates an error of a call about `subject`.
pub(super) fn engine_error(subject: &Subject, error: Error) -> EngineError {
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => refusal(subject, status_code, &message),
        Error::DockerStreamError { error } => refusal(subject, 500, &error),
        Error::SocketNotFoundError(path) => EngineError::Unreachable {
            address: format!("unix://{path}"),
            reason: "there is no such socket".to_owned(),
        },
        Error::RequestTimeoutError => EngineError::Silent {
            call: subject.call,
            limit: std::time::Duration::from_hours(1),
        },
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => EngineError::Refused {
            call: subject.call,
            reason: "its answer can't be understood".to_owned(),
        },
        Error::UnsupportedURISchemeError { uri } => EngineError::Unsupported {
            what: format!("be reached at `{uri}` from this system"),
        },
        other => EngineError::Unreachable {
            address: String::new(),
            reason: root_cause(&other),
        },
    }
}

/// The innermost cause, which alone tells `permission denied` from `connection refused`.
fn root_cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text.to_lowercase(),
    }
}

fn refusal(subject: &Subject, status: u16, message: &str) -> EngineError {
    let message = message.trim();
    if message.contains("no space left on device") {
        return EngineError::DiskFull;
    }
    if message.contains("Pool overlaps with other one") {
        return EngineError::SubnetTaken;
    }
    if let Some(port) = taken_port(message) {
        return EngineError::PortTaken { port };
    }
    match status {
        404 => not_found(subject, message),
        409 if message.contains("already in use by container")
            || message.contains("already exists") =>
        {
            EngineError::NameTaken {
                kind: subject.kind,
                name: subject.name.clone(),
            }
        }
        409 if message.contains("in use") || message.contains("is being used") => in_use(subject),
        403 if message.contains("active endpoints") => in_use(subject),
        _ => EngineError::Refused {
            call: subject.call,
            reason: first_line(message),
        },
    }
}

fn in_use(subject: &Subject) -> EngineError {
    EngineError::InUse {
        kind: subject.kind,
        name: subject.name.clone(),
    }
}

/// A create names a missing image, network or volume in its message alone.
fn not_found(subject: &Subject, message: &str) -> EngineError {
    let after = |start: &str| message.split_once(start).map(|(_, rest)| rest.trim());
    if let Some(image) = after("No such image:") {
        return EngineError::NotFound {
            kind: "image",
            name: image.to_owned(),
        };
    }
    if subject.kind == "container"
        && let Some(network) = after("network ").and_then(|rest| rest.strip_suffix(" not found"))
    {
        return EngineError::NotFound {
            kind: "network",
            name: network.trim_matches('"').to_owned(),
        };
    }
    EngineError::NotFound {
        kind: subject.kind,
        name: subject.name.clone(),
    }
}

/// `Bind for 127.0.0.1:5432 failed: port is already allocated`, `listen tcp4 0.0.0.0:80: bind: address already in use`.
fn taken_port(message: &str) -> Option<u16> {
    let (before, _) = message
        .split_once(" failed: port is already allocated")
        .or_else(|| message.split_once(": bind: address already in use"))
        .or_else(|| message.split_once("/tcp: address already in use"))
        .or_else(|| message.split_once("/udp: address already in use"))?;
    before.rsplit(':').next()?.parse().ok()
}

/// What a registry answered, as far as the engine's words tell.
pub(super) fn pull_error(image: &str, error: EngineError) -> EngineError {
    let text = match &error {
        EngineError::Refused { reason, .. } => reason.clone(),
        EngineError::NotFound { .. } => "not found".to_owned(),
        _ => return error,
    };
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let image = image.to_owned();
    if has(&[
        "toomanyrequests",
        "HTTP 429",
        "Too Many Requests",
        "Service Unavailable",
    ]) {
        EngineError::RateLimited {
            image,
            retry_after: None,
        }
    } else if has(&[
        "unauthorized",
        "authentication required",
        "no basic auth",
        "denied: ",
        "403 Forbidden",
    ]) && !has(&["repository does not exist"])
    {
        EngineError::Unauthorized { image }
    } else if has(&[
        "not found",
        "manifest unknown",
        "does not exist",
        "no matching manifest",
    ]) {
        EngineError::ImageUnknown { image }
    } else if has(&[
        "dial tcp",
        "no such host",
        "connection refused",
        "timeout",
        "deadline exceeded",
        "x509",
        "HTTP response to HTTPS",
        "network is unreachable",
        "TLS handshake",
        "tls: ",
        "proxyconnect",
        "server misbehaving",
    ]) {
        EngineError::RegistryUnreachable {
            image,
            reason: network_words(&text),
        }
    } else if has(&[
        "EOF",
        "connection reset",
        "broken pipe",
        "short read",
        "unexpected status",
        "unexpected HTTP status",
        "filesystem layer verification failed",
        "net/http",
    ]) {
        EngineError::TransferBroken {
            image,
            reason: network_words(&text),
        }
    } else {
        error
    }
}

/// Go's chains of network errors end in what matters.
fn network_words(text: &str) -> String {
    text.rsplit(": ").next().unwrap_or(text).to_owned()
}

/// An engine's message in one line.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(call: &'static str, kind: &'static str, status: u16, message: &str) -> EngineError {
        let subject = Subject::new(call, kind, "web-1");
        let error = Error::DockerResponseServerError {
            status_code: status,
            message: message.to_owned(),
        };
        engine_error(&subject, error)
    }

    #[test]
    fn a_taken_port_is_named() {
        let allocated = "driver failed programming external connectivity on endpoint x (abc): \
                         Bind for 127.0.0.1:5432 failed: port is already allocated";
        let bound = "driver failed programming external connectivity on endpoint x (abc): \
                     Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use";
        let newer = "failed to set up container networking: failed to bind host port for \
                     0.0.0.0:443:172.17.0.2:443/tcp: address already in use";

        assert_eq!(
            told("start", "container", 500, allocated),
            EngineError::PortTaken { port: 5432 }
        );
        assert_eq!(
            told("start", "container", 500, bound),
            EngineError::PortTaken { port: 80 }
        );
        assert_eq!(
            told("start", "container", 500, newer),
            EngineError::PortTaken { port: 443 }
        );
    }

    #[test]
    fn a_taken_name_is_a_conflict() {
        let message = "Conflict. The container name \"/web-1\" is already in use by container \"abc\". \
                       You have to remove (or rename) that container to be able to reuse that name.";

        assert_eq!(
            told("create", "container", 409, message),
            EngineError::NameTaken {
                kind: "container",
                name: "web-1".into()
            }
        );
    }

    #[test]
    fn a_create_that_lacks_its_image_or_network_says_which() {
        assert_eq!(
            told("create", "container", 404, "No such image: nope:1"),
            EngineError::NotFound {
                kind: "image",
                name: "nope:1".into()
            }
        );
        assert_eq!(
            told("start", "container", 404, "network shop_default not found"),
            EngineError::NotFound {
                kind: "network",
                name: "shop_default".into()
            }
        );
        assert_eq!(
            told("inspect", "container", 404, "No such container: web-1"),
            EngineError::NotFound {
                kind: "container",
                name: "web-1".into()
            }
        );
    }

    #[test]
    fn a_full_disk_is_told_whatever_the_status() {
        let message = "write /var/lib/docker/tmp/x: no space left on device";

        assert_eq!(
            told("create", "container", 500, message),
            EngineError::DiskFull
        );
    }

    #[test]
    fn a_registrys_answers_are_told_apart() {
        let told = |reason: &str| {
            pull_error(
                "a:1",
                EngineError::Refused {
                    call: "pull",
                    reason: reason.to_owned(),
                },
            )
        };
        let image = || "a:1".to_owned();

        assert_eq!(
            told("toomanyrequests: You have reached your pull rate limit."),
            EngineError::RateLimited {
                image: image(),
                retry_after: None
            }
        );
        assert_eq!(
            told("received unexpected HTTP status: 503 Service Unavailable"),
            EngineError::RateLimited {
                image: image(),
                retry_after: None
            }
        );
        assert_eq!(
            told(
                "Get \"http://127.0.0.1:50429/v2/\": dial tcp 127.0.0.1:50429: connect: connection refused"
            ),
            EngineError::RegistryUnreachable {
                image: image(),
                reason: "connection refused".into()
            },
            "a port is no status"
        );
        assert_eq!(
            told("Head \"http://127.0.0.1:5000/v2/a/manifests/1\": no basic auth credentials"),
            EngineError::Unauthorized { image: image() }
        );
        assert_eq!(
            told("manifest for a:1 not found: manifest unknown: manifest unknown"),
            EngineError::ImageUnknown { image: image() }
        );
        assert_eq!(
            told(
                "pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
            ),
            EngineError::ImageUnknown { image: image() }
        );
        assert_eq!(
            told(
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host"
            ),
            EngineError::RegistryUnreachable {
                image: image(),
                reason: "no such host".into()
            }
        );
    }
}
