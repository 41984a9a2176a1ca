//! Where an engine listens: an address as `DOCKER_HOST` writes it, read once.

use std::fmt;
use std::path::PathBuf;

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///path`.
    Unix(PathBuf),
    /// `npipe:////./pipe/name`.
    Pipe(String),
    /// `tcp://host:port` without TLS.
    Tcp(String),
    /// `tcp://host:port` or `https://host:port` with TLS; `ca.pem`, `cert.pem` and `key.pem` stand in this directory.
    Tls {
        /// Host and port.
        host: String,
        /// The certificates' directory.
        certificates: PathBuf,
    },
    /// `ssh://user@host`.
    Ssh(String),
}

/// An address that names no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no engine address: it starts with none of `unix://`, `tcp://`, `https://`, `ssh://`, `npipe://`"
)]
pub struct InvalidAddress(pub String);

impl Address {
    /// Reads `text`; `certificates` is where TLS finds its files, and its presence asks for TLS on `tcp://`.
    ///
    /// # Errors
    /// [`InvalidAddress`] where the scheme is unknown or nothing follows it.
    pub fn parse(text: &str, certificates: Option<PathBuf>) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(invalid)?;
        let rest = rest.trim_end_matches('/');
        if rest.is_empty() {
            return Err(invalid());
        }
        match (scheme, certificates) {
            ("unix", _) => Ok(Self::Unix(PathBuf::from(rest))),
            ("npipe", _) => Ok(Self::Pipe(rest.to_owned())),
            ("ssh", _) => Ok(Self::Ssh(rest.to_owned())),
            ("tcp" | "https", Some(certificates)) => Ok(Self::Tls {
                host: rest.to_owned(),
                certificates,
            }),
            ("tcp" | "http", None) => Ok(Self::Tcp(rest.to_owned())),
            _ => Err(invalid()),
        }
    }

    /// Whether the engine's files are this machine's: bind mounts and clocks are shared.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::Pipe(_))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Pipe(name) => write!(f, "npipe://{name}"),
            Self::Tcp(host) | Self::Tls { host, .. } => write!(f, "tcp://{host}"),
            Self::Ssh(host) => write!(f, "ssh://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for text in [
            "unix:///var/run/docker.sock",
            "tcp://10.0.0.2:2375",
            "ssh://dev@box",
        ] {
            let address = Address::parse(text, None).expect("a good address");

            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn certificates_make_tcp_speak_tls() {
        let address = Address::parse("tcp://box:2376", Some("/certs".into()));

        assert_eq!(
            address,
            Ok(Address::Tls {
                host: "box:2376".into(),
                certificates: "/certs".into()
            })
        );
    }

    #[test]
    fn an_address_without_a_known_scheme_is_refused() {
        for text in [
            "/var/run/docker.sock",
            "ftp://box",
            "unix://",
            "https://box",
        ] {
            assert_eq!(
                Address::parse(text, None),
                Err(InvalidAddress(text.to_owned()))
            );
        }
    }
}
