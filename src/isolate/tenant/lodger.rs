//! A tenant's part of one shared store: the login to it, and the URLs that lead there.

use std::collections::BTreeSet;
use std::path::Path;

use super::url::{Rewritten, Url, rewrite};
use crate::domain::{
    AmqpLogin, HostPort, PostgresLogin, ReadFile, Readiness, RedisLogin, Secret, Service,
    percent_encoded,
};

/// What a tenant has in every store: its role, database, user and virtual host are named alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lodging {
    /// The name.
    pub name: String,
    /// The number of its redis database.
    pub number: u32,
    /// The password where the stack's files give a store none.
    pub password: Secret,
}

/// Whether stacks can share the service.
#[must_use]
pub const fn is_store(service: &Service) -> bool {
    matches!(
        service.ready,
        Readiness::Postgres | Readiness::Redis | Readiness::Amqp
    )
}

/// The names by which other containers call a store.
#[must_use]
pub fn hosts(store: &Service) -> BTreeSet<String> {
    let container = &store.container;
    let aliases = container
        .networks
        .values()
        .flat_map(|attachment| attachment.aliases.iter().cloned());
    let named = [store.container_name.clone(), container.hostname.clone()];
    aliases
        .chain(named.into_iter().flatten())
        .chain([store.name.to_string()])
        .collect()
}

impl Lodging {
    /// Gives a store's settings the tenant's login; the password is the one that the files give the store.
    pub fn furnish(&self, store: &mut Service, read: ReadFile) {
        let known = match store.ready {
            Readiness::Postgres => PostgresLogin::of(store, read).password,
            Readiness::Redis => RedisLogin::of(store, read).password,
            Readiness::Amqp => Some(AmqpLogin::of(store, read).password),
            _ => None,
        };
        let password = known.unwrap_or_else(|| self.password.clone());
        let number = self.number.to_string();
        let settings: &[(&str, &str)] = match store.ready {
            Readiness::Postgres => &[
                ("POSTGRES_USER", &self.name),
                ("POSTGRES_PASSWORD", password.expose()),
                ("POSTGRES_DB", &self.name),
            ],
            Readiness::Redis => &[
                ("REDIS_USERNAME", &self.name),
                ("REDIS_PASSWORD", password.expose()),
                ("REDIS_DATABASE", &number),
            ],
            Readiness::Amqp => &[
                ("RABBITMQ_DEFAULT_USER", &self.name),
                ("RABBITMQ_DEFAULT_PASS", password.expose()),
                ("RABBITMQ_DEFAULT_VHOST", &self.name),
            ],
            _ => &[],
        };
        // Its container is another's: what that is started with would only tell of another login.
        store.container.command = None;
        for (name, value) in settings {
            store.container.environment.set(*name, *value);
        }
    }
}

/// A part of a store, as others are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lodger {
    ready: Readiness,
    hosts: BTreeSet<String>,
    /// On the host.
    ports: BTreeSet<u16>,
    user: String,
    password: Secret,
    /// Database, number, or virtual host.
    place: String,
}

impl Lodger {
    /// The part that `store` has, whose settings are the tenant's already, called by these names.
    #[must_use]
    pub fn of(store: &Service, hosts: BTreeSet<String>) -> Self {
        let none = |_: &Path| None;
        let nothing = Secret::new("");
        let (user, password, place) = match store.ready {
            Readiness::Redis => {
                let login = RedisLogin::of(store, &none);
                let number = login.database.to_string();
                (login.user.unwrap_or_default(), login.password, number)
            }
            Readiness::Amqp => {
                let login = AmqpLogin::of(store, &none);
                (login.user, Some(login.password), login.vhost)
            }
            _ => {
                let login = PostgresLogin::of(store, &none);
                (login.user, login.password, login.database)
            }
        };
        let ports = store.container.ports.iter().filter_map(|port| {
            let HostPort::Fixed(host) = port.host else {
                return None;
            };
            Some(host)
        });
        Self {
            ready: store.ready.clone(),
            hosts,
            ports: ports.collect(),
            user,
            password: password.unwrap_or(nothing),
            place,
        }
    }

    /// Whether a text names the store, as a host is named.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let is_apart = |c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.');
        text.split(is_apart).any(|word| self.hosts.contains(word))
    }

    /// Variables that libpq has a login from, where `name` is the one for the host and says this store.
    pub(super) fn variables(&self, name: &str, value: &str) -> Option<[(&'static str, Secret); 3]> {
        let is_here = name == "PGHOST" && self.ready == Readiness::Postgres;
        (is_here && self.hosts.contains(value)).then(|| {
            [
                ("PGUSER", Secret::new(&*self.user)),
                ("PGPASSWORD", self.password.clone()),
                ("PGDATABASE", Secret::new(&*self.place)),
            ]
        })
    }

    /// The tenant's URL in the place of one of the same store.
    fn url(&self, url: &Url) -> Option<String> {
        let fits = match self.ready {
            Readiness::Postgres => url.scheme.starts_with("postgres"),
            Readiness::Redis => matches!(url.scheme, "redis" | "rediss"),
            Readiness::Amqp => matches!(url.scheme, "amqp" | "amqps"),
            _ => false,
        };
        let is_here = self.hosts.contains(url.host)
            || url.port.is_some_and(|port| self.ports.contains(&port));
        (fits && is_here).then(|| {
            let (user, password) = (
                percent_encoded(&self.user),
                percent_encoded(self.password.expose()),
            );
            let (scheme, address) = (url.scheme, url.address());
            let place = percent_encoded(&self.place);
            format!("{scheme}://{user}:{password}@{address}/{place}")
        })
    }
}

/// A text with the tenant's login in each URL that leads to one of `lodgers`, and what is left of it without these.
pub(super) fn told(lodgers: &[Lodger], text: &str) -> Rewritten {
    rewrite(text, |url| {
        lodgers.iter().find_map(|lodger| lodger.url(url))
    })
}

impl Lodging {
    /// A text with the tenant's login in each URL that leads to one of `lodgers`.
    #[must_use]
    pub fn tell(lodgers: &[Lodger], text: &str) -> String {
        told(lodgers, text).text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ImageSource, ServiceName};

    fn lodger(ready: Readiness, environment: &[(&str, &str)]) -> Lodger {
        let name = ServiceName::new("store").unwrap();
        let mut store = Service::new(name, ImageSource::named("x"));
        store.ready = ready;
        for (name, value) in environment {
            store.container.environment.set(*name, *value);
        }
        let lodging = Lodging {
            name: "shop_ci_1".to_owned(),
            number: 7,
            password: Secret::new("m@de"),
        };
        let hosts = hosts(&store);
        lodging.furnish(&mut store, &|_| None);
        Lodger::of(&store, hosts)
    }

    #[test]
    fn urls_of_each_store_get_the_tenants_login_and_place() {
        let lodgers = [
            lodger(Readiness::Postgres, &[("POSTGRES_PASSWORD", "s3")]),
            lodger(Readiness::Redis, &[]),
            lodger(Readiness::Amqp, &[("RABBITMQ_DEFAULT_PASS", "q")]),
        ];
        let table = [
            (
                "postgresql://shop:x@store:5432/shop?sslmode=disable",
                "postgresql://shop_ci_1:s3@store:5432/shop_ci_1?sslmode=disable",
            ),
            ("redis://store/0", "redis://shop_ci_1:m%40de@store/7"),
            (
                "amqp://store:5672",
                "amqp://shop_ci_1:q@store:5672/shop_ci_1",
            ),
            ("http://store:15672/", "http://store:15672/"),
            ("redis://elsewhere", "redis://elsewhere"),
        ];
        for (before, after) in table {
            assert_eq!(Lodging::tell(&lodgers, before), after);
        }
    }

    #[test]
    fn a_store_is_named_by_a_whole_word() {
        let lodger = lodger(Readiness::Redis, &[]);

        assert!(lodger.is_named_in("store:6379"));
        assert!(!lodger.is_named_in("my-store.example/store-2"));
    }
}
