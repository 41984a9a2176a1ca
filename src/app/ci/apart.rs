//! The copy of the project: fresh secrets in memory, free ports and subnets, and what the command is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::base::Base;
use super::lasting::{self, Lasting};
use super::memory::Memory;
use super::owner::this_process;
use super::run::note_kept;
use super::teardown::remove;
use super::tenant::Tenant;
use crate::app::files::Disk;
use crate::app::project::{Place, Project, wrong};
use crate::app::randomness::SystemRandomness;
use crate::app::session::Session;
use crate::app::{environment, faults, up};
use crate::composefile::{self, FileReader, Loaded};
use crate::domain::{
    CiRequest, Failure, FailureKind, InMemory, Ownership, Phase, Protocol, Scope, Secret, Stack,
};
use crate::engine::{Engine, EngineFacts};
use crate::env::{Document, Origin, Randomness, Schema, Sources, Variable, reconcile};
use crate::isolate::{
    Choice, Holder, Lease, POOL_SIZE, Reach, Relocation, ci_project, copy, fixed_ports,
    free_subnet, host_environment,
};
use crate::plan;
use crate::run::{ProjectLock, is_free};

/// Ports below the range that the kernel hands out by itself, so that no outgoing connection takes one.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// How long a lease holds where nobody can tell whether its owner lives.
const LEASE: Duration = Duration::from_hours(6);
/// The name under which the checkout's `.env` is left aside.
const NO_ENV: &str = "/dev/null/jobsprint-dev";

/// How long a stack that stays on purpose is nobody's garbage.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// How long a copy lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Lasts {
    /// As long as the run that it was made for.
    ThisRun,
    /// A day, for a look.
    ADay,
    /// Until the next run of this checkout takes it over, a day at most.
    UntilTheNext,
}

impl Lasts {
    /// Who answers for the copy, and until when. One that stays is nobody's from the beginning on: what other users of the
    /// engine see of it are its labels, and these can't be changed later.
    pub(super) fn lease(self, session: &Session) -> Lease {
        let (holder, time) = match self {
            Self::ThisRun => (this_process(), LEASE),
            Self::ADay | Self::UntilTheNext => (Holder::nobody(), KEPT),
        };
        let named = ["GITHUB_RUN_ID", "CI_JOB_ID"];
        let mut named = named
            .iter()
            .filter_map(|name| session.environment.get(*name));
        Lease {
            holder,
            expires: SystemTime::now() + time,
            directory: session.directory.clone(),
            run: named.next().cloned(),
        }
    }
}

/// A disposable copy of the project.
pub(in crate::app) struct Apart {
    /// The copy.
    pub project: Project,
    /// What the command finds in its environment.
    pub told: BTreeMap<String, Secret>,
    /// The addresses that the schema declares, with the files' ports.
    pub declared: BTreeMap<String, Secret>,
    /// What its stores begin with.
    pub base: Base,
    /// What its stores have in memory.
    pub memory: Option<Arc<Memory>>,
    /// What it has of shared stores.
    pub tenant: Option<Tenant>,
    _lock: Option<ProjectLock>,
}

impl Apart {
    /// A copy for one run, whose stores begin with nothing.
    pub fn new(project: Project, told: BTreeMap<String, Secret>) -> Self {
        Self {
            project,
            told,
            declared: BTreeMap::new(),
            base: Base::nothing(),
            memory: None,
            tenant: None,
            _lock: None,
        }
    }
}

/// The project's files, read for copies.
pub(in crate::app) struct Original {
    pub(super) place: Place,
    scope: Scope,
    pub(super) schema: Option<Schema>,
    process: BTreeMap<String, String>,
}

impl Original {
    /// Finds the project that `scope` means.
    ///
    /// # Errors
    /// Every fault of its schema.
    pub fn find(session: &Session, scope: &Scope) -> Result<Self, Failure> {
        let place = Place::find(session, scope);
        let schema = environment::schema(&place.root)?;
        let mut scope = scope.clone();
        let mut process = session.environment.clone();
        if let Some(schema) = &schema {
            // The schema makes a whole environment by itself: neither the checkout's `.env` nor what a
            // developer's shell says of the developer's own stack belongs into this one.
            process.retain(|name, _| {
                schema
                    .variable(name)
                    .is_none_or(|variable| !is_made(variable))
            });
            if scope.env_files.is_empty() {
                scope.env_files = vec![NO_ENV.into()];
            }
        }
        Ok(Self {
            place: Place::find(session, &scope),
            scope,
            schema,
            process,
        })
    }

    /// Makes a copy with values, names and addresses that nobody else has; for a `request` that wants it, one whose stores
    /// begin with a template where there is one, and whose secrets are that one's, and have their data in memory. A copy that an earlier run left
    /// for the next is taken over as it is.
    ///
    /// # Errors
    /// Where the files are wrong, or the engine or this machine has no room.
    pub async fn apart(
        &self,
        session: &Session,
        engine: &dyn Engine,
        request: Option<&CiRequest>,
        lasting: Lasts,
    ) -> Result<Apart, Failure> {
        let mut values = self.values(&BTreeMap::new());
        let mut loaded = self.load(session, &values)?;
        let names = plan::select(&loaded.stack, &self.scope.services);
        let names = names.map_err(|error| up::unknown(&error))?;
        let original = self.place.further.project(&loaded.stack.project);
        let project = match lasting {
            Lasts::ThisRun | Lasts::ADay => ci_project(&original, random()),
            Lasts::UntilTheNext => lasting::project_of(&original, &self.place.root),
        };
        // One run at a time has a stack that stays, and nobody clears that away meanwhile.
        let (lock, known) = match lasting {
            Lasts::ThisRun | Lasts::ADay => (None, None),
            Lasts::UntilTheNext => {
                let lock = up::lock_name(session, project.as_str()).await?;
                note_kept(session, project.as_str())?;
                let known = Lasting::find(session, engine, &project).await;
                if known.is_none() {
                    // Of what may be left of it nobody knows the passwords any more.
                    let removed = remove(engine, &project).await;
                    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
                }
                (Some(lock), known)
            }
        };
        if let Some(known) = &known {
            values = self.values(&known.values());
            loaded = self.load(session, &values)?;
        }
        let base = match request {
            Some(request) if known.is_none() && request.template == Phase::Do => {
                let generated = self.generated(&values);
                Base::find(session, engine, request, &loaded.stack, generated).await?
            }
            _ => Base::nothing(),
        };
        if let Some(template) = &base.template {
            // The data was made with these: passwords stand in it, and what n8n's key has sealed.
            values = self.values(&template.values);
            loaded = self.load(session, &values)?;
        }
        let stack = &loaded.stack;

        let looking = |error| faults::at("look at the engine", error);
        let facts = engine.facts().await.map_err(looking)?;
        let taken = engine.subnets().await.map_err(looking)?;
        let reach = reach(&facts, &taken);
        let relocation = Relocation {
            ports: free_ports(&fixed_ports(stack), reach.bind)?,
            reach: reach.clone(),
        };
        let mut choice = Choice {
            project,
            subnets: subnets(stack, taken)?,
            relocation,
            lease: lasting.lease(session),
        };
        if let Some(known) = known {
            choice = known.choice(choice, reach);
        }
        if lasting == Lasts::UntilTheNext {
            Lasting::note(session, &choice, &self.generated(&values))?;
        }
        let mut stack = copy(stack, &choice);
        base.make_room(&mut stack);
        // What stays for others, who may start the engine again meanwhile, stays on the disk.
        let memory = match (lasting, request) {
            (Lasts::ThisRun, Some(request)) => request.memory,
            _ => InMemory::Nothing,
        };
        let largest = base.template.as_ref().map_or(0, |found| found.largest());
        let labels = choice.lease.labels();
        let memory = Memory::choose(engine, &mut stack, &names, (memory, largest), labels).await;
        let declared = declared(&values);
        let told = host_environment(&stack, &names, &declared, &choice.relocation);
        let schema = self.schema.clone();
        Ok(Apart {
            project: Project::apart(session, &self.place, loaded, stack, schema),
            told,
            declared,
            base,
            memory: memory.map(Arc::new),
            tenant: None,
            _lock: lock,
        })
    }

    pub(super) fn load(
        &self,
        session: &Session,
        values: &BTreeMap<String, Secret>,
    ) -> Result<Loaded, Failure> {
        let mut environment = self.process.clone();
        for (name, value) in values {
            environment.insert(name.clone(), value.expose().to_owned());
        }
        let request = self.place.request(session, &self.scope, environment);
        composefile::load(&request, &WithoutEnv).map_err(|diagnostics| wrong(session, &diagnostics))
    }

    /// Those of `values` that are made at random.
    pub(super) fn generated(&self, values: &BTreeMap<String, Secret>) -> BTreeMap<String, Secret> {
        let variables = self.schema.iter().flat_map(Schema::variables);
        variables
            .filter(|variable| matches!(variable.origin, Origin::Generated(_)))
            .filter_map(|variable| {
                let value = values.get(&variable.key)?;
                Some((variable.key.clone(), value.clone()))
            })
            .collect()
    }

    /// A fresh environment: what the schema generates, unless it is among those `known`, its defaults, and what the
    /// process says of the rest.
    pub(super) fn values(&self, known: &BTreeMap<String, Secret>) -> BTreeMap<String, Secret> {
        let Some(schema) = &self.schema else {
            return BTreeMap::new();
        };
        let given: String = schema
            .variables()
            .filter_map(|variable| {
                let process = self.process.get(&variable.key).map(String::as_str);
                let known = known.get(&variable.key).map(Secret::expose);
                Some((variable, known.or(process)?))
            })
            .filter_map(|(variable, value)| {
                let value = crate::dotenv::quote(value).ok()?;
                Some(format!("{}={value}\n", variable.key))
            })
            .collect();
        let existing = Document::parse(&given).ok();
        let made = reconcile(schema, existing, &mut |_| None, &mut SystemRandomness);
        Sources::new(
            schema,
            &BTreeMap::new(),
            &[(".env".to_owned(), made.document)],
        )
        .values()
    }
}

/// The variables that tell the host where things are.
pub(super) fn declared(values: &BTreeMap<String, Secret>) -> BTreeMap<String, Secret> {
    values
        .iter()
        .filter(|(_, value)| value.expose().contains("://"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether the tool makes this variable's value by itself: generated, a port, or put together of others.
fn is_made(variable: &Variable) -> bool {
    match &variable.origin {
        Origin::Default(written) => {
            written.contains("${") || written.parse::<u16>().is_ok() || written.contains("://")
        }
        Origin::Asked { .. } | Origin::Nowhere => false,
        Origin::Generated(_) => true,
    }
}

/// The disk, with an empty file in the place of the checkout's `.env`.
struct WithoutEnv;

impl FileReader for WithoutEnv {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new(NO_ENV) {
            return Ok(String::new());
        }
        Disk.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path == Path::new(NO_ENV) || Disk.is_file(path)
    }
}

/// A free port for each that the files ask for by number.
pub(super) fn free_ports(
    asked: &BTreeSet<u16>,
    bind: IpAddr,
) -> Result<BTreeMap<u16, u16>, Failure> {
    let span = u32::from(PORTS.end - PORTS.start);
    let mut chosen = BTreeMap::new();
    let mut used = BTreeSet::new();
    for port in asked {
        let found = (0..10_000)
            .filter_map(|_| u16::try_from(random() % span).ok())
            .map(|step| PORTS.start + step)
            .find(|port| {
                !used.contains(port) && is_free(SocketAddr::new(bind, *port), Protocol::Tcp)
            });
        let found = found.ok_or_else(|| {
            let message = format!("no port is free between {} and {}", PORTS.start, PORTS.end);
            Failure::new(FailureKind::Port, message).hint("see who has them with `ss -ltn`")
        })?;
        used.insert(found);
        chosen.insert(*port, found);
    }
    Ok(chosen)
}

pub(super) fn subnets(
    stack: &Stack,
    mut taken: Vec<String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut chosen = BTreeMap::new();
    for (key, network) in &stack.networks {
        let is_default = network
            .driver
            .as_deref()
            .is_none_or(|driver| driver == "bridge");
        if network.ownership == Ownership::External || !is_default {
            continue;
        }
        let containers = stack
            .services
            .values()
            .map(|service| service.replicas as usize)
            .sum();
        let subnet = free_subnet(containers, &taken, random() % POOL_SIZE).ok_or_else(|| {
            Failure::new(FailureKind::Port, "no subnet is free in 10.214.0.0/16")
                .hint("remove what nobody owns any more with `jobsprint-dev stacks gc`")
        })?;
        taken.push(subnet.clone());
        chosen.insert(key.clone(), subnet);
    }
    Ok(chosen)
}

/// How this process reaches the ports that the engine publishes.
pub(in crate::app) fn reach(facts: &EngineFacts, subnets: &[String]) -> Reach {
    let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let remote = ["tcp://", "http://", "https://", "ssh://"]
        .iter()
        .find_map(|scheme| facts.address.strip_prefix(scheme));
    if let Some(address) = remote {
        let address = address.split('/').next().unwrap_or_default();
        let address = address
            .rsplit_once('@')
            .map_or(address, |(_, address)| address);
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return Reach {
                bind: everywhere,
                host: host.to_owned(),
            };
        }
    }
    match gateway().filter(|_| !shares_network(subnets)) {
        // The engine's socket is mounted into this container: loopback is the container's own.
        Some(gateway) => Reach {
            bind: everywhere,
            host: gateway.to_string(),
        },
        None => Reach::default(),
    }
}

/// Whether this process sees the engine's own network: it does where it isn't a container with the engine's socket
/// mounted, and where no virtual machine stands between.
fn shares_network(subnets: &[String]) -> bool {
    let is_inside = ["/.dockerenv", "/run/.containerenv"];
    if !is_inside.iter().any(|mark| Path::new(mark).exists()) {
        return true;
    }
    // A bridge's own address is the first of its subnet, and can be bound only where the bridge is.
    subnets.iter().any(|subnet| {
        let address = subnet.split('/').next().unwrap_or_default();
        let network = address.parse::<Ipv4Addr>().map(u32::from);
        network.is_ok_and(|network| UdpSocket::bind((Ipv4Addr::from(network + 1), 0)).is_ok())
    })
}

/// The default route's gateway, from `/proc/net/route` (addresses there are in the host's byte order).
fn gateway() -> Option<Ipv4Addr> {
    let routes = std::fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (destination, gateway) = (fields.get(1)?, fields.get(2)?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        (*destination == "00000000" && gateway != 0).then(|| Ipv4Addr::from(gateway.to_ne_bytes()))
    })
}

pub(in crate::app) fn random() -> u32 {
    let mut bytes = [0; 4];
    SystemRandomness.fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(address: &str) -> EngineFacts {
        EngineFacts {
            version: String::new(),
            api: (1, 41),
            platform: String::new(),
            address: address.to_owned(),
            routable: false,
            gateway: None,
        }
    }

    #[test]
    fn a_remote_engines_ports_are_found_at_its_own_address() {
        assert_eq!(reach(&facts("tcp://10.0.0.7:2376"), &[]).host, "10.0.0.7");
        assert_eq!(
            reach(&facts("ssh://ada@build.example:22"), &[]).host,
            "build.example"
        );
    }

    #[test]
    fn every_port_gets_one_of_its_own() {
        let chosen =
            free_ports(&BTreeSet::from([80, 443, 5432]), Ipv4Addr::LOCALHOST.into()).unwrap();

        let distinct: BTreeSet<&u16> = chosen.values().collect();
        assert_eq!(distinct.len(), 3);
        assert!(chosen.values().all(|port| PORTS.contains(port)));
    }
}
