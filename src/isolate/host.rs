//! What a command on the host gets told of the stack: the variables that its apps have, with the host's own addresses.

use std::collections::BTreeMap;

use super::Relocation;
use crate::domain::{HostPort, Readiness, Secret, Service, ServiceName, Stack};

/// Environment variables for a command on the host, from an isolated stack's services of `names`.
///
/// An app's variable that is a URL of a service of the stack becomes the same URL with the host's port; what the
/// schema says (`declared`) goes before it.
#[must_use]
pub fn host_environment(
    stack: &Stack,
    names: &std::collections::BTreeSet<ServiceName>,
    declared: &BTreeMap<String, Secret>,
    relocation: &Relocation,
) -> BTreeMap<String, Secret> {
    let mut told: BTreeMap<String, Secret> = BTreeMap::new();
    let services = || {
        stack
            .services
            .values()
            .filter(|service| names.contains(&service.name))
    };
    for service in services() {
        for (name, value) in service.container.environment.iter() {
            if let Some(url) = seen_from_host(stack, value.expose(), &relocation.reach.host) {
                told.entry(name.to_owned()).or_insert_with(|| url.into());
            }
        }
    }
    for service in services() {
        let Some(address) = address(service, None, &relocation.reach.host) else {
            continue;
        };
        let url = service.url.clone().or_else(|| {
            let is_http = matches!(service.ready, Readiness::Http { .. });
            is_http.then(|| format!("http://{address}"))
        });
        if let Some(url) = url {
            let key = service
                .name
                .as_str()
                .to_uppercase()
                .replace(['-', '.'], "_");
            told.entry(format!("{key}_URL"))
                .or_insert_with(|| url.into());
        }
    }
    for (name, value) in declared {
        told.insert(name.clone(), relocation.rewrite(value.expose()).into());
    }
    told.insert("JOBSPRINT_STACK".to_owned(), stack.project.as_str().into());
    told
}

/// `postgresql://…@postgres:5432/shop` as the host reaches it.
fn seen_from_host(stack: &Stack, value: &str, host: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (login, address) = match authority.rsplit_once('@') {
        Some((login, address)) => (format!("{login}@"), address),
        None => (String::new(), authority),
    };
    let (name, port) = match address.split_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (address, None),
    };
    let service = stack
        .services
        .values()
        .find(|service| service.name.as_str() == name)?;
    let address = self::address(service, port, host)?;
    Some(format!("{scheme}://{login}{address}{tail}"))
}

/// Where the host finds a port of the container, or its first one.
fn address(service: &Service, port: Option<u16>, host: &str) -> Option<String> {
    let mut ports = service.container.ports.iter();
    let found = ports.find(|found| port.is_none_or(|port| found.container == port))?;
    match found.host {
        HostPort::Fixed(chosen) => Some(format!("{host}:{chosen}")),
        HostPort::Any | HostPort::Range(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::{ImageSource, ProjectName, Protocol, PublishedPort};

    fn service(name: &str, host: u16, container: u16) -> Service {
        let mut service = Service::new(ServiceName::new(name).unwrap(), ImageSource::named("x"));
        service.container.ports = vec![PublishedPort {
            host_ip: None,
            host: HostPort::Fixed(host),
            container,
            protocol: Protocol::Tcp,
            name: None,
        }];
        service
    }

    #[test]
    fn the_apps_variables_are_told_with_the_hosts_addresses() {
        let mut api = service("api-gateway", 20_002, 4000);
        api.ready = Readiness::Http {
            path: "/".to_owned(),
            port: None,
        };
        let environment = &mut api.container.environment;
        environment.set("DATABASE_URL", "postgresql://me:s3@postgres:5432/shop?x=1");
        environment.set("UPSTREAM", "http://elsewhere/");
        let services = [api, service("postgres", 20_001, 5432)];
        let stack = Stack {
            project: ProjectName::new("shop-ci-1").unwrap(),
            working_dir: PathBuf::new(),
            config_files: Vec::new(),
            services: services
                .into_iter()
                .map(|one| (one.name.clone(), one))
                .collect(),
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        };
        let names = stack.services.keys().cloned().collect();
        let declared = BTreeMap::from([("API_URL".to_owned(), "http://localhost:4000".into())]);
        let relocation = Relocation {
            ports: BTreeMap::from([(4000, 20_002)]),
            ..Relocation::default()
        };

        let told = host_environment(&stack, &names, &declared, &relocation);

        let told: Vec<(&str, &str)> = told
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(
            told,
            [
                ("API_GATEWAY_URL", "http://localhost:20002"),
                ("API_URL", "http://localhost:20002"),
                (
                    "DATABASE_URL",
                    "postgresql://me:s3@localhost:20001/shop?x=1"
                ),
                ("JOBSPRINT_STACK", "shop-ci-1"),
            ]
        );
    }
}
