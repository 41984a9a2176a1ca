//! Shared stores that stand: those that are known, else ones that are made now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};

use super::known::{Known, administrator, forget, kind_of};
use crate::app::ci::apart::{Apart, Original, free_ports, random, reach};
use crate::app::ci::capsule::Wrong;
use crate::app::ci::culprit::culprit;
use crate::app::ci::run::{note_kept, write_capsule, write_junit};
use crate::app::ci::set_up::interrupted;
use crate::app::ci::teardown::remove;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::{faults, up};
use crate::data::{Inputs, Wanted};
use crate::domain::{
    BuildImages, CiRequest, Consent, ContainerId, Failure, FailureKind, ImageId, ImageRef,
    Observed, Phase, ProjectName, Secret, Service, ServiceName, Stack,
};
use crate::engine::{Engine, Removal};
use crate::event::Event;
use crate::isolate::{
    Choice, Holder, Lease, Relocation, SHARED, copy, fixed_ports, free_subnet, is_store, mark,
    shared,
};
use crate::plan::{self, UpOptions};
use crate::report::{PhaseReport, words};
use crate::run::ProjectLock;

/// How long others on the engine leave the stores alone, who can't see when they were last used.
const LEASE: Duration = Duration::from_hours(24 * 7);
/// The apps of so many tenants have an address in the stores' network.
const ADDRESSES: usize = 100;

/// The shared stores.
pub(in crate::app::ci) struct Keeper {
    /// Their stack.
    pub stack: Stack,
    /// One run at a time makes them, and chooses a part of them.
    pub lock: ProjectLock,
}

/// The stores that are asked for.
pub(in crate::app::ci) struct Stores<'a> {
    /// The stack that they are a part of, as its files say it.
    pub stack: &'a Stack,
    /// Those that must stand.
    pub needed: &'a BTreeSet<ServiceName>,
    /// The images that are here.
    pub images: &'a BTreeMap<ImageRef, ImageId>,
    /// Values that each stack has of its own.
    pub generated: &'a BTreeMap<String, Secret>,
}

/// Sees that the stores of `needed` stand, and makes those that don't.
///
/// # Errors
/// Why they can't be made.
pub(in crate::app::ci) async fn stand(
    session: &Session,
    original: &Original,
    engine: &Arc<dyn Engine>,
    request: &CiRequest,
    stores: &Stores<'_>,
) -> Result<Keeper, Failure> {
    let needed = stores.needed;
    let project = name(session, stores)?;
    let lock = up::lock_name(session, project.as_str()).await?;
    note_kept(session, project.as_str())?;
    let looking = |error| faults::at("look at the shared stores", error);
    let mut observed = engine.observe(&project, &[]).await.map_err(looking)?;
    let stands = |observed: &Observed| {
        let mut all = observed.containers.iter();
        !observed.containers.is_empty() && all.all(crate::domain::ObservedContainer::is_running)
    };
    let known = Known::read(session, &project).filter(|_| stands(&observed));
    let is_empty = observed.containers.is_empty() && observed.networks.is_empty();
    if known.is_none() && !(is_empty && observed.volumes.is_empty()) {
        // Without durability, what has stopped is nothing to go on with.
        let removed = remove(&**engine, &project).await;
        removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
        observed = Observed::default();
    }
    let is_known = known.is_some();
    let (known, shared_project) = prepare(session, original, engine, &project, known).await?;
    if !is_known {
        known.write(session, &project)?;
    }
    let stack = (*shared_project.stack).clone();
    let is_there = |name: &&ServiceName| observed.of(name).next().is_some();
    if !needed.iter().all(|name| is_there(&name)) {
        let began = session.events.elapsed();
        let made = make(session, engine, request, &shared_project, needed).await;
        if let Err(failure) = made {
            let took = session.events.elapsed().saturating_sub(began);
            if failure.kind != FailureKind::Interrupted {
                tell(session, engine, request, shared_project, &failure, took).await;
            }
            undo(session, &**engine, &project, &observed).await;
            return Err(failure);
        }
    }
    Ok(Keeper { stack, lock })
}

/// Tells why stores can't be made, while they are still there to be asked: as of any set-up that failed.
async fn tell(
    session: &Session,
    engine: &Arc<dyn Engine>,
    request: &CiRequest,
    project: Project,
    failure: &Failure,
    took: Duration,
) {
    let wrong = Wrong::of(failure);
    let apart = Apart::new(project, BTreeMap::new());
    write_capsule(session, request, &**engine, &apart, &wrong).await;
    let phase = PhaseReport {
        name: "set up",
        took,
        wrong: wrong.lines(),
    };
    let project = &apart.project.stack.project;
    let written = write_junit(session, request, project, &[phase]);
    if let Err(failure) = written {
        session.events.tell(Event::Warning {
            text: failure.message,
        });
    }
}

/// Removes what a making that failed has made. Of stores that stood before, other tenants have parts.
async fn undo(session: &Session, engine: &dyn Engine, project: &ProjectName, before: &Observed) {
    // What can't be removed now is found stopped, and removed, by a later run.
    if before.containers.is_empty() {
        remove(engine, project).await.ok();
        forget(session, project);
        return;
    }
    let Ok(now) = engine.observe(project, &[]).await else {
        return;
    };
    let stood = |id: &ContainerId| before.containers.iter().any(|one| one.id == *id);
    let containers = now.containers.iter().filter(|one| !stood(&one.id));
    let ends = containers.map(|one| engine.remove_container(&one.id, Removal::WithVolumes));
    join_all(ends).await;
    let had = |name: &str| before.volumes.iter().any(|one| one.name == name);
    let volumes = now.volumes.iter().filter(|one| !had(&one.name));
    join_all(volumes.map(|one| engine.remove_volume(&one.name))).await;
}

/// The name of the stores that stacks like this share: those of the same images and settings, and of the same user.
///
/// # Errors
/// Where a file can't be read.
fn name(session: &Session, stores: &Stores) -> Result<ProjectName, Failure> {
    let Stores {
        stack,
        needed,
        images,
        generated,
    } = stores;
    let stores = stack.services.values().filter(|service| is_store(service));
    let is_known = |store: &&Service| {
        needed.contains(&store.name) || images.contains_key(&store.image.reference)
    };
    let names: BTreeSet<ServiceName> = stores
        .filter(is_known)
        .map(|store| store.name.clone())
        .collect();
    let inputs = Inputs::of(&Wanted {
        stack: &shared(stack),
        names: &names,
        images,
        generated,
        migrate: Phase::Skip,
        seed: Phase::Skip,
    });
    let key = match inputs.map_err(Failure::from)? {
        Some(inputs) => inputs.key(),
        // An image isn't here yet: the stores are told apart by all else.
        None => words::list(&names.iter().map(ServiceName::as_str).collect::<Vec<_>>()),
    };
    let state = session.locks();
    let hash = Sha256::digest(format!("{key} {}", state.display()));
    let hash = u64::from_be_bytes(std::array::from_fn(|at| hash[at])) >> 24;
    Ok(ProjectName::new(format!("jobsprint-shared-{hash:010x}")).expect("letters and digits"))
}

/// The stores' stack: with the values, ports and addresses that are known, else with ones that nobody has.
async fn prepare(
    session: &Session,
    original: &Original,
    engine: &Arc<dyn Engine>,
    project: &ProjectName,
    known: Option<Known>,
) -> Result<(Known, Project), Failure> {
    let looking = |error| faults::at("look at the engine", error);
    let values = known.iter().flat_map(|known| &known.values);
    let values = values.map(|(name, value)| (name.clone(), value.as_str().into()));
    let values = original.values(&values.collect());
    let loaded = original.load(session, &values)?;
    let stack = shared(&loaded.stack);
    let facts = engine.facts().await.map_err(looking)?;
    let taken = engine.subnets().await.map_err(looking)?;
    let reach = reach(&facts, &taken);
    let (ports, subnets, lease) = if let Some(known) = &known {
        let lease = Lease::of(&known.lease);
        (known.ports.clone(), known.subnets.clone(), lease)
    } else {
        let subnet = free_subnet(ADDRESSES, &taken, random());
        let subnets = subnet.map(|subnet| ("default".to_owned(), subnet));
        let ports = free_ports(&fixed_ports(&stack), reach.bind)?;
        (ports, subnets.into_iter().collect(), None)
    };
    let choice = Choice {
        project: project.clone(),
        relocation: Relocation { ports, reach },
        subnets,
        lease: lease.unwrap_or_else(|| Lease {
            holder: Holder::nobody(),
            expires: SystemTime::now() + LEASE,
            directory: session.directory.clone(),
            run: None,
        }),
    };
    let mut stack = copy(&stack, &choice);
    mark(&mut stack, SHARED);
    let stores = stack.services.values().map(|store| {
        let kind = kind_of(store).to_owned();
        (store.name.to_string(), (kind, administrator(store)))
    });
    let generated = original.generated(&values).into_iter();
    let known = Known {
        values: generated
            .map(|(name, value)| (name, value.expose().to_owned()))
            .collect(),
        ports: choice.relocation.ports.clone(),
        subnets: choice.subnets.clone(),
        lease: choice.lease.labels(),
        stores: stores.collect(),
    };
    let schema = original.schema.clone();
    let project = Project::apart(session, &original.place, loaded, stack, schema);
    Ok((known, project))
}

/// Brings the stores up.
async fn make(
    session: &Session,
    engine: &Arc<dyn Engine>,
    request: &CiRequest,
    project: &Project,
    needed: &BTreeSet<ServiceName>,
) -> Result<(), Failure> {
    let names: Vec<&str> = needed.iter().map(ServiceName::as_str).collect();
    let text = format!(
        "bringing up {} for all tenants, as {}",
        words::list(&names),
        project.stack.project
    );
    session.events.tell(Event::Notice { text });
    let stack = &project.stack;
    let options = UpOptions {
        services: names.iter().map(ToString::to_string).collect(),
        migrate: Phase::Skip,
        seed: Phase::Skip,
        build: BuildImages::Missing,
        ..UpOptions::default()
    };
    let images = crate::app::hands::images_of(stack);
    let observed = engine.observe(&stack.project, &images).await;
    let observed = observed.map_err(|error| faults::at("look at the project", error))?;
    let plan = plan::up(stack, &observed, &options).map_err(|error| up::unknown(&error))?;
    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let limit = request.ready_timeout;
    let walked = up::walk(session, project, engine, &plan, Some(limit), Consent::Ask).await?;
    if walked.outcome.interrupted {
        return Err(interrupted());
    }
    culprit(stack, &plan, &walked.outcome, limit).map_or(Ok(()), Err)
}
