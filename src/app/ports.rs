//! Ports that were taken for others: found, offered, remembered for this checkout, and put into every run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::IsTerminal as _;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::block::Block;
use super::project::{Place, Project};
use super::session::Session;
use super::up::taken;
use super::{faults, question};
use crate::composefile::Loaded;
use crate::domain::{
    Failure, FailureKind, HostPort, Protocol, PublishedPort, Remap, Scope, Service, ServiceName,
    Setup, Stack,
};
use crate::dotenv::Template;
use crate::engine::Engine;
use crate::event::Event;
use crate::run::is_free;
use crate::store::{BrokenRecord, StateDir, read_record, write_record};

/// Where they are remembered, in the project's state.
const FILE: &str = "ports.json";
/// The version of that file.
const VERSION: u32 = 1;
/// Ports below this are the system's; their stand-ins are looked for from 8000 on.
const SYSTEM: u16 = 1024;

/// What this checkout uses in place of what its files say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Remapped {
    version: u32,
    /// Variables that feed a port, with their values here.
    variables: BTreeMap<String, String>,
    /// Ports that no variable feeds: the file's, and the one here.
    fixed: BTreeMap<u16, u16>,
}

impl Remapped {
    /// What is remembered in `state`; nothing where nothing is, or where it can't be read, which is told.
    pub fn recall(session: &Session, state: &StateDir) -> Self {
        session.unbroken(Self::read(state))
    }

    /// The same, without a word.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(state: &StateDir) -> Result<Option<Self>, BrokenRecord> {
        read_record(&state.path().join(FILE), VERSION)
    }

    fn keep(&self, session: &Session, state: &StateDir) -> Result<(), Failure> {
        let state = state.directory("").map_err(Failure::from)?;
        let aside = write_record(&state.join(FILE), VERSION, self).map_err(Failure::from)?;
        session.tell_aside(aside);
        Ok(())
    }

    /// The environment in which the files are read: what a person set for this run counts more.
    pub fn set(&self, environment: &mut BTreeMap<String, String>) {
        for (name, value) in &self.variables {
            environment
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
    }

    /// Puts the ports that no variable feeds into the stack, its URLs included.
    pub fn apply(&self, stack: &mut Stack) {
        for service in stack.services.values_mut() {
            for (old, new) in &self.fixed {
                let mut is_its_own = false;
                for port in &mut service.container.ports {
                    if port.host == HostPort::Fixed(*old) {
                        port.host = HostPort::Fixed(*new);
                        is_its_own = true;
                    }
                }
                if is_its_own {
                    service.url = service.url.take().map(|url| moved(&url, *old, *new));
                }
            }
        }
    }
}

/// The URL with another port, also where it names none because it is http's own.
fn moved(url: &str, old: u16, new: u16) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let usual = matches!((scheme, old), ("http", 80) | ("https", 443));
    match host.rsplit_once(':') {
        Some((name, port)) if port == old.to_string() => format!("{scheme}://{name}:{new}{path}"),
        None if usual => format!("{scheme}://{host}:{new}{path}"),
        _ => url.to_owned(),
    }
}

/// Sees that the project's ports are free: takes others where the person wishes it, and loads the project anew.
///
/// # Errors
/// Where the state can't be written, or no port is free.
pub(super) async fn settle(
    session: &Session,
    project: Project,
    engine: &dyn Engine,
    request: &Setup,
) -> Result<Project, Failure> {
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if request.run == crate::domain::Run::Dry || (request.remap == Remap::Ask && !asks) {
        return Ok(project);
    }
    let services = project.stack.services.values();
    if taken(services.clone(), &[]).is_empty() {
        return Ok(project);
    }
    let observed = engine
        .observe(&project.stack.project, &[])
        .await
        .map_err(|error| faults::at("look at the project", error))?;
    let ours: Vec<u16> = observed
        .containers
        .iter()
        .filter(|found| found.is_running())
        .flat_map(|found| found.ports.iter().map(|port| port.host))
        .collect();
    let mut moves: Vec<(&Service, u16, u16)> = Vec::new();
    let mut avoided = wanted(&project.stack);
    for (service, taken) in taken(services, &ours) {
        let old = taken.address.port();
        let new = next_free(taken.address, taken.protocol, &avoided)?;
        avoided.insert(new);
        moves.push((service, old, new));
    }
    if moves.is_empty() {
        return Ok(project);
    }
    let offer: Vec<String> = moves
        .iter()
        .map(|(service, old, new)| format!("{new} for {old} of `{}`", service.name))
        .collect();
    let question = format!(
        "Ports are taken. Take {} in this checkout?",
        offer.join(", ")
    );
    if request.remap == Remap::Ask && !question::confirm(session, request.consent, &question)? {
        return Ok(project);
    }
    let mut remapped = Remapped::recall(session, &project.state);
    remapped.version = VERSION;
    let mut block = Block::recall(session, &project.state);
    for (service, old, new) in &moves {
        if block.replace(*old, *new) {
            block.keep(session, &project.state)?;
        } else if let Some(name) = variable(session, &project, request, service, *old, *new) {
            remapped.variables.insert(name, new.to_string());
        } else {
            // A port that was moved before is moved on from where the file has it.
            let origin = remapped.fixed.iter().find(|(_, here)| *here == old);
            let origin = origin.map_or(*old, |(origin, _)| *origin);
            remapped.fixed.insert(origin, *new);
        }
        let text = format!(
            "port {old} of `{}` is taken; this checkout uses {new} from now on",
            service.name
        );
        session.events.tell(Event::Notice { text });
    }
    remapped.keep(session, &project.state)?;
    Project::load(session, &request.scope)
}

fn wanted(stack: &Stack) -> BTreeSet<u16> {
    let ports = stack
        .services
        .values()
        .flat_map(|service| &service.container.ports);
    ports
        .filter_map(|port| match port.host {
            HostPort::Fixed(port) => Some(port),
            _ => None,
        })
        .collect()
}

fn next_free(
    address: SocketAddr,
    protocol: Protocol,
    avoided: &BTreeSet<u16>,
) -> Result<u16, Failure> {
    let old = address.port();
    let first = if old < SYSTEM {
        8000 + old
    } else {
        old.saturating_add(1)
    };
    let ip = address.ip();
    (first..=u16::MAX)
        .find(|port| !avoided.contains(port) && is_free(SocketAddr::new(ip, *port), protocol))
        .ok_or_else(|| {
            Failure::new(FailureKind::Port, format!("no port above {old} is free"))
                .hint("see who holds them with `ss -ltnp`")
        })
}

/// The variable of the Compose files that feeds this port: with another value, the service publishes that one.
fn variable(
    session: &Session,
    project: &Project,
    request: &Setup,
    service: &Service,
    old: u16,
    new: u16,
) -> Option<String> {
    let mut environment = session.environment.clone();
    Remapped::recall(session, &project.state).set(&mut environment);
    let trial = Trial {
        session,
        place: &Place::find(session, &request.scope),
        scope: &request.scope,
        plain: &project.loaded,
        environment: &environment,
    };
    let is_ours = |name: &str| !session.environment.contains_key(name);
    trial.variable(&service.name, old, new, is_ours)
}

/// Readings of the files on trial.
pub(super) struct Trial<'a> {
    pub session: &'a Session,
    pub place: &'a Place,
    pub scope: &'a Scope,
    /// What the files say now.
    pub plain: &'a Loaded,
    /// The environment that they are read in.
    pub environment: &'a BTreeMap<String, String>,
}

impl Trial<'_> {
    /// The variable, of those that may be, with which the service publishes `new` in the place of `old`.
    pub fn variable(
        &self,
        service: &ServiceName,
        old: u16,
        new: u16,
        may_be: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let texts: Vec<String> = self
            .plain
            .stack
            .config_files
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok())
            .collect();
        let names: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| Template::parse(line).ok())
            .flat_map(|template| {
                template
                    .variables()
                    .iter()
                    .map(|variable| variable.name)
                    .collect::<Vec<_>>()
            })
            .collect();
        names
            .into_iter()
            .filter(|name| may_be(name))
            .filter(|name| {
                let value = self.plain.environment.get(*name);
                value.is_none_or(|value| *value == old.to_string())
            })
            .find(|name| {
                let mut environment = self.environment.clone();
                environment.insert((*name).to_owned(), new.to_string());
                let loaded = Project::read(self.session, self.place, self.scope, environment);
                loaded.is_ok_and(|loaded| {
                    let now = loaded.stack.service(service);
                    now.is_some_and(|now| {
                        let ports = &now.container.ports;
                        publishes(ports, new) && !publishes(ports, old)
                    })
                })
            })
            .map(str::to_owned)
    }
}

fn publishes(ports: &[PublishedPort], port: u16) -> bool {
    ports
        .iter()
        .any(|published| published.host == HostPort::Fixed(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_follows_its_port() {
        assert_eq!(
            moved("http://localhost:3000/x", 3000, 3001),
            "http://localhost:3001/x"
        );
        assert_eq!(moved("http://localhost", 80, 8080), "http://localhost:8080");
        assert_eq!(
            moved("http://localhost:3000", 80, 8080),
            "http://localhost:3000"
        );
    }
}
