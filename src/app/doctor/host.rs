//! What the machine tells: limits, room, names, ports.

use std::collections::BTreeMap;
use std::fs;
use std::net::ToSocketAddrs as _;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::project::AtEngine;
use crate::app::up::taken;
use crate::doctor::{HostFacts, PortSeen, PortUser, Proxies, Space};
use crate::domain::{HostPort, Stack};

/// All but ports.
pub(super) fn look(root: &Path, variables: &BTreeMap<String, String>) -> HostFacts {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let inotify = "/proc/sys/fs/inotify";
    let watches = number(&format!("{inotify}/max_user_watches"));
    let instances = number(&format!("{inotify}/max_user_instances"));
    let temporary = std::env::temp_dir();
    let localhost = ("localhost", 0).to_socket_addrs();
    HostFacts {
        localhost: localhost.map_or_else(
            |_| Vec::new(),
            |found| {
                let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
                addresses.sort();
                addresses.dedup();
                addresses
            },
        ),
        inotify: watches.zip(instances),
        open_files: Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)),
        project_space: space(root),
        temporary: space(&temporary).map(|space| (temporary, space)),
        memory: available_memory(),
        kernel: fs::read_to_string("/proc/version").unwrap_or_default(),
        filesystem: filesystem(root),
        proxies: proxies(variables),
        ..HostFacts::default()
    }
}

/// Room on the filesystem of `path`.
pub(super) fn space(path: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// `MemAvailable` in bytes, see proc(5).
pub(in crate::app) fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The type of the filesystem that `path` lies on: the longest mount point above it, see proc(5).
fn filesystem(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let under = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        path.starts_with(point)
            .then(|| (point.len(), kind.to_owned()))
    });
    under
        .max_by_key(|(length, _)| *length)
        .map_or_else(String::new, |(_, kind)| kind)
}

fn proxies(variables: &BTreeMap<String, String>) -> Proxies {
    let set = |name: &&str| variables.get(*name).is_some_and(|value| !value.is_empty());
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let around = ["NO_PROXY", "no_proxy"]
        .iter()
        .find_map(|name| variables.get(*name));
    Proxies {
        set: names
            .iter()
            .find(|name| set(name))
            .map(|&name| name.to_owned()),
        around: around.cloned().unwrap_or_default(),
    }
}

/// The ports that somebody else has, and how many the stack wants.
pub(super) fn ports(stack: &Stack, found: &AtEngine) -> (Vec<PortSeen>, usize) {
    let ours = found
        .observed
        .iter()
        .flat_map(|observed| &observed.containers);
    let ours: Vec<u16> = ours
        .filter(|container| container.is_running())
        .flat_map(|container| container.ports.iter().map(|port| port.host))
        .collect();
    let services: Vec<_> = stack.services.values().collect();
    let seen = taken(services.iter().copied(), &ours)
        .into_iter()
        .map(|(service, taken)| {
            let port = taken.address.port();
            let user = match (found.published.get(&port), taken.holder) {
                (Some(other), _) => PortUser::Container {
                    name: other.container.clone(),
                    project: other.project.clone(),
                    directory: other.directory.clone(),
                },
                (None, Some(holder)) => PortUser::Process {
                    pid: holder.pid,
                    name: holder.name,
                    command: holder.command,
                },
                (None, None) => PortUser::Unknown,
            };
            PortSeen {
                service: service.name.clone(),
                port,
                user,
            }
        });
    let wanted = services
        .iter()
        .flat_map(|service| &service.container.ports)
        .filter(|port| matches!(port.host, HostPort::Fixed(_)));
    (seen.collect(), wanted.count())
}
