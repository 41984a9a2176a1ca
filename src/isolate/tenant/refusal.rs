//! Why a stack can't be a tenant: what it asks of its stores that a part of a shared one can't give.

use std::collections::BTreeSet;

use super::lodger::{Lodger, hosts, is_store, told};
use crate::domain::{MountSource, Readiness, Role, Service, ServiceName, Stack};

/// A reason, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The service.
    pub service: ServiceName,
    /// What follows its name.
    pub reason: String,
}

/// A variable so named says what kind of thing is used, and not where it is.
const KINDS: [&str; 9] = [
    "TYPE", "BACKEND", "DRIVER", "DIALECT", "CLIENT", "ENGINE", "ADAPTER", "PROVIDER", "KIND",
];
/// Where secrets are mounted that an image reads its passwords from.
const SECRETS: &str = "/run/secrets/";

/// The first reason why the services of `names` can't be a tenant.
#[must_use]
pub fn refusal(stack: &Stack, names: &BTreeSet<ServiceName>) -> Option<Refusal> {
    let services = || {
        let all = stack.services.values();
        all.filter(|service| names.contains(&service.name))
    };
    let (stores, apps): (Vec<&Service>, Vec<&Service>) =
        services().partition(|service| is_store(service));
    let of_stores = stores.iter().find_map(|store| {
        let is_second = |other: &&&Service| other.ready == store.ready && other.name < store.name;
        let reason = match stores.iter().find(is_second) {
            Some(first) => Some(format!("is a second store of the kind of `{}`", first.name)),
            None => of_store(store),
        };
        reason.map(|reason| (*store, reason))
    });
    let of_apps = || {
        let mut apps = apps.iter();
        apps.find_map(|app| of_app(app, &stores).map(|reason| (*app, reason)))
    };
    let (service, reason) = of_stores.or_else(of_apps)?;
    Some(Refusal {
        service: service.name.clone(),
        reason,
    })
}

fn of_store(store: &Service) -> Option<String> {
    let container = &store.container;
    if store.replicas != 1 {
        return Some(format!("has {} containers", store.replicas));
    }
    if let Some(mode) = &container.network_mode {
        return Some(format!("has the network mode `{mode}`"));
    }
    if !store.post_start.is_empty() || !store.pre_stop.is_empty() {
        return Some("has hooks, which would work on all tenants' data".to_owned());
    }
    if let Some(seed) = &store.seed {
        return Some(format!(
            "has a seed command (`{}`), which would run in a shared container",
            seed.run.join(" ")
        ));
    }
    if let Some(crate::domain::Migrate::Command { run, .. }) = &store.migrate {
        return Some(format!(
            "has a migration command (`{}`), which would run in a shared container",
            run.join(" ")
        ));
    }
    let mounted = container.mounts.iter().find(|mount| {
        let is_bind = matches!(mount.source, MountSource::Bind { .. });
        is_bind && !mount.target.starts_with(SECRETS)
    });
    let placed = container
        .files
        .iter()
        .find(|file| !file.target.starts_with(SECRETS));
    let target = mounted.map(|mount| mount.target.clone());
    let target = target.or_else(|| placed.map(|file| file.target.display().to_string()));
    target.map(|target| {
        format!("has a file of the project at `{target}`, which all tenants would get")
    })
}

fn of_app(app: &Service, stores: &[&Service]) -> Option<String> {
    if app.role == Role::Data {
        return Some("keeps data and is none of postgres, redis and rabbitmq".to_owned());
    }
    let container = &app.container;
    let modes = [&container.network_mode, &container.pid, &container.ipc];
    for store in stores {
        let name = store.name.as_str();
        let shares = modes.iter().copied().flatten().any(|mode| {
            let service = mode.strip_prefix("service:");
            service.is_some_and(|service| service == name)
        });
        let has_volumes = container
            .volumes_from
            .iter()
            .any(|from| from.split(':').next() == Some(name));
        if shares || has_volumes {
            return Some(format!("shares the container of `{name}`"));
        }
        let volumes = |service: &Service| -> BTreeSet<String> {
            let mounts = service.container.mounts.iter();
            let named = mounts.filter_map(|mount| match &mount.source {
                MountSource::Named { volume, .. } => Some(volume.clone()),
                _ => None,
            });
            named.collect()
        };
        if let Some(volume) = volumes(app).intersection(&volumes(store)).next() {
            return Some(format!("mounts `{volume}`, a volume of `{name}`"));
        }
    }
    let lodgers: Vec<(&Service, Lodger)> = stores
        .iter()
        .map(|store| (*store, Lodger::of(store, hosts(store))))
        .collect();
    let all: Vec<Lodger> = lodgers.iter().map(|(_, lodger)| lodger.clone()).collect();
    for (variable, value) in container.environment.iter() {
        let rest = told(&all, value.expose()).rest;
        let named = lodgers.iter().find(|(_, lodger)| lodger.is_named_in(&rest));
        let Some((store, _)) = named else { continue };
        if is_harmless(variable, store) {
            continue;
        }
        return Some(format!(
            "names `{}` in {variable}: only a URL of its own kind{} can be given a tenant's login",
            store.name,
            if store.ready == Readiness::Postgres {
                ", and PGHOST,"
            } else {
                ""
            }
        ));
    }
    if let (Some(mode), Some((store, _))) = (
        &container.network_mode,
        lodgers.iter().find(|(store, lodger)| {
            let mut values = container.environment.iter();
            app.depends_on.contains_key(&store.name)
                || values.any(|(_, value)| lodger.is_named_in(value.expose()))
        }),
    ) {
        return Some(format!(
            "has the network mode `{mode}`, from which the shared `{}` isn't found",
            store.name
        ));
    }
    None
}

fn is_harmless(variable: &str, store: &Service) -> bool {
    let upper = variable.to_uppercase();
    let is_libpq = matches!(variable, "PGHOST" | "PGUSER" | "PGDATABASE" | "PGPASSWORD");
    (is_libpq && store.ready == Readiness::Postgres)
        || KINDS.iter().any(|kind| upper.ends_with(kind))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::domain::{ImageSource, Mount, MountAccess, ProjectName};

    fn store(name: &str, ready: Readiness) -> Service {
        let mut store = Service::new(ServiceName::new(name).unwrap(), ImageSource::named("x"));
        store.role = Role::Data;
        store.ready = ready;
        store
    }

    fn app(variable: &str, value: &str) -> Service {
        let mut app = Service::new(ServiceName::new("app").unwrap(), ImageSource::named("x"));
        app.container.environment.set(variable, value);
        app
    }

    fn reason(services: Vec<Service>) -> Option<String> {
        let services: BTreeMap<_, _> = services
            .into_iter()
            .map(|one| (one.name.clone(), one))
            .collect();
        let names = services.keys().cloned().collect();
        let stack = Stack {
            project: ProjectName::new("shop").unwrap(),
            working_dir: PathBuf::new(),
            config_files: Vec::new(),
            services,
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        };
        refusal(&stack, &names).map(|refusal| format!("{} {}", refusal.service, refusal.reason))
    }

    #[test]
    fn a_url_of_a_store_a_word_for_its_kind_and_libpqs_variables_are_welcome() {
        for (variable, value) in [
            ("DATABASE_URL", "postgresql://me:pw@postgres:5432/shop"),
            ("DB_TYPE", "postgres"),
            ("PGHOST", "postgres"),
            ("GREETING", "postgresql-like"),
        ] {
            let services = vec![store("postgres", Readiness::Postgres), app(variable, value)];
            assert_eq!(reason(services), None, "{variable}");
        }
    }

    #[test]
    fn a_host_by_itself_is_refused_with_its_variable() {
        let services = vec![
            store("postgres", Readiness::Postgres),
            app("DB_HOST", "postgres"),
        ];

        assert_eq!(
            reason(services).as_deref(),
            Some(
                "app names `postgres` in DB_HOST: only a URL of its own kind, and PGHOST, can be given a tenant's login"
            )
        );
    }

    #[test]
    fn another_kind_of_store_and_two_of_one_kind_are_refused() {
        let files = store("minio", Readiness::Started);
        let two = vec![
            store("cache", Readiness::Redis),
            store("queue", Readiness::Redis),
        ];

        assert_eq!(
            reason(vec![files]).as_deref(),
            Some("minio keeps data and is none of postgres, redis and rabbitmq")
        );
        assert_eq!(
            reason(two).as_deref(),
            Some("queue is a second store of the kind of `cache`")
        );
    }

    #[test]
    fn a_store_that_the_project_configures_by_a_file_is_refused() {
        let mut postgres = store("postgres", Readiness::Postgres);
        postgres.container.mounts.push(Mount {
            target: "/docker-entrypoint-initdb.d".to_owned(),
            source: MountSource::Bind {
                source: "/shop/init".into(),
                create: false,
                propagation: None,
                selinux: None,
            },
            access: MountAccess::ReadOnly,
        });

        assert_eq!(
            reason(vec![postgres]).as_deref(),
            Some(
                "postgres has a file of the project at `/docker-entrypoint-initdb.d`, which all tenants would get"
            )
        );
    }
}
