//! What is judged of the engine.

use std::time::Duration;

use super::{EngineSeen, Facts, Proxies, Space};
use crate::domain::{FailureKind, Service, Verdict};
use crate::engine::{Absence, DiskUsers, EngineSurvey};

/// The oldest API whose calls the tool makes.
const OLDEST: (u32, u32) = (1, 40);
/// A build and a few images take this much.
pub const LITTLE: u64 = 2 << 30;
/// So many of the largest are named.
const LARGEST: usize = 3;
/// Below this, not even a container's log can be trusted to be written.
const NOTHING: u64 = 256 << 20;
/// Certificates and tokens are refused beyond this.
const SKEW: Duration = Duration::from_secs(30);
/// What file times and logs may be wrong by.
const SLIGHT_SKEW: Duration = Duration::from_secs(2);
/// Networks that Docker's own default pools hold: 172.17–172.31 and the /20s of 192.168.
const DEFAULT_NETWORKS: usize = 31;
/// Memory that a service takes whose need nobody has written down.
const USUAL_NEED: u64 = 96 << 20;

pub(super) fn judge(facts: &Facts) -> Vec<Verdict> {
    let seen = match &facts.engine {
        Ok(seen) => seen,
        Err(absence) => return vec![absent(absence)],
    };
    let mut verdicts = vec![reachable(seen), api(seen)];
    match &seen.survey {
        Ok(survey) => {
            verdicts.push(rootless(facts, survey));
            verdicts.push(cgroup(survey));
            verdicts.push(storage(survey));
            verdicts.push(memory(facts, seen, survey));
            verdicts.extend(clock(seen, survey));
            verdicts.push(forwarding(survey));
            verdicts.push(pools(survey));
            verdicts.push(proxy(&facts.host.proxies, survey));
            verdicts.extend(
                seen.space
                    .map(|space| disk(space, seen.disk_users.as_ref(), survey)),
            );
        }
        Err(reason) => {
            let said = format!("the engine does not tell of itself: {reason}");
            verdicts.push(
                Verdict::problem("engine.answers", FailureKind::Engine, said)
                    .mend("sudo systemctl restart docker"),
            );
        }
    }
    verdicts.push(architecture(seen));
    verdicts.extend(names(seen));
    verdicts
}

fn absent(absence: &Absence) -> Verdict {
    let check = match absence {
        Absence::NoPermission { .. } => "engine.permission",
        Absence::Hangs { .. } => "engine.answers",
        _ => "engine.reachable",
    };
    let verdict = Verdict::problem(check, FailureKind::Engine, absence.to_string());
    match absence.hints().into_iter().next() {
        Some(hint) => verdict.mend(hint),
        None => verdict,
    }
}

fn reachable(seen: &EngineSeen) -> Verdict {
    let (version, address) = (&seen.facts.version, &seen.facts.address);
    Verdict::ok(
        "engine.reachable",
        format!("{version} answers at {address}"),
    )
}

fn api(seen: &EngineSeen) -> Verdict {
    let (major, minor) = seen.facts.api;
    if (major, minor) >= OLDEST {
        return Verdict::ok("engine.api", format!("API {major}.{minor}"));
    }
    let reason = format!(
        "the engine's API {major}.{minor} is older than {}.{}, which the tool needs",
        OLDEST.0, OLDEST.1
    );
    Verdict::problem("engine.api", FailureKind::Engine, reason)
        .shown(format!("engine {}", seen.facts.version))
        .mend("install a newer engine: `sudo apt-get install docker.io`")
}

fn rootless(facts: &Facts, survey: &EngineSurvey) -> Verdict {
    if !survey.rootless {
        return Verdict::ok("engine.rootless", "the engine runs as root");
    }
    let stack = facts
        .project
        .stack
        .as_ref()
        .and_then(|stack| stack.as_ref().ok());
    let low: Vec<String> = stack
        .iter()
        .flat_map(|stack| stack.services.values())
        .flat_map(|service| {
            let ports = service.container.ports.iter();
            ports.filter_map(|port| match port.host {
                crate::domain::HostPort::Fixed(host) if host < 1024 => {
                    Some(format!("`{}` publishes {host}", service.name))
                }
                _ => None,
            })
        })
        .collect();
    if low.is_empty() {
        return Verdict::ok("engine.rootless", "the engine runs as an ordinary user");
    }
    let reason = "a rootless engine can't publish ports below 1024";
    let mut verdict = Verdict::problem("engine.rootless", FailureKind::Engine, reason)
        .mend("sudo sysctl net.ipv4.ip_unprivileged_port_start=80");
    verdict.evidence = low;
    verdict
}

fn cgroup(survey: &EngineSurvey) -> Verdict {
    match survey.cgroup_driver.as_str() {
        "none" => Verdict::warning(
            "engine.cgroup",
            "limits of memory and CPU have no effect: the engine has no cgroup driver",
        )
        .shown("cgroup driver: none")
        .mend("delegate cgroups to your user: https://rootlesscontaine.rs/getting-started/common/cgroup2/"),
        driver => Verdict::ok("engine.cgroup", format!("cgroups by {driver}")),
    }
}

fn storage(survey: &EngineSurvey) -> Verdict {
    let driver = survey.storage.as_str();
    if !matches!(driver, "vfs" | "devicemapper" | "aufs") {
        return Verdict::ok("engine.storage", format!("storage driver {driver}"));
    }
    let reason = match driver {
        "vfs" => {
            "the storage driver `vfs` copies every layer whole: builds are slow and disks fill"
        }
        _ => "the engine's storage driver is no longer maintained",
    };
    Verdict::warning("engine.storage", reason)
        .shown(format!("storage driver: {driver}, in {}", survey.root))
        .mend("set \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json and restart the engine")
}

fn memory(facts: &Facts, seen: &EngineSeen, survey: &EngineSurvey) -> Verdict {
    let stack = facts
        .project
        .stack
        .as_ref()
        .and_then(|stack| stack.as_ref().ok());
    let services = stack.iter().flat_map(|stack| stack.services.values());
    let mut needs: Vec<(u64, String)> =
        services.map(|service| need(facts, seen, service)).collect();
    needs.sort_by(|one, other| other.cmp(one));
    let whole: u64 = needs.iter().map(|(bytes, _)| bytes).sum();
    if survey.memory == 0 || survey.memory >= whole {
        let text = format!(
            "{} of memory, {} needed",
            bytes(survey.memory),
            bytes(whole)
        );
        return Verdict::ok("engine.memory", text);
    }
    let reason = format!(
        "the stack needs {} of memory, and the engine's machine has {}",
        bytes(whole),
        bytes(survey.memory)
    );
    let verdict = Verdict::problem("engine.memory", FailureKind::Engine, reason);
    let verdict = needs
        .into_iter()
        .take(LARGEST)
        .fold(verdict, |verdict, (_, told)| verdict.shown(told));
    verdict.mend("give the engine's machine more memory, or start fewer services: `jobsprint-dev up SERVICE`")
}

/// What a service needs in bytes, and the words for it: what it was seen to take, else what its file says.
fn need(facts: &Facts, seen: &EngineSeen, service: &Service) -> (u64, String) {
    let now = seen.used_memory.get(&service.name);
    let recorded = facts
        .project
        .appetites
        .get(service.name.as_str())
        .max(now)
        .copied();
    let resources = &service.container.resources;
    let reserved = resources.memory_reservation;
    let (one, source) = match (recorded, reserved) {
        (Some(recorded), reserved) if reserved.is_none_or(|reserved| reserved <= recorded) => {
            (recorded, "at its last starts")
        }
        (_, Some(reserved)) => (reserved, "reserved"),
        _ => match resources.memory {
            Some(limit) => (limit, "its limit"),
            None => (USUAL_NEED, "a guess: it never ran here"),
        },
    };
    let all = one * u64::from(service.replicas);
    (
        all,
        format!("`{}` takes {} ({source})", service.name, bytes(all)),
    )
}

fn clock(seen: &EngineSeen, survey: &EngineSurvey) -> Option<Verdict> {
    let theirs = survey.clock?;
    let (skew, word) = match theirs.duration_since(seen.asked) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if skew <= SLIGHT_SKEW {
        return Some(Verdict::ok(
            "engine.clock",
            "the engine's clock agrees with this one",
        ));
    }
    let reason = format!("the engine's clock is {} s {word} this one", skew.as_secs());
    let verdict = if skew > SKEW {
        Verdict::problem("engine.clock", FailureKind::Engine, reason)
            .shown("certificates and tokens made here are refused there")
    } else {
        Verdict::warning("engine.clock", reason)
    };
    Some(verdict.mend("set the clock of the engine's machine: `sudo timedatectl set-ntp true`, or restart its virtual machine"))
}

fn forwarding(survey: &EngineSurvey) -> Verdict {
    if survey.forwards {
        return Verdict::ok("engine.forwarding", "packets are forwarded to containers");
    }
    let reason = "the engine's machine forwards no packets: containers reach nobody";
    Verdict::problem("engine.forwarding", FailureKind::Engine, reason)
        .shown("net.ipv4.ip_forward = 0")
        .mend("sudo sysctl net.ipv4.ip_forward=1")
}

fn pools(survey: &EngineSurvey) -> Verdict {
    let room = if survey.pools.is_empty() {
        DEFAULT_NETWORKS
    } else {
        let sizes = survey
            .pools
            .iter()
            .map(|(base, size)| networks_in(base, *size));
        sizes.fold(0, usize::saturating_add)
    };
    let used = survey
        .subnets
        .iter()
        .filter(|net| !net.contains("::"))
        .count();
    if used < room {
        let text = format!("{used} of {room} address pools are used");
        return Verdict::ok("engine.pools", text);
    }
    let reason = "no address range is left for another network";
    Verdict::problem("engine.pools", FailureKind::Engine, reason)
        .shown(format!("{used} networks, where the pools hold {room}"))
        .mend("docker network prune")
}

/// How many networks of `size` bits fit in `base`, as 172.16.0.0/12.
fn networks_in(base: &str, size: u32) -> usize {
    let bits = base
        .split_once('/')
        .and_then(|(_, bits)| bits.parse::<u32>().ok());
    let spare = size.saturating_sub(bits.unwrap_or(size)).min(31);
    1 << spare
}

fn proxy(ours: &Proxies, survey: &EngineSurvey) -> Verdict {
    let Some(name) = &ours.set else {
        return Verdict::ok("engine.proxy", "no proxy is set");
    };
    let around: Vec<&str> = ours.around.split(',').map(str::trim).collect();
    if !around
        .iter()
        .any(|&host| matches!(host, "localhost" | "127.0.0.1" | "*"))
    {
        return Verdict::warning(
            "engine.proxy",
            format!(
                "{name} is set, and NO_PROXY lacks localhost: requests to the stack go to the proxy"
            ),
        )
        .shown(format!("NO_PROXY={}", ours.around))
        .mend("export NO_PROXY=localhost,127.0.0.1");
    }
    if survey.proxy.is_empty() {
        return Verdict::warning(
            "engine.proxy",
            format!("{name} is set here, and the engine pulls images without a proxy"),
        )
        .shown("the engine's own proxy: none")
        .mend("set \"proxies\" in /etc/docker/daemon.json and restart the engine");
    }
    Verdict::ok("engine.proxy", "the engine pulls through a proxy")
}

fn disk(space: Space, users: Option<&DiskUsers>, survey: &EngineSurvey) -> Verdict {
    let free = bytes(space.free);
    if space.free >= LITTLE {
        let text = format!("{free} are free for images and volumes");
        return Verdict::ok("engine.disk", text);
    }
    let reason = format!("the engine's disk has {free} left");
    let verdict = if space.free < NOTHING {
        Verdict::problem("engine.disk", FailureKind::Engine, reason)
    } else {
        Verdict::warning("engine.disk", reason)
    };
    let total = bytes(space.total);
    let verdict = verdict.shown(format!("{free} of {total} are free in {}", survey.root));
    let images: u64 = survey.images.iter().map(|(_, size)| size).sum();
    let largest = named(
        survey
            .images
            .iter()
            .map(|(name, size)| (name.clone(), *size)),
    );
    let count = survey.images.len();
    let images = users.map_or(images, |users| users.images);
    let verdict = verdict.shown(format!("{count} images take {}: {largest}", bytes(images)));
    let Some(users) = users else {
        return verdict.mend("docker system df -v; docker builder prune; docker image prune");
    };
    let volumes: u64 = users.volumes.iter().map(|volume| volume.bytes).sum();
    let largest = named(users.volumes.iter().map(|volume| {
        let owner = volume.project.as_deref().unwrap_or("nobody");
        (format!("{} of {owner}", volume.name), volume.bytes)
    }));
    let unmounted = users.volumes.iter().filter(|volume| !volume.mounted);
    let unmounted: u64 = unmounted.map(|volume| volume.bytes).sum();
    let verdict = verdict
        .shown(format!(
            "{} volumes take {}: {largest}",
            users.volumes.len(),
            bytes(volumes)
        ))
        .shown(format!("no container mounts {} of them", bytes(unmounted)))
        .shown(format!(
            "the build cache takes {}",
            bytes(users.build_cache)
        ));
    let mut ways = [
        (users.build_cache, "docker builder prune"),
        (images, "docker image prune"),
        (unmounted, "docker volume ls --filter dangling=true"),
    ];
    ways.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    verdict.mend(ways.map(|(_, command)| command).join("; "))
}

/// The first few, each with its size.
fn named(all: impl Iterator<Item = (String, u64)>) -> String {
    let shown: Vec<String> = all
        .take(LARGEST)
        .map(|(name, size)| format!("{name} {}", bytes(size)))
        .collect();
    shown.join(", ")
}

fn architecture(seen: &EngineSeen) -> Verdict {
    let wanted = &seen.facts.platform;
    let foreign: Vec<String> = seen
        .images
        .iter()
        .filter(|(_, traits)| !same_platform(&traits.platform, wanted))
        .map(|(image, traits)| format!("{image} is for {}", traits.platform))
        .collect();
    if foreign.is_empty() {
        let text = format!("the stack's images are for {wanted}");
        return Verdict::ok("engine.architecture", text);
    }
    let reason = format!("images are for another machine than the engine's ({wanted})");
    let mut verdict = Verdict::problem("engine.architecture", FailureKind::Image, reason).mend(
        format!("pull or build them for {wanted}: `jobsprint-dev up --build`"),
    );
    verdict.evidence = foreign;
    verdict
}

/// Whether both names mean one machine: an image without a word on it runs anywhere.
fn same_platform(image: &str, engine: &str) -> bool {
    let known = |text: &str| text.replace("x86_64", "amd64").replace("aarch64", "arm64");
    image.ends_with('/') || known(engine).starts_with(&known(image))
}

fn names(seen: &EngineSeen) -> Vec<Verdict> {
    let mut bad = Vec::new();
    for lookup in &seen.lookups {
        let service = &lookup.service;
        let verdict = if lookup.servers.is_empty() {
            let reason = format!("`{service}` can look up no names: it has no name server");
            Verdict::problem("engine.names", FailureKind::Engine, reason)
                .shown("its /etc/resolv.conf names none")
        } else if let Some(unknown) = &lookup.unknown {
            let reason = format!("`{service}` can't find `{unknown}` by its name");
            Verdict::problem("engine.names", FailureKind::Engine, reason)
                .shown(format!("its name servers: {}", lookup.servers.join(", ")))
        } else {
            continue;
        };
        bad.push(verdict.mend(format!(
            "look at `dns`, `networks` and mounts over /etc/resolv.conf of `{service}`, then `jobsprint-dev up --force-recreate {service}`"
        )));
    }
    if bad.is_empty() && !seen.lookups.is_empty() {
        bad.push(Verdict::ok(
            "engine.names",
            "services find each other by name",
        ));
    }
    bad
}

pub(super) fn bytes(size: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    UNITS.iter().find(|(_, unit)| size >= *unit).map_or_else(
        || format!("{size} B"),
        |(name, unit)| format!("{}.{} {name}", size / unit, size % unit * 10 / unit),
    )
}
