//! The login that Docker's configuration holds for a registry, from its file or its credential helper.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::DockerCredential;

use crate::domain::Secret;
use crate::engine::Credentials;

/// How long a credential helper may take: it is a program of somebody else's.
const HELPER: Duration = Duration::from_secs(10);

/// Docker's configuration: `config.json` under `DOCKER_CONFIG`, else under `.docker` in the home directory.
pub(super) fn config_file(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let directory = set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(home).join(".docker")))?;
    Some(directory.join("config.json"))
}

/// The login for `registry` in `config`; `None` where there is none, or it can't be had in time.
pub(super) async fn login(config: Option<PathBuf>, registry: &str) -> Option<Credentials> {
    let config = config?;
    let server = match registry {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        other => other.to_owned(),
    };
    let asked = tokio::task::spawn_blocking(move || {
        let config = File::open(config).ok()?;
        docker_credential::get_credential_from_reader(config, &server).ok()
    });
    let answer = tokio::time::timeout(HELPER, asked).await.ok()?.ok()?;
    match answer? {
        DockerCredential::IdentityToken(token) => Some(Credentials::Token(Secret::new(token))),
        DockerCredential::UsernamePassword(user, password) => Some(Credentials::Password {
            user,
            password: Secret::new(password),
        }),
    }
}
