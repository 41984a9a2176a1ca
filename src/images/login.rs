//! The login that Docker's configuration holds for a registry, from its file or its credential helper.

use std::time::Duration;

use docker_credential::DockerCredential;

use crate::domain::Secret;
use crate::engine::Credentials;

/// How long a credential helper may take: it is a program of somebody else's.
const HELPER: Duration = Duration::from_secs(10);

/// The login for `registry`; `None` where there is none, or it can't be had in time.
pub(super) async fn login(registry: &str) -> Option<Credentials> {
    let server = match registry {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        other => other.to_owned(),
    };
    let asked = tokio::task::spawn_blocking(move || docker_credential::get_credential(&server));
    let answer = tokio::time::timeout(HELPER, asked).await.ok()?.ok()?;
    match answer.ok()? {
        DockerCredential::IdentityToken(token) => Some(Credentials::Token(Secret::new(token))),
        DockerCredential::UsernamePassword(user, password) => Some(Credentials::Password {
            user,
            password: Secret::new(password),
        }),
    }
}
