//! A service's settings as the engine applies them.

use std::collections::BTreeMap;

use crate::domain::{
    ContainerSettings, Device, Healthcheck, HostPort, Logging, NetworkAttachment, Protocol,
    PublishedPort, Resources, RestartPolicy, Ulimit, whole_bytes,
};

use super::read::{flag, int, number, size, text, text_map, time};
use super::service::environment;
use super::{Lowering, list};
use crate::composefile::node::{Entry, Node, Value};
use crate::composefile::port;

impl Lowering<'_, '_> {
    pub(super) fn container(&mut self, node: &Node) -> ContainerSettings {
        let (mounts, files) = self.mounts(node);
        ContainerSettings {
            command: command(node, "command"),
            entrypoint: command(node, "entrypoint"),
            environment: environment(node),
            mounts,
            files,
            ports: self.ports(node),
            expose: self.expose(node),
            healthcheck: node.get("healthcheck").map(healthcheck),
            networks: networks(node),
            network_mode: text(node, "network_mode"),
            restart: self.restart(node),
            working_dir: text(node, "working_dir"),
            user: text(node, "user"),
            hostname: text(node, "hostname"),
            domainname: text(node, "domainname"),
            labels: text_map(node, "labels"),
            extra_hosts: hosts(node),
            init: node.get("init").and_then(Node::as_bool),
            stop_grace: time(node, "stop_grace_period"),
            stop_signal: text(node, "stop_signal"),
            tty: flag(node, "tty"),
            stdin_open: flag(node, "stdin_open"),
            platform: text(node, "platform"),
            ulimits: node
                .get("ulimits")
                .map(Node::entries)
                .unwrap_or_default()
                .iter()
                .map(ulimit)
                .collect(),
            shm_size: size(node, "shm_size"),
            logging: node.get("logging").map(logging).unwrap_or_default(),
            resources: resources(node),
            ipc: text(node, "ipc"),
            pid: text(node, "pid"),
            uts: text(node, "uts"),
            cgroup: text(node, "cgroup"),
            cgroup_parent: text(node, "cgroup_parent"),
            links: self.links(node),
            cap_add: list(node, "cap_add"),
            cap_drop: list(node, "cap_drop"),
            privileged: flag(node, "privileged"),
            security_opt: list(node, "security_opt"),
            sysctls: text_map(node, "sysctls"),
            read_only: flag(node, "read_only"),
            devices: node
                .get("devices")
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .map(device)
                .collect(),
            device_cgroup_rules: list(node, "device_cgroup_rules"),
            dns: self.dns(node),
            dns_search: list(node, "dns_search"),
            dns_opt: list(node, "dns_opt"),
            group_add: list(node, "group_add"),
            userns_mode: text(node, "userns_mode"),
            runtime: text(node, "runtime"),
            gpus: gpus(node),
            annotations: text_map(node, "annotations"),
            mac_address: text(node, "mac_address"),
            oom_score_adj: int(node, "oom_score_adj"),
            oom_kill_disable: node.get("oom_kill_disable").and_then(Node::as_bool),
            volumes_from: list(node, "volumes_from"),
            storage_opt: text_map(node, "storage_opt"),
        }
    }

    fn ports(&mut self, node: &Node) -> Vec<PublishedPort> {
        let ports = node.get("ports").map(Node::items).unwrap_or_default();
        ports.iter().filter_map(|port| self.port(port)).collect()
    }

    fn port(&mut self, node: &Node) -> Option<PublishedPort> {
        let host_ip = match text(node, "host_ip").map(|ip| ip.parse()) {
            Some(Err(_)) => {
                self.loader.fault(
                    Some(node.place),
                    "`host_ip` is not an IP address",
                    "not an address",
                    None,
                );
                None
            }
            Some(Ok(ip)) => Some(ip),
            None => None,
        };
        let host = match text(node, "published").map(|published| port::range(&published)) {
            None | Some(Ok((0, 0))) => HostPort::Any,
            Some(Ok((first, last))) if first == last => HostPort::Fixed(first),
            Some(Ok((first, last))) => HostPort::Range(first, last),
            Some(Err(why)) => {
                self.loader.fault(Some(node.place), why, "not a port", None);
                return None;
            }
        };
        let Some(container) = number::<u16>(node, "target").filter(|port| *port != 0) else {
            self.loader.fault(
                Some(node.place),
                "this port has no `target` between 1 and 65535",
                "`target` was expected",
                None,
            );
            return None;
        };
        let protocol = match text(node, "protocol").as_deref() {
            Some("udp") => Protocol::Udp,
            Some("sctp") => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        Some(PublishedPort {
            host_ip,
            host,
            container,
            protocol,
            name: text(node, "name"),
        })
    }

    fn expose(&mut self, node: &Node) -> Vec<String> {
        let mut exposed = Vec::new();
        for item in node.get("expose").map(Node::items).unwrap_or_default() {
            let written = item.as_text().unwrap_or_default();
            match port::parse(written) {
                Ok(ports) => exposed.extend(
                    ports
                        .iter()
                        .map(|port| format!("{}/{}", port.target, port.protocol)),
                ),
                Err(why) => self
                    .loader
                    .fault(Some(item.place), why, "a port was expected", None),
            }
        }
        exposed
    }

    fn restart(&mut self, node: &Node) -> RestartPolicy {
        let Some(restart) = node.get("restart") else {
            return node
                .at(&["deploy", "restart_policy"])
                .map(restart_policy)
                .unwrap_or_default();
        };
        let written = restart.as_text().unwrap_or_default();
        let (policy, limit) = written.split_once(':').unwrap_or((written, ""));
        match (policy, limit, limit.parse().ok()) {
            ("no", "", _) => RestartPolicy::No,
            ("always", "", _) => RestartPolicy::Always,
            ("unless-stopped", "", _) => RestartPolicy::UnlessStopped,
            ("on-failure", "", _) => RestartPolicy::OnFailure { retries: None },
            ("on-failure", _, Some(retries)) => RestartPolicy::OnFailure {
                retries: Some(retries),
            },
            _ => {
                let label =
                    "one of `no`, `always`, `on-failure[:TIMES]`, `unless-stopped` was expected";
                self.loader.fault(
                    Some(restart.place),
                    format!("`{written}` is no restart policy"),
                    label,
                    None,
                );
                RestartPolicy::No
            }
        }
    }

    fn dns(&mut self, node: &Node) -> Vec<std::net::IpAddr> {
        let mut servers = Vec::new();
        for item in node.get("dns").map(Node::items).unwrap_or_default() {
            let written = item.as_text().unwrap_or_default();
            match written.parse() {
                Ok(server) => servers.push(server),
                Err(_) => self.loader.fault(
                    Some(item.place),
                    format!("`{written}` is not an IP address"),
                    "a name server's address was expected",
                    None,
                ),
            }
        }
        servers
    }

    /// Links to other services by their container's name, and links to containers outside the project.
    fn links(&self, node: &Node) -> Vec<String> {
        let inside = list(node, "links").into_iter().map(|link| {
            let (service, alias) = link
                .split_once(':')
                .unwrap_or((link.as_str(), link.as_str()));
            let named = self
                .root
                .at(&["services", service])
                .and_then(|node| text(node, "container_name"));
            let container = named.unwrap_or_else(|| format!("{}-{service}-1", self.project));
            format!("{container}:{alias}")
        });
        let outside = list(node, "external_links").into_iter().map(|link| {
            if link.contains(':') {
                link
            } else {
                format!("{link}:{link}")
            }
        });
        inside.chain(outside).collect()
    }
}

fn command(node: &Node, key: &str) -> Option<Vec<String>> {
    node.get(key).map(super::read::strings)
}

/// `NAME=ADDRESS` of `extra_hosts` as the engine takes it.
pub(super) fn hosts(node: &Node) -> Vec<String> {
    list(node, "extra_hosts")
        .iter()
        .map(|host| host.replacen('=', ":", 1))
        .collect()
}

fn healthcheck(node: &Node) -> Healthcheck {
    let test = if flag(node, "disable") {
        vec!["NONE".to_owned()]
    } else {
        list(node, "test")
    };
    Healthcheck {
        test,
        interval: time(node, "interval"),
        timeout: time(node, "timeout"),
        retries: number(node, "retries"),
        start_period: time(node, "start_period"),
        start_interval: time(node, "start_interval"),
    }
}

fn networks(node: &Node) -> BTreeMap<String, NetworkAttachment> {
    let entries = node.get("networks").map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), attachment(&entry.value)))
        .collect()
}

fn attachment(node: &Node) -> NetworkAttachment {
    NetworkAttachment {
        aliases: list(node, "aliases"),
        ipv4_address: text(node, "ipv4_address"),
        ipv6_address: text(node, "ipv6_address"),
        link_local_ips: list(node, "link_local_ips"),
        priority: int(node, "priority").unwrap_or_default(),
        driver_opts: text_map(node, "driver_opts"),
        mac_address: text(node, "mac_address"),
    }
}

fn restart_policy(node: &Node) -> RestartPolicy {
    match text(node, "condition").as_deref() {
        Some("none") => RestartPolicy::No,
        Some("on-failure") => RestartPolicy::OnFailure {
            retries: number(node, "max_attempts"),
        },
        Some("unless-stopped") => RestartPolicy::UnlessStopped,
        _ => RestartPolicy::Always,
    }
}

fn ulimit(entry: &Entry) -> Ulimit {
    let node = &entry.value;
    let single = node.as_int();
    Ulimit {
        name: entry.key.clone(),
        soft: single.or_else(|| int(node, "soft")).unwrap_or_default(),
        hard: single.or_else(|| int(node, "hard")).unwrap_or_default(),
    }
}

fn logging(node: &Node) -> Logging {
    Logging {
        driver: text(node, "driver"),
        options: text_map(node, "options"),
    }
}

fn resources(node: &Node) -> Resources {
    let limits = node.at(&["deploy", "resources", "limits"]);
    let reserved = node.at(&["deploy", "resources", "reservations"]);
    let cpus = limits
        .and_then(|limits| limits.get("cpus"))
        .or_else(|| node.get("cpus"));
    Resources {
        memory: limits
            .and_then(|limits| size(limits, "memory"))
            .or_else(|| size(node, "mem_limit")),
        memory_reservation: reserved
            .and_then(|reserved| size(reserved, "memory"))
            .or_else(|| size(node, "mem_reservation")),
        memory_swap: text(node, "memswap_limit").and_then(|bytes| bytes.parse().ok()),
        nano_cpus: cpus.and_then(nano_cpus),
        cpu_shares: number(node, "cpu_shares"),
        cpuset: text(node, "cpuset"),
        pids: limits
            .and_then(|limits| int(limits, "pids"))
            .or_else(|| int(node, "pids_limit")),
    }
}

fn nano_cpus(node: &Node) -> Option<u64> {
    match node.value {
        Value::Float(cores) => whole_bytes((cores * 1e9).round()),
        _ => None,
    }
}

fn device(node: &Node) -> Device {
    Device {
        host: text(node, "source").unwrap_or_default(),
        container: text(node, "target").unwrap_or_default(),
        permissions: text(node, "permissions").unwrap_or_default(),
    }
}

/// How many GPUs are asked for, by `gpus` or by a reservation of devices.
fn gpus(node: &Node) -> Option<i64> {
    let reserved = node
        .at(&["deploy", "resources", "reservations", "devices"])
        .map(Node::items)
        .unwrap_or_default();
    let is_gpu = |device: &&Node| {
        list(device, "capabilities")
            .iter()
            .any(|capability| capability == "gpu")
    };
    let asked = node.get("gpus").map(Node::items).unwrap_or_default();
    let count = |device: &Node| int(device, "count").unwrap_or(-1);
    asked
        .iter()
        .chain(reserved.iter().filter(is_gpu))
        .map(count)
        .next()
}
