//! What the environment and Docker's own configuration say about where an engine is. Reads; connects to nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Address, InvalidAddress};

/// The environment as far as it points at an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_CERT_PATH`, where `DOCKER_TLS_VERIFY` is set.
    pub certificates: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
}

/// Who decided where the engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// `DOCKER_HOST`.
    Host,
    /// A docker context of this name.
    Context(String),
    /// Nobody: the places where engines usually listen.
    Usual,
}

/// Where to look, in order, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// Who decided.
    pub choice: Choice,
    /// The addresses to try.
    pub addresses: Vec<Address>,
}

/// A configuration that names an engine but can't be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misguided {
    /// `DOCKER_HOST` is no address.
    #[error("DOCKER_HOST: {0}")]
    Host(InvalidAddress),
    /// The docker context doesn't exist or can't be read.
    #[error("the docker context `{name}` can't be read from `{file}`")]
    Context {
        /// The context.
        name: String,
        /// The file that should describe it.
        file: PathBuf,
    },
}

impl Surroundings {
    /// Reads the variables through `lookup`.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let docker_config = set("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let certificates = set("DOCKER_TLS_VERIFY").and_then(|_| {
            set("DOCKER_CERT_PATH")
                .map(PathBuf::from)
                .or_else(|| docker_config.clone())
        });
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
            docker_config,
            certificates,
            home,
        }
    }

    /// The surroundings of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Where to look for an engine, in the order of Docker's own tools: `DOCKER_HOST`, the context, the usual places.
    ///
    /// # Errors
    /// [`Misguided`] where the one that decides can't be followed.
    pub fn whereabouts(&self) -> Result<Whereabouts, Misguided> {
        if let Some(host) = &self.docker_host {
            let address =
                Address::parse(host, self.certificates.clone()).map_err(Misguided::Host)?;
            return Ok(Whereabouts {
                choice: Choice::Host,
                addresses: vec![address],
            });
        }
        match self.context() {
            Some(name) if name != "default" => {
                let address = self.context_address(&name)?;
                Ok(Whereabouts {
                    choice: Choice::Context(name),
                    addresses: vec![address],
                })
            }
            _ => Ok(Whereabouts {
                choice: Choice::Usual,
                addresses: self.usual_places(),
            }),
        }
    }

    fn context(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Config {
            #[serde(rename = "currentContext")]
            current: Option<String>,
        }
        self.docker_context.clone().or_else(|| {
            let file = self.docker_config.as_ref()?.join("config.json");
            let config: Config = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
            config.current.filter(|name| !name.is_empty())
        })
    }

    /// The address in `contexts/meta/<sha256 of the name>/meta.json`.
    fn context_address(&self, name: &str) -> Result<Address, Misguided> {
        #[derive(Deserialize)]
        struct Meta {
            #[serde(rename = "Endpoints")]
            endpoints: Endpoints,
        }
        #[derive(Deserialize)]
        struct Endpoints {
            docker: Endpoint,
        }
        #[derive(Deserialize)]
        struct Endpoint {
            #[serde(rename = "Host")]
            host: String,
        }
        let contexts = self
            .docker_config
            .clone()
            .unwrap_or_default()
            .join("contexts");
        let folder = hex(&Sha256::digest(name.as_bytes()));
        let file = contexts.join("meta").join(&folder).join("meta.json");
        let unreadable = || Misguided::Context {
            name: name.to_owned(),
            file: file.clone(),
        };
        let text = std::fs::read_to_string(&file).map_err(|_| unreadable())?;
        let meta: Meta = serde_json::from_str(&text).map_err(|_| unreadable())?;
        let certificates = contexts.join("tls").join(&folder).join("docker");
        let certificates = certificates.is_dir().then_some(certificates);
        Address::parse(&meta.endpoints.docker.host, certificates).map_err(|_| unreadable())
    }

    /// Docker's default socket, rootless Docker, Docker Desktop, then Podman.
    fn usual_places(&self) -> Vec<Address> {
        let under = |directory: &Option<PathBuf>, rest: &str| {
            directory.as_ref().map(|directory| directory.join(rest))
        };
        [
            Some(PathBuf::from("/var/run/docker.sock")),
            under(&self.runtime_dir, "docker.sock"),
            under(&self.home, ".docker/run/docker.sock"),
            under(&self.home, ".docker/desktop/docker.sock"),
            under(&self.runtime_dir, "podman/podman.sock"),
            Some(PathBuf::from("/run/podman/podman.sock")),
        ]
        .into_iter()
        .flatten()
        .map(Address::Unix)
        .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String never fails");
        text
    })
}

/// Whether a program of this name stands where such programs are installed.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"];
    std::env::split_paths(&path)
        .chain(usual.iter().map(PathBuf::from))
        .any(|directory| is_file(&directory.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings::read(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn context_directory(name: &str, host: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let folder = hex(&Sha256::digest(name.as_bytes()));
        let meta = directory.path().join("contexts/meta").join(folder);
        std::fs::create_dir_all(&meta).expect("made");
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).expect("written");
        directory
    }

    #[test]
    fn docker_host_wins_over_the_context() {
        let found = surroundings(&[
            ("DOCKER_HOST", "tcp://box:2375"),
            ("DOCKER_CONTEXT", "other"),
        ])
        .whereabouts();

        assert_eq!(
            found,
            Ok(Whereabouts {
                choice: Choice::Host,
                addresses: vec![Address::Tcp("box:2375".into())]
            })
        );
    }

    #[test]
    fn the_current_context_of_the_configuration_is_followed() {
        let directory = context_directory("colima", "unix:///tmp/colima.sock");
        let config = directory.path().join("config.json");
        std::fs::write(config, r#"{"currentContext":"colima"}"#).expect("written");

        let config = directory.path().to_string_lossy().into_owned();
        let found = surroundings(&[("DOCKER_CONFIG", &config)]).whereabouts();

        assert_eq!(
            found,
            Ok(Whereabouts {
                choice: Choice::Context("colima".into()),
                addresses: vec![Address::Unix("/tmp/colima.sock".into())]
            })
        );
    }

    #[test]
    fn a_context_that_does_not_exist_is_told_with_its_file() {
        let found = surroundings(&[("DOCKER_CONFIG", "/nowhere"), ("DOCKER_CONTEXT", "gone")])
            .whereabouts()
            .expect_err("no such context");

        assert!(
            found.to_string().starts_with(
                "the docker context `gone` can't be read from `/nowhere/contexts/meta/"
            )
        );
    }

    #[test]
    fn without_a_word_the_usual_places_are_tried_in_order() {
        let found = surroundings(&[("HOME", "/home/ada"), ("XDG_RUNTIME_DIR", "/run/user/7")])
            .whereabouts()
            .expect("the usual places");

        let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            addresses,
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///home/ada/.docker/run/docker.sock",
                "unix:///home/ada/.docker/desktop/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
            ]
        );
    }
}
