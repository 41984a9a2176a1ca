//! Whether a stack starts by luck: the faults that its copies are started with, and what their starts mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::domain::{
    Condition, FailureKind, PlacedFile, Readiness, RestartPolicy, Role, Service, ServiceName,
    Stack, Verdict,
};

/// How late a service comes: longer than most retry by themselves within one start.
pub const LATE: Duration = Duration::from_secs(5);
/// The share of a core that every service gets where CPU is short.
const STARVED_CPUS: u64 = 500_000_000;
/// Where the postgres image looks for what it runs at a first start.
const INIT_DIRECTORY: &str = "/docker-entrypoint-initdb.d";

/// A fault that is put into a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFault {
    /// The service's container runs, and doesn't answer for a while.
    Slow(ServiceName),
    /// Its name doesn't resolve for a while.
    Nameless(ServiceName),
    /// It is restarted while it boots.
    Restarted(ServiceName),
    /// Every service gets half a core.
    Starved,
}

/// What happens to a stack that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaterFault {
    /// This service is killed, and started again.
    Killed(ServiceName),
    /// All containers are stopped, and started in random order.
    Shuffled,
}

/// One start, with its faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// While it starts.
    pub start: StartFault,
    /// Once it is ready.
    pub later: LaterFault,
}

impl fmt::Display for StartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(service) => write!(f, "`{service}` is slow to initialise"),
            Self::Nameless(service) => write!(f, "the name `{service}` resolves late"),
            Self::Restarted(service) => write!(f, "`{service}` is restarted while it boots"),
            Self::Starved => f.write_str("every service has half a core"),
        }
    }
}

impl fmt::Display for LaterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed(service) => write!(f, "`{service}` is killed"),
            Self::Shuffled => f.write_str("all containers are restarted in random order"),
        }
    }
}

/// Every fault once, for a stack of which `names` are started: kinds take turns, so that a few runs see most of them.
#[must_use]
pub fn trials(stack: &Stack, names: &BTreeSet<ServiceName>) -> Vec<Trial> {
    let services = || names.iter().filter_map(|name| stack.service(name));
    let is_needed = |name: &ServiceName| services().any(|other| mentions(other, name));
    let data: Vec<&Service> = services()
        .filter(|service| service.role == Role::Data)
        .collect();
    let slow = data.iter().map(|service| service.name.clone());
    // A postgres that is ended while it makes its cluster leaves half of one, with every image and every tool.
    let restarted = data
        .iter()
        .filter(|service| service.ready != Readiness::Postgres)
        .map(|service| service.name.clone());
    let nameless = services()
        .filter(|service| service.role == Role::Data || is_needed(&service.name))
        .map(|service| service.name.clone());
    let mut kinds: [Vec<StartFault>; 4] = [
        slow.map(StartFault::Slow).collect(),
        restarted.map(StartFault::Restarted).collect(),
        nameless.map(StartFault::Nameless).collect(),
        vec![StartFault::Starved],
    ];
    for kind in &mut kinds {
        kind.reverse();
    }
    let mut starts = Vec::new();
    while kinds.iter().any(|kind| !kind.is_empty()) {
        starts.extend(kinds.iter_mut().filter_map(Vec::pop));
    }
    let paired = starts.into_iter().enumerate().map(|(at, start)| {
        let killed = data.get(at / 2 % data.len().max(1));
        let later = match killed.filter(|_| at.is_multiple_of(2)) {
            Some(service) => LaterFault::Killed(service.name.clone()),
            None => LaterFault::Shuffled,
        };
        Trial { start, later }
    });
    paired.collect()
}

/// The copy of a stack as the trial starts it; `original` has the restart policies that a copy is made without.
#[must_use]
pub fn afflicted(copy: &Stack, original: &Stack, fault: &StartFault) -> Stack {
    let mut stack = copy.clone();
    for service in stack.services.values_mut() {
        let policy = original
            .service(&service.name)
            .map(|service| service.container.restart);
        let is_restarted = policy.is_some_and(|policy| policy != RestartPolicy::No);
        if is_restarted {
            service.container.restart = RestartPolicy::OnFailure { retries: None };
        }
        let cpus = &mut service.container.resources.nano_cpus;
        if *fault == StartFault::Starved {
            *cpus = Some(cpus.map_or(STARVED_CPUS, |given| given.min(STARVED_CPUS)));
        }
    }
    if let StartFault::Slow(name) = fault
        && let Some(service) = stack.services.get_mut(name)
        && takes_scripts(service)
    {
        let text = format!("select pg_sleep({});\n", LATE.as_secs());
        service.container.files.push(PlacedFile {
            target: Path::new(INIT_DIRECTORY).join("000-slow.sql"),
            content: text.into(),
            uid: 0,
            gid: 0,
            mode: 0o444,
        });
    }
    stack
}

/// Whether a script of ours may be put among those of the service's first start: never into what somebody mounted there.
#[must_use]
pub fn takes_scripts(service: &Service) -> bool {
    let mut mounts = service.container.mounts.iter();
    service.ready == Readiness::Postgres
        && mounts.all(|mount| !mount.target.starts_with(INIT_DIRECTORY))
}

/// A start with `fault` in which services failed, each with how: what each of them lacks.
#[must_use]
pub fn unlucky_start(
    stack: &Stack,
    fault: &StartFault,
    failed: &BTreeMap<ServiceName, Vec<String>>,
) -> Vec<Verdict> {
    let verdict = |(service, how): (&ServiceName, &Vec<String>)| {
        let reason = match victim(fault) {
            Some(victim) if victim == service => {
                format!("`{service}` does not come up where {fault}")
            }
            _ => format!("`{service}` starts by luck: it fails where {fault}"),
        };
        let mut verdict = Verdict::problem("prove.start", FailureKind::NotReady, reason);
        verdict.evidence.clone_from(how);
        verdict.mend(what_it_lacks(stack, service, fault))
    };
    failed.iter().map(verdict).collect()
}

fn victim(fault: &StartFault) -> Option<&ServiceName> {
    match fault {
        StartFault::Slow(victim) | StartFault::Nameless(victim) | StartFault::Restarted(victim) => {
            Some(victim)
        }
        StartFault::Starved => None,
    }
}

/// The lines to paste.
fn what_it_lacks(stack: &Stack, service: &ServiceName, fault: &StartFault) -> String {
    let needs: Vec<&ServiceName> = match victim(fault) {
        Some(victim) => vec![victim],
        None => stack.services.keys().collect(),
    };
    let is_mentioned = |name: &&ServiceName| {
        let asker = stack.service(service);
        victim(fault).is_some() || asker.is_some_and(|asker| mentions(asker, name))
    };
    let unwaited: Vec<&ServiceName> = needs
        .iter()
        .copied()
        .filter(|name| *name != service && !waits_for(stack, service, name))
        .filter(is_mentioned)
        .collect();
    if !unwaited.is_empty() {
        let lines: Vec<String> = unwaited
            .iter()
            .map(|name| format!("\n      {name}: {{ condition: service_healthy }}"))
            .collect();
        let lines = lines.concat();
        return format!("add these lines\nservices:\n  {service}:\n    depends_on:{lines}");
    }
    match victim(fault).filter(|victim| *victim != service) {
        Some(victim) => {
            let probe = better_probe(stack, victim);
            format!(
                "`{victim}` counts as ready too early; give it a probe that asks what `{service}` needs\n\
                 services:\n  {victim}:\n    x-jobsprint: {{ ready: {probe} }}"
            )
        }
        None => format!(
            "see what it says on a slow machine: `jobsprint-dev logs {service}`, and let it wait longer"
        ),
    }
}

/// A probe in the service's own protocol, as its image tells.
fn better_probe(stack: &Stack, service: &ServiceName) -> &'static str {
    let image = stack
        .service(service)
        .map(|service| service.image.reference.as_str());
    let image = image.unwrap_or_default();
    let known = [
        ("postgres", "postgres"),
        ("redis", "redis"),
        ("valkey", "redis"),
        ("rabbitmq", "amqp"),
    ];
    let found = known.iter().find(|(part, _)| image.contains(part));
    found.map_or("healthcheck", |(_, probe)| probe)
}

/// A running stack that met `fault`, and the services that did not come back, each with how that shows.
#[must_use]
pub fn lost(fault: &LaterFault, lost: &BTreeMap<ServiceName, Vec<String>>) -> Vec<Verdict> {
    let verdict = |(service, how): (&ServiceName, &Vec<String>)| {
        let reason = format!("`{service}` does not come back after {}", deed(fault));
        let mut verdict = Verdict::problem("prove.recovery", FailureKind::Exited, reason);
        verdict.evidence.clone_from(how);
        verdict.mend(format!(
            "let `{service}` connect again by itself, or add these lines\n\
             services:\n  {service}:\n    restart: unless-stopped"
        ))
    };
    lost.iter().map(verdict).collect()
}

fn deed(fault: &LaterFault) -> String {
    match fault {
        LaterFault::Killed(service) => format!("`{service}` was killed"),
        LaterFault::Shuffled => "all containers were restarted in random order".to_owned(),
    }
}

/// Whether `service` speaks of `other` in its environment, its command or its `depends_on`.
fn mentions(service: &Service, other: &ServiceName) -> bool {
    if service.name == *other {
        return false;
    }
    let container = &service.container;
    let values = container
        .environment
        .iter()
        .map(|(_, value)| value.expose());
    let words = container.command.iter().flatten().map(String::as_str);
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
    let names = |text: &str| {
        text.split(|c| !is_part(c))
            .any(|word| word == other.as_str())
    };
    service.depends_on.contains_key(other) || values.chain(words).any(names)
}

/// Whether `service` waits until `other` is ready, directly or through what it waits for.
fn waits_for(stack: &Stack, service: &ServiceName, other: &ServiceName) -> bool {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![service];
    while let Some(name) = waiting.pop() {
        let Some(service) = stack.service(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        for (dependency, how) in &service.depends_on {
            if dependency == other && how.condition != Condition::Started {
                return true;
            }
            waiting.push(dependency);
        }
    }
    false
}

#[cfg(test)]
mod tests;
