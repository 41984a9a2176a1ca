//! Where a container's port can be reached from here: its own address, or the port that it publishes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::EngineFacts;
use crate::domain::{ObservedContainer, Protocol};

/// A way to a port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The container's own address: nobody else answers there.
    Direct(SocketAddr),
    /// Its published port. The engine's proxy may accept connections before the service does.
    Published {
        /// The host that publishes it.
        host: String,
        /// The host's port.
        port: u16,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(address) => write!(f, "{address}"),
            Self::Published { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Published { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// All ways to `port` of `container`, best first; empty where none is known.
///
/// `network_mode` is the service's, where it has one: under `host` its ports are the host's own.
#[must_use]
pub fn routes(
    facts: &EngineFacts,
    network_mode: Option<&str>,
    container: &ObservedContainer,
    port: u16,
) -> Vec<Route> {
    let mut ways = Vec::new();
    if facts.routable {
        if network_mode == Some("host") {
            ways.push(Route::Direct((Ipv4Addr::LOCALHOST, port).into()));
        } else {
            let addresses = container.addresses.values();
            ways.extend(addresses.map(|address| Route::Direct((*address, port).into())));
        }
    }
    ways.extend(published(facts, container, port));
    ways
}

fn published(
    facts: &EngineFacts,
    container: &ObservedContainer,
    port: u16,
) -> impl Iterator<Item = Route> {
    let remote = remote_host(&facts.address);
    container
        .ports
        .iter()
        .filter(move |bound| bound.container == port && bound.protocol == Protocol::Tcp)
        .filter_map(move |bound| {
            let host = match remote {
                // Loopback is this container's own, and other addresses are reached through its gateway.
                None if facts.gateway.is_some() && bound.host_ip.is_loopback() => return None,
                None if facts.gateway.is_some() && bound.host_ip.is_unspecified() => {
                    facts.gateway?.to_string()
                }
                None => reachable_locally(bound.host_ip).to_string(),
                // A remote engine's loopback is not ours, unless the engine itself is reached through ours.
                Some(host) if bound.host_ip.is_loopback() && !is_loopback_name(host) => {
                    return None;
                }
                Some(host) => host.to_owned(),
            };
            let port = bound.host;
            Some(Route::Published { host, port })
        })
}

fn reachable_locally(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

/// The host name in `tcp://host:port`, `https://host:port` or `ssh://user@host`; `None` for a local socket or pipe.
#[must_use]
pub fn remote_host(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once("://")?;
    if matches!(scheme, "unix" | "npipe") {
        return None;
    }
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next();
    }
    host.split(':').next()
}

fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        BoundPort, ContainerId, ContainerState, ImageId, ImageRef, ObservedContainer, ServiceName,
    };

    fn world(address: &str, routable: bool, host_ip: &str) -> Vec<String> {
        seen(address, routable, None, host_ip)
    }

    /// From within a container of the engine.
    fn seen_from(gateway: Option<IpAddr>, host_ip: &str) -> Vec<String> {
        seen("unix:///var/run/docker.sock", false, gateway, host_ip)
    }

    fn seen(address: &str, routable: bool, gateway: Option<IpAddr>, host_ip: &str) -> Vec<String> {
        let facts = EngineFacts {
            version: "20.10.24".to_owned(),
            api: (1, 41),
            platform: "linux/amd64".to_owned(),
            address: address.to_owned(),
            routable,
            gateway,
        };
        let container = ObservedContainer {
            id: ContainerId::new("c1"),
            name: "p-db-1".to_owned(),
            service: ServiceName::new("db").unwrap(),
            number: 1,
            image: ImageRef::new("db"),
            image_id: ImageId::new("i1"),
            state: ContainerState::Created,
            restarts: 0,
            labels: std::collections::BTreeMap::new(),
            ports: vec![BoundPort {
                host_ip: host_ip.parse().unwrap(),
                host: 15432,
                container: 5432,
                protocol: Protocol::Tcp,
            }],
            addresses: [("p_default".to_owned(), "172.18.0.2".parse().unwrap())].into(),
            volumes: std::collections::BTreeMap::new(),
        };
        let ways = routes(&facts, None, &container, 5432);
        ways.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn in_a_container_of_the_engine_only_ports_on_all_addresses_are_found() {
        let gateway = Some(Ipv4Addr::new(172, 17, 0, 1).into());

        assert_eq!(seen_from(gateway, "0.0.0.0"), ["172.17.0.1:15432"]);
        assert_eq!(seen_from(gateway, "127.0.0.1"), [""; 0]);
    }

    #[test]
    fn the_best_way_depends_on_where_the_engine_is() {
        let socket = "unix:///var/run/docker.sock";
        let table: &[(&str, bool, &str, &[&str])] = &[
            (
                socket,
                true,
                "127.0.0.1",
                &["172.18.0.2:5432", "127.0.0.1:15432"],
            ),
            (socket, false, "127.0.0.1", &["127.0.0.1:15432"]),
            (socket, false, "0.0.0.0", &["127.0.0.1:15432"]),
            (socket, false, "::", &["[::1]:15432"]),
            (socket, false, "192.168.1.9", &["192.168.1.9:15432"]),
            (
                "tcp://build.example:2376",
                false,
                "0.0.0.0",
                &["build.example:15432"],
            ),
            ("tcp://build.example:2376", false, "127.0.0.1", &[]),
            (
                "tcp://localhost:2375",
                false,
                "127.0.0.1",
                &["localhost:15432"],
            ),
            (
                "ssh://me@far:22/run/docker.sock",
                false,
                "::",
                &["far:15432"],
            ),
            (
                "tcp://[fd00::1]:2375",
                false,
                "0.0.0.0",
                &["[fd00::1]:15432"],
            ),
        ];
        for (address, routable, host_ip, expected) in table {
            let ways = world(address, *routable, host_ip);
            assert_eq!(
                &ways, expected,
                "{address}, routable {routable}, bound to {host_ip}"
            );
        }
    }
}
