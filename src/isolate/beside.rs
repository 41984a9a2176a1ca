//! A further stack of the same files: nothing of it has the plain one's name, port or address.

use std::collections::BTreeMap;

use super::Relocation;
use crate::domain::{HostPort, Ownership, Secret, Stack};

/// On every object of a further stack: what makes it one: [`WORKTREE`], [`NAMED`] or [`REPLAY`].
pub const KIND: &str = "dev.jobsprint.kind";
/// The stack of a linked git worktree.
pub const WORKTREE: &str = "worktree";
/// A stack that `--stack` named.
pub const NAMED: &str = "named";
/// A disposable stack in which a capsule was brought up.
pub const REPLAY: &str = "replay";
/// A disposable stack whose stores are parts of shared ones.
pub const TENANT: &str = "tenant";
/// The stores that tenants share.
pub const SHARED: &str = "shared";
/// On every object of a stack that `--stack` named: that name.
pub const STACK: &str = "dev.jobsprint.stack";

/// What sets a further stack apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Apartness {
    /// From each port that the stack still has from the files to its own.
    pub ports: BTreeMap<u16, u16>,
    /// From each port of the plain stack to this one's, for the texts that mention one.
    pub texts: Relocation,
    /// What every object is marked with.
    pub labels: BTreeMap<String, String>,
}

/// Sets `stack`, which was read under a name of its own, apart from the one that has the files' name.
///
/// Data stays durable, and containers restart, as in any stack that somebody works with.
pub fn set_beside(stack: &mut Stack, apart: &Apartness) {
    let project = stack.project.clone();
    for (key, network) in &mut stack.networks {
        if network.ownership == Ownership::Project {
            network.name = format!("{project}_{key}");
            network.labels.extend(apart.labels.clone());
            // Two networks of one engine can't have the same addresses.
            network.subnets.clear();
        }
    }
    for (key, volume) in &mut stack.volumes {
        if volume.ownership == Ownership::Project {
            volume.name = format!("{project}_{key}");
            volume.labels.extend(apart.labels.clone());
        }
    }
    for service in stack.services.values_mut() {
        service.container_name = None;
        service.url = service.url.as_deref().map(|url| apart.texts.rewrite(url));
        let container = &mut service.container;
        container.labels.extend(apart.labels.clone());
        for port in &mut container.ports {
            if let HostPort::Fixed(old) = port.host
                && let Some(new) = apart.ports.get(&old)
            {
                port.host = HostPort::Fixed(*new);
            }
        }
        let rewritten: Vec<(String, Secret)> = container
            .environment
            .iter()
            .map(|(name, value)| (name.to_owned(), apart.texts.rewrite(value.expose()).into()))
            .collect();
        for (name, value) in rewritten {
            container.environment.set(name, value);
        }
        for attachment in container.networks.values_mut() {
            attachment.ipv4_address = None;
            attachment.ipv6_address = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::domain::{
        ImageSource, Network, ProjectName, Protocol, PublishedPort, RestartPolicy, Service,
        ServiceName, Subnet, Volume,
    };

    #[test]
    fn a_further_stack_keeps_its_ways_and_shares_no_name_no_port_and_no_address() {
        let name = ServiceName::new("web").unwrap();
        let mut service = Service::new(name.clone(), ImageSource::named("x"));
        service.container_name = Some("the-web".to_owned());
        service.url = Some("http://localhost:4000/".to_owned());
        service.container.restart = RestartPolicy::Always;
        let environment = &mut service.container.environment;
        environment.set("PUBLIC", "http://localhost:4000/x");
        service.container.ports = vec![PublishedPort {
            host_ip: None,
            host: HostPort::Fixed(4000),
            container: 4000,
            protocol: Protocol::Tcp,
            name: None,
        }];
        let mut stack = Stack {
            project: ProjectName::new("shop-pay").unwrap(),
            working_dir: PathBuf::from("/shop"),
            config_files: Vec::new(),
            services: BTreeMap::from([(name.clone(), service)]),
            disabled: BTreeMap::new(),
            networks: BTreeMap::from([(
                "default".to_owned(),
                Network {
                    name: "the-net".to_owned(),
                    subnets: vec![Subnet::default()],
                    ..Network::default()
                },
            )]),
            volumes: BTreeMap::from([
                ("data".to_owned(), volume("the-data", Ownership::Project)),
                ("office".to_owned(), volume("office", Ownership::External)),
            ]),
            bases: BTreeMap::new(),
            seeds: None,
        };
        let ports = BTreeMap::from([(4000, 20_040)]);
        let apart = Apartness {
            ports: ports.clone(),
            texts: Relocation {
                ports,
                ..Relocation::default()
            },
            labels: BTreeMap::from([(KIND.to_owned(), WORKTREE.to_owned())]),
        };

        set_beside(&mut stack, &apart);

        let service = &stack.services[&name];
        assert_eq!(service.container_name, None);
        assert_eq!(service.container.restart, RestartPolicy::Always);
        assert_eq!(service.container.ports[0].host, HostPort::Fixed(20_040));
        assert_eq!(service.url.as_deref(), Some("http://localhost:20040/"));
        let public = service.container.environment.get("PUBLIC");
        assert_eq!(public.map(Secret::expose), Some("http://localhost:20040/x"));
        assert_eq!(stack.networks["default"].name, "shop-pay_default");
        assert!(stack.networks["default"].subnets.is_empty());
        assert_eq!(stack.volumes["data"].name, "shop-pay_data");
        assert_eq!(stack.volumes["data"].labels[KIND], WORKTREE);
        assert_eq!(stack.volumes["office"].name, "office");
    }

    fn volume(name: &str, ownership: Ownership) -> Volume {
        Volume {
            name: name.to_owned(),
            ownership,
            ..Volume::default()
        }
    }
}
