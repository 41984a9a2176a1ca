//! The copy itself: names, ports, network and labels of its own, and no durability that nobody needs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::{Lease, Relocation};
use crate::domain::{
    Healthcheck, HostPort, Ownership, ProjectName, Readiness, RestartPolicy, Secret, Service,
    Stack, Subnet,
};

/// What was chosen for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its project.
    pub project: ProjectName,
    /// Its ports on the host.
    pub relocation: Relocation,
    /// The subnets of its networks, by the networks' keys.
    pub subnets: BTreeMap<String, String>,
    /// Who answers for it.
    pub lease: Lease,
}

/// Settings of a postgres that is thrown away: a crash of the machine may lose it.
const CARELESS: [&str; 6] = [
    "-c",
    "fsync=off",
    "-c",
    "synchronous_commit=off",
    "-c",
    "full_page_writes=off",
];

/// The host ports that `services` of the stack ask for by number.
#[must_use]
pub fn fixed_ports(stack: &Stack) -> BTreeSet<u16> {
    let ports = stack
        .services
        .values()
        .flat_map(|service| &service.container.ports);
    ports
        .filter_map(|port| match port.host {
            HostPort::Fixed(host) => Some(host),
            HostPort::Range(first, _) => Some(first),
            HostPort::Any => None,
        })
        .collect()
}

/// A disposable copy of `stack` that shares nothing with it but images and bind mounts.
#[must_use]
pub fn copy(stack: &Stack, choice: &Choice) -> Stack {
    let mut copy = stack.clone();
    let labels = choice.lease.labels();
    for (key, network) in &mut copy.networks {
        if network.ownership == Ownership::External {
            continue;
        }
        network.name = format!("{}_{key}", choice.project);
        network.labels.extend(labels.clone());
        if let Some(subnet) = choice.subnets.get(key) {
            network.subnets = vec![Subnet {
                subnet: Some(subnet.clone()),
                ..Subnet::default()
            }];
        }
    }
    for (key, volume) in &mut copy.volumes {
        if volume.ownership == Ownership::Project {
            volume.name = format!("{}_{key}", choice.project);
            volume.labels.extend(labels.clone());
        }
    }
    for service in copy.services.values_mut() {
        isolate(service, choice, &labels);
    }
    copy.project = choice.project.clone();
    copy
}

fn isolate(service: &mut Service, choice: &Choice, labels: &BTreeMap<String, String>) {
    let relocation = &choice.relocation;
    service.container_name = None;
    service.url = service.url.as_deref().map(|url| relocation.rewrite(url));
    let container = &mut service.container;
    container.labels.extend(labels.clone());
    // The engine would bring up again what nobody answers for any more.
    container.restart = RestartPolicy::No;
    if service.ready != Readiness::Healthcheck {
        // The tool asks by itself; checks of the engine's own would only take time from the tests.
        container.healthcheck = Some(Healthcheck {
            test: vec!["NONE".to_owned()],
            ..Healthcheck::default()
        });
    }
    for port in &mut container.ports {
        port.host_ip = Some(relocation.reach.bind);
        let (HostPort::Fixed(host) | HostPort::Range(host, _)) = port.host else {
            continue;
        };
        port.host = relocation
            .ports
            .get(&host)
            .map_or(HostPort::Any, |chosen| HostPort::Fixed(*chosen));
    }
    let rewritten: Vec<(String, Secret)> = container
        .environment
        .iter()
        .map(|(name, value)| (name.to_owned(), relocation.rewrite(value.expose()).into()))
        .collect();
    for (name, value) in rewritten {
        container.environment.set(name, value);
    }
    for attachment in container.networks.values_mut() {
        // Addresses of the files' own subnets; the copy's subnets are others.
        attachment.ipv4_address = None;
        attachment.ipv6_address = None;
    }
    if service.ready == Readiness::Postgres {
        let command = container
            .command
            .get_or_insert_with(|| vec!["postgres".to_owned()]);
        let is_server = command
            .first()
            .is_some_and(|word| word == "postgres" || word.starts_with('-'));
        if is_server {
            command.extend(CARELESS.map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::PathBuf;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::domain::{ImageSource, Network, Protocol, PublishedPort, ServiceName, Volume};
    use crate::isolate::{Holder, LEASE};

    fn stack() -> Stack {
        let mut service = Service::new(
            ServiceName::new("postgres").unwrap(),
            ImageSource::named("postgres:15-alpine"),
        );
        service.ready = Readiness::Postgres;
        service.container_name = Some("the-database".to_owned());
        service.url = Some("http://localhost:5432".to_owned());
        service.container.restart = RestartPolicy::Always;
        service
            .container
            .environment
            .set("SELF", "pg://localhost:5432/");
        service.container.ports = vec![PublishedPort {
            host_ip: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            host: HostPort::Fixed(5432),
            container: 5432,
            protocol: Protocol::Tcp,
            name: None,
        }];
        let network = |name: &str, ownership| Network {
            name: name.to_owned(),
            ownership,
            ..Network::default()
        };
        Stack {
            project: ProjectName::new("shop").unwrap(),
            working_dir: PathBuf::from("/shop"),
            config_files: Vec::new(),
            services: BTreeMap::from([(service.name.clone(), service)]),
            disabled: BTreeMap::new(),
            networks: BTreeMap::from([
                (
                    "default".to_owned(),
                    network("shop_default", Ownership::Project),
                ),
                ("office".to_owned(), network("office", Ownership::External)),
            ]),
            volumes: BTreeMap::from([(
                "data".to_owned(),
                Volume {
                    name: "the-data".to_owned(),
                    ..Volume::default()
                },
            )]),
            bases: BTreeMap::new(),
            seeds: None,
        }
    }

    fn choice() -> Choice {
        Choice {
            project: ProjectName::new("shop-ci-1").unwrap(),
            relocation: Relocation {
                ports: BTreeMap::from([(5432, 20_001)]),
                ..Relocation::default()
            },
            subnets: BTreeMap::from([("default".to_owned(), "10.214.0.0/28".to_owned())]),
            lease: Lease {
                holder: Holder::default(),
                expires: UNIX_EPOCH,
                directory: PathBuf::from("/shop"),
                run: None,
            },
        }
    }

    #[test]
    fn a_copy_shares_no_name_no_port_and_no_data_with_the_stack() {
        let copied = copy(&stack(), &choice());

        let service = copied.services.values().next().unwrap();
        assert_eq!(service.container_name, None);
        assert_eq!(service.container.ports[0].host, HostPort::Fixed(20_001));
        assert_eq!(
            service.container.ports[0].host_ip,
            Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        );
        assert_eq!(service.url.as_deref(), Some("http://localhost:20001"));
        assert_eq!(copied.volumes["data"].name, "shop-ci-1_data");
        assert_eq!(copied.networks["default"].name, "shop-ci-1_default");
        assert_eq!(
            copied.networks["default"].subnets[0].subnet.as_deref(),
            Some("10.214.0.0/28")
        );
    }

    #[test]
    fn what_is_somebody_elses_stays_as_it_is() {
        assert_eq!(
            copy(&stack(), &choice()).networks["office"],
            stack().networks["office"]
        );
    }

    #[test]
    fn every_object_carries_the_lease() {
        let copied = copy(&stack(), &choice());

        let service = copied.services.values().next().unwrap();
        assert!(service.container.labels.contains_key(LEASE));
        assert!(copied.networks["default"].labels.contains_key(LEASE));
        assert!(copied.volumes["data"].labels.contains_key(LEASE));
    }

    #[test]
    fn a_database_that_is_thrown_away_does_not_wait_for_the_disk() {
        let copied = copy(&stack(), &choice());

        let service = copied.services.values().next().unwrap();
        let command = service.container.command.clone().unwrap();
        assert_eq!(command[..3], ["postgres", "-c", "fsync=off"]);
        assert_eq!(service.container.restart, RestartPolicy::No);
    }
}
