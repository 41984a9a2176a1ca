//! Credentials that a service's volume keeps from its first start, whatever the service's settings say later.

use super::{AmqpLogin, MountSource, PostgresLogin, ReadFile, Readiness, Secret, Service};

/// The variable that gives n8n the key of what it encrypts.
const N8N_KEY: &str = "N8N_ENCRYPTION_KEY";

/// What becomes of a volume whose credential is another than the settings'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// The running store is told the new one.
    Told,
    /// Nothing can be done: what was encrypted with the old one can't be read with another.
    Sealed,
}

/// A credential that a named volume keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCredential {
    /// The variable that the service's image reads it from.
    pub name: &'static str,
    /// Its value now, as the settings have it.
    pub value: Secret,
    /// The volume, by its key in the file.
    pub volume: String,
    /// Where the volume lies in the container.
    pub target: String,
    /// Whether it can be changed.
    pub keeping: Keeping,
}

/// The credential that a volume of `service` keeps, where it has such a volume.
#[must_use]
pub fn kept_credential(service: &Service, read: ReadFile) -> Option<KeptCredential> {
    let (name, value, directory, keeping) = match service.ready {
        Readiness::Postgres => (
            "POSTGRES_PASSWORD",
            PostgresLogin::of(service, read).password?,
            "/postgresql",
            Keeping::Told,
        ),
        Readiness::Amqp => (
            "RABBITMQ_DEFAULT_PASS",
            AmqpLogin::of(service, read).password,
            "/rabbitmq",
            Keeping::Told,
        ),
        _ => {
            let key = service.container.environment.get(N8N_KEY)?;
            (N8N_KEY, key.clone(), "/.n8n", Keeping::Sealed)
        }
    };
    if value.is_empty() {
        return None;
    }
    service.container.mounts.iter().find_map(|mount| {
        let MountSource::Named { volume, .. } = &mount.source else {
            return None;
        };
        mount.target.contains(directory).then(|| KeptCredential {
            name,
            value: value.clone(),
            volume: volume.clone(),
            target: mount.target.clone(),
            keeping,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageSource, Mount, MountAccess, ServiceName};

    fn service(ready: Readiness, variable: &str, target: &str) -> Service {
        let name = ServiceName::new("store").unwrap();
        let mut service = Service::new(name, ImageSource::named("store"));
        service.ready = ready;
        service.container.environment.set(variable, "s3cret");
        service.container.mounts.push(Mount {
            target: target.to_owned(),
            source: MountSource::Named {
                volume: "data".to_owned(),
                no_copy: false,
                subpath: None,
            },
            access: MountAccess::ReadWrite,
        });
        service
    }

    fn kept(ready: Readiness, variable: &str, target: &str) -> Option<(&'static str, Keeping)> {
        let found = kept_credential(&service(ready, variable, target), &|_| None)?;
        assert_eq!(found.value, Secret::new("s3cret"));
        assert_eq!(
            (found.volume.as_str(), found.target.as_str()),
            ("data", target)
        );
        Some((found.name, found.keeping))
    }

    #[test]
    fn stores_can_be_told_a_new_password_and_what_is_encrypted_stays_sealed() {
        let http = || Readiness::Http {
            path: "/".to_owned(),
            port: None,
        };

        assert_eq!(
            kept(
                Readiness::Postgres,
                "POSTGRES_PASSWORD",
                "/var/lib/postgresql/data"
            ),
            Some(("POSTGRES_PASSWORD", Keeping::Told))
        );
        assert_eq!(
            kept(
                Readiness::Amqp,
                "RABBITMQ_DEFAULT_PASS",
                "/var/lib/rabbitmq"
            ),
            Some(("RABBITMQ_DEFAULT_PASS", Keeping::Told))
        );
        assert_eq!(
            kept(http(), "N8N_ENCRYPTION_KEY", "/home/node/.n8n"),
            Some(("N8N_ENCRYPTION_KEY", Keeping::Sealed))
        );
        assert_eq!(kept(http(), "REDIS_PASSWORD", "/data"), None);
        assert_eq!(
            kept(Readiness::Postgres, "POSTGRES_PASSWORD", "/backups"),
            None
        );
    }
}
