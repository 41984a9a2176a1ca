//! The stores that tenants share: made by the first run that needs them, found again by the later ones, and gone once
//! nobody has used them for a day.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::apart::{Original, free_ports, random, reach};
use super::culprit::culprit;
use super::run::{kept, note_kept};
use super::set_up::interrupted;
use super::teardown::remove;
use super::tenant::is_used;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::{faults, up};
use crate::data::{DataContext, Glance, Inputs, Wanted};
use crate::domain::{
    AmqpLogin, BuildImages, CiRequest, Consent, ContainerState, Failure, FailureKind, ImageId,
    ImageRef, ImageSource, Observed, Phase, PostgresLogin, ProjectName, Readiness, RedisLogin,
    Secret, Service, ServiceName, Stack,
};
use crate::engine::{Engine, EngineFacts};
use crate::event::Event;
use crate::isolate::{
    Choice, Holder, Lease, Relocation, SHARED, copy, fixed_ports, free_subnet, is_store, mark,
    shared,
};
use crate::plan::{self, UpOptions};
use crate::report::words;
use crate::run::ProjectLock;
use crate::store::{self, Privacy};

/// How long others on the engine leave the stores alone, who can't see when they were last used.
const LEASE: Duration = Duration::from_hours(24 * 7);
/// The apps of so many tenants have an address in the stores' network.
const ADDRESSES: usize = 100;

/// What is known of the stores, kept among the tool's own state and readable by its owner alone.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    /// By the variables' names.
    values: BTreeMap<String, String>,
    ports: BTreeMap<u16, u16>,
    subnets: BTreeMap<String, String>,
    /// As the objects have it.
    lease: BTreeMap<String, String>,
    /// Each store's kind, and the variables of its administrator.
    stores: BTreeMap<String, (String, BTreeMap<String, String>)>,
}

/// The shared stores.
pub(super) struct Keeper {
    /// Their stack.
    pub stack: Stack,
    /// One run at a time makes them, and chooses a part of them.
    pub lock: ProjectLock,
}

/// The stores that are asked for.
pub(super) struct Stores<'a> {
    /// The stack that they are a part of, as its files say it.
    pub stack: &'a Stack,
    /// Those that must stand.
    pub needed: &'a BTreeSet<ServiceName>,
    /// The images that are here.
    pub images: &'a BTreeMap<ImageRef, ImageId>,
    /// Values that each stack has of its own.
    pub generated: &'a BTreeMap<String, Secret>,
}

impl Known {
    fn read(session: &Session, project: &ProjectName) -> Option<Self> {
        let text = fs::read(place(session, project)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn write(&self, session: &Session, project: &ProjectName) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).expect("text and numbers");
        write_private(&place(session, project), &text)
    }

    /// The stores as far as it takes to log in to them.
    fn door(&self, project: &ProjectName) -> Option<Stack> {
        let services = self.stores.iter().map(|(name, (kind, variables))| {
            let mut store = bare(name, kind)?;
            store.container_name = Some(format!("{project}-{name}-1"));
            for (name, value) in variables {
                store.container.environment.set(name, value.as_str());
            }
            Some((store.name.clone(), store))
        });
        let services = services.collect::<Option<BTreeMap<_, _>>>()?;
        Some(Stack {
            project: project.clone(),
            working_dir: PathBuf::new(),
            config_files: Vec::new(),
            services,
            disabled: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            bases: BTreeMap::new(),
            seeds: None,
        })
    }
}

/// Writes a file of the tool's own state that only its owner reads.
pub(super) fn write_private(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let failed = |reason: String| {
        let message = format!("cannot write `{}`: {reason}", path.display());
        Failure::new(FailureKind::Project, message).hint("go without `--isolate tenant`")
    };
    let directory = path.parent().expect("it is below the state's directory");
    fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
    store::write(path, text, Privacy::Private).map_err(|error| failed(error.to_string()))
}

/// A store of this name and kind, and nothing more.
pub(super) fn bare(name: &str, kind: &str) -> Option<Service> {
    let mut store = Service::new(ServiceName::new(name).ok()?, ImageSource::named("-"));
    store.ready = match kind {
        "postgres" => Readiness::Postgres,
        "redis" => Readiness::Redis,
        "amqp" => Readiness::Amqp,
        _ => return None,
    };
    Some(store)
}

/// The word for a store's kind.
pub(super) fn kind_of(store: &Service) -> &'static str {
    match store.ready {
        Readiness::Postgres => "postgres",
        Readiness::Redis => "redis",
        _ => "amqp",
    }
}

fn place(session: &Session, project: &ProjectName) -> PathBuf {
    let directory = session.locks().with_file_name("shared");
    directory.join(format!("{project}.json"))
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

/// Sees that the stores of `needed` stand, and makes those that don't.
///
/// # Errors
/// Why they can't be made.
pub(super) async fn stand(
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
        let made = make(session, engine, request, &shared_project, needed).await;
        if made.is_err() {
            remove(&**engine, &project).await.ok();
            forget(session, &project);
        }
        made?;
    }
    Ok(Keeper { stack, lock })
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

/// The variables that say who administers a store.
fn administrator(store: &Service) -> BTreeMap<String, String> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let text = |text: &str| Some(text.to_owned());
    let variables = match store.ready {
        Readiness::Postgres => {
            let login = PostgresLogin::of(store, &read);
            let password = login.password.and_then(|password| text(password.expose()));
            vec![
                ("POSTGRES_USER", Some(login.user)),
                ("POSTGRES_PASSWORD", password),
                ("POSTGRES_DB", Some(login.database)),
            ]
        }
        Readiness::Redis => {
            let login = RedisLogin::of(store, &read);
            let password = login.password.and_then(|password| text(password.expose()));
            vec![("REDIS_USERNAME", login.user), ("REDIS_PASSWORD", password)]
        }
        _ => {
            let login = AmqpLogin::of(store, &read);
            vec![
                ("RABBITMQ_DEFAULT_USER", Some(login.user)),
                ("RABBITMQ_DEFAULT_PASS", text(login.password.expose())),
                ("RABBITMQ_DEFAULT_VHOST", Some(login.vhost)),
            ]
        }
    };
    let given = variables.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
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

/// What the work on the stores' data needs; `None` where nothing is known of them any more.
pub(super) fn context(
    session: &Session,
    engine: &Arc<dyn Engine>,
    facts: EngineFacts,
    project: &ProjectName,
) -> Option<DataContext> {
    let door = Known::read(session, project)?.door(project)?;
    Some(DataContext {
        engine: Arc::clone(engine),
        facts,
        containers: up::containers(&door),
        stack: Arc::new(door),
        events: session.events.clone(),
        glance: Glance::default(),
    })
}

/// Forgets a stack that is gone: that it was to stay, and what was known of stores.
pub(in crate::app) fn forget(session: &Session, project: &ProjectName) {
    // What isn't there needs no removal.
    fs::remove_file(place(session, project)).ok();
    fs::remove_file(
        session
            .locks()
            .with_file_name("kept")
            .join(project.as_str()),
    )
    .ok();
}

/// Whether the stores are this user's own.
pub(in crate::app) fn is_ours(session: &Session, project: &ProjectName) -> bool {
    place(session, project).exists()
}

/// Whether a store has ended: without durability, that is nothing to go on with.
pub(in crate::app) fn have_ended(stores: &Observed) -> bool {
    let mut all = stores.containers.iter();
    all.any(|store| {
        matches!(
            store.state,
            ContainerState::Exited { .. } | ContainerState::Dead
        )
    })
}

/// Removes shared stores that nobody has used for a day, or that have ended, unless somebody uses them by now.
///
/// # Errors
/// Where the engine refuses, or they can't be locked.
pub(in crate::app) async fn remove_unused(
    session: &Session,
    engine: &dyn Engine,
    project: &ProjectName,
) -> Result<bool, Failure> {
    let _lock = up::lock_name(session, project.as_str()).await?;
    let observed = engine.observe(project, &[]).await;
    let observed = observed.map_err(|error| faults::at("look at the shared stores", error))?;
    let is_kept = kept(session, project.as_str()) && !have_ended(&observed);
    if is_kept || is_used(session, project) {
        return Ok(false);
    }
    let removed = remove(engine, project).await;
    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
    forget(session, project);
    Ok(true)
}
