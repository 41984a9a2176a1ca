//! The credentials of the stores, as their official images read them from a service's settings.

use std::path::Path;

use super::{MountSource, Readiness, Secret, Service};

/// Reads a file of the host, for credentials that an image takes from a mounted file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A login to postgres (`POSTGRES_USER`, `POSTGRES_PASSWORD`, `POSTGRES_DB`, each also as `…_FILE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresLogin {
    /// The role.
    pub user: String,
    /// Its password; `None` where the server trusts everybody.
    pub password: Option<Secret>,
    /// The database.
    pub database: String,
}

impl PostgresLogin {
    /// The login that the service's own settings give.
    #[must_use]
    pub fn of(service: &Service, read: ReadFile) -> Self {
        let word = |name| setting(service, name, read).map(|value| value.expose().to_owned());
        let user = word("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
        Self {
            database: word("POSTGRES_DB").unwrap_or_else(|| user.clone()),
            password: setting(service, "POSTGRES_PASSWORD", read),
            user,
        }
    }
}

/// A login to redis (`--requirepass` of the command, else `REDIS_PASSWORD`; `REDIS_USERNAME` where there are ACLs;
/// `REDIS_DATABASE` where it isn't the first one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisLogin {
    /// The ACL user; `None` for the default one.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: u32,
}

impl RedisLogin {
    /// The login that the service's own settings give.
    #[must_use]
    pub fn of(service: &Service, read: ReadFile) -> Self {
        let user = setting(service, "REDIS_USERNAME", read);
        let database = setting(service, "REDIS_DATABASE", read);
        Self {
            database: database
                .and_then(|number| number.expose().parse().ok())
                .unwrap_or_default(),
            user: user.map(|user| user.expose().to_owned()),
            password: required_pass(service)
                .and_then(|value| expanded(service, value, read))
                .or_else(|| setting(service, "REDIS_PASSWORD", read)),
        }
    }
}

/// A login to an AMQP broker (`RABBITMQ_DEFAULT_USER`, `_PASS`, `_VHOST`, each also as `…_FILE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmqpLogin {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// The virtual host.
    pub vhost: String,
}

impl AmqpLogin {
    /// The login that the service's own settings give.
    #[must_use]
    pub fn of(service: &Service, read: ReadFile) -> Self {
        let word = |name: &str, default: &str| {
            setting(service, name, read)
                .map_or_else(|| default.to_owned(), |value| value.expose().to_owned())
        };
        Self {
            user: word("RABBITMQ_DEFAULT_USER", "guest"),
            password: Secret::new(word("RABBITMQ_DEFAULT_PASS", "guest")),
            vhost: word("RABBITMQ_DEFAULT_VHOST", "/"),
        }
    }
}

/// Variables that a store's image reads at its first start only: afterwards its volume keeps what they said.
///
/// A new value doesn't need a new container: the store is told it in place.
#[must_use]
pub const fn first_start_secrets(service: &Service) -> &'static [&'static str] {
    match service.ready {
        Readiness::Postgres => &["POSTGRES_PASSWORD"],
        Readiness::Amqp => &["RABBITMQ_DEFAULT_PASS"],
        _ => &[],
    }
}

/// The value of an environment variable, or of the file that its `_FILE` twin names.
fn setting(service: &Service, name: &str, read: ReadFile) -> Option<Secret> {
    let environment = &service.container.environment;
    if let Some(value) = environment.get(name).filter(|value| !value.is_empty()) {
        return Some(value.clone());
    }
    let path = environment.get(&format!("{name}_FILE"))?;
    let text = file_of_container(service, Path::new(path.expose()), read)?;
    Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn file_of_container(service: &Service, path: &Path, read: ReadFile) -> Option<String> {
    let settings = &service.container;
    if let Some(placed) = settings.files.iter().find(|file| file.target == path) {
        return Some(placed.content.expose().to_owned());
    }
    settings.mounts.iter().find_map(|mount| {
        let MountSource::Bind { source, .. } = &mount.source else {
            return None;
        };
        let rest = path.strip_prefix(&mount.target).ok()?;
        if rest.as_os_str().is_empty() {
            read(source)
        } else {
            read(&source.join(rest))
        }
    })
}

/// The word after `--requirepass`, which may stand in an argument of its own or inside a shell's text.
fn required_pass(service: &Service) -> Option<&str> {
    let command = service.container.command.as_deref().unwrap_or_default();
    let mut words = command.iter().flat_map(|argument| {
        let is_text = argument.contains("--requirepass ");
        let words: Vec<&str> = if is_text {
            argument.split_whitespace().collect()
        } else {
            vec![argument.as_str()]
        };
        words
    });
    while let Some(word) = words.next() {
        if word == "--requirepass" {
            return words.next().map(|word| word.trim_matches(['"', '\'']));
        }
    }
    None
}

/// A word of a shell's text: a `$NAME` or `${NAME}` stands for the container's variable.
fn expanded(service: &Service, word: &str, read: ReadFile) -> Option<Secret> {
    match word.strip_prefix('$') {
        Some(name) => setting(service, name.trim_matches(['{', '}']), read),
        None if word.is_empty() => None,
        None => Some(Secret::new(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageSource, Mount, MountAccess, ServiceName};

    fn service(command: &[&str], environment: &[(&str, &str)]) -> Service {
        let name = ServiceName::new("store").unwrap();
        let mut service = Service::new(name, ImageSource::named("store"));
        if !command.is_empty() {
            service.container.command = Some(command.iter().map(ToString::to_string).collect());
        }
        for (name, value) in environment {
            service.container.environment.set(*name, *value);
        }
        service
    }

    fn nothing(_: &Path) -> Option<String> {
        None
    }

    #[test]
    fn postgres_defaults_are_the_official_images() {
        let plain = PostgresLogin::of(&service(&[], &[]), &nothing);
        let named = PostgresLogin::of(&service(&[], &[("POSTGRES_USER", "app")]), &nothing);

        assert_eq!(
            (plain.user.as_str(), plain.database.as_str()),
            ("postgres", "postgres")
        );
        assert_eq!(
            (named.user.as_str(), named.database.as_str()),
            ("app", "app")
        );
        assert_eq!(plain.password, None);
    }

    #[test]
    fn a_password_is_read_from_the_file_that_is_mounted_for_it() {
        let mut postgres = service(&[], &[("POSTGRES_PASSWORD_FILE", "/run/secrets/pg")]);
        postgres.container.mounts.push(Mount {
            target: "/run/secrets".to_owned(),
            source: MountSource::Bind {
                source: "/project/secrets".into(),
                create: false,
                propagation: None,
                selinux: None,
            },
            access: MountAccess::ReadOnly,
        });
        let read = |path: &Path| {
            (path == Path::new("/project/secrets/pg")).then(|| "from file\n".to_owned())
        };

        let login = PostgresLogin::of(&postgres, &read);

        assert_eq!(login.password, Some(Secret::new("from file")));
    }

    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Option<&'a str>);

    #[test]
    fn the_redis_password_is_found_wherever_people_write_it() {
        let environment = [("REDIS_PASSWORD", "pw")];
        let table: &[Case<'_>] = &[
            (&[], &[], None),
            (&["redis-server", "--requirepass", "pw"], &[], Some("pw")),
            (
                &[
                    "sh",
                    "-c",
                    "exec redis-server --requirepass \"$REDIS_PASSWORD\" --save ''",
                ],
                &environment,
                Some("pw"),
            ),
            (
                &["redis-server", "--requirepass", "${REDIS_PASSWORD}"],
                &environment,
                Some("pw"),
            ),
            (&["redis-server", "--requirepass", ""], &[], None),
            (&["redis-server"], &environment, Some("pw")),
        ];
        for (command, environment, expected) in table {
            let login = RedisLogin::of(&service(command, environment), &nothing);
            assert_eq!(login.password, expected.map(Secret::from), "{command:?}");
        }
    }

    #[test]
    fn amqp_defaults_are_guest_on_the_root_vhost() {
        let login = AmqpLogin::of(&service(&[], &[("RABBITMQ_DEFAULT_USER", "app")]), &nothing);

        assert_eq!(login.user, "app");
        assert_eq!(login.password, Secret::new("guest"));
        assert_eq!(login.vhost, "/");
    }
}
