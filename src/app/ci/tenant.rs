//! A tenant: a run whose stores are parts of shared ones. What it has there stands in a note before any of it is made, so
//! that whoever finds its owner gone can drop it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use futures_util::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};

use super::apart::{Apart, Lasts, Original, free_ports, random, reach, subnets};
use super::keeper::{self, Keeper, Stores};
use super::owner::{lives, this_process};
use super::run::kept;
use super::set_up::{seeding, services};
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::randomness::SystemRandomness;
use crate::app::session::Session;
use crate::app::{faults, up};
use crate::composefile::Loaded;
use crate::data::{self, DataContext, DataError, Inputs, SharedTemplate, Wanted};
use crate::domain::{
    CiRequest, CommandPlace, Failure, FailureKind, Home, Phase, ProjectName, Readiness, Reuse,
    Secret, Service, ServiceName, Stack,
};
use crate::engine::Engine;
use crate::env::Recipe;
use crate::event::Event;
use crate::isolate::{
    Choice, Lease, Lodging, Relocation, Standing, TENANT, ci_project, copy, fixed_ports,
    host_environment, is_store, mark, refusal, settle, shared_ports,
};
use crate::plan;
use crate::report::words;

/// Under this name a password that the tool makes is among the values that are masked.
const PASSWORD: &str = "JOBSPRINT_TENANT_PASSWORD";
const FULL: &str = "give the run stores of its own: leave `--isolate tenant` out";

/// What a tenant has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The project of the shared stores.
    keeper: String,
    /// Its name in each store.
    name: String,
    /// The number of its redis database.
    number: u32,
    /// By service: its kind.
    stores: BTreeMap<String, String>,
    /// Whose it is.
    lease: BTreeMap<String, String>,
}

/// A tenant of this run.
pub(in crate::app) struct Tenant {
    keeper: ProjectName,
    own: Vec<Service>,
    /// What a template must be made of; `None` where none is wanted.
    inputs: Option<Inputs>,
    template: OnceLock<SharedTemplate>,
}

/// Refuses what a tenant can't be asked for.
///
/// # Errors
/// With the word that is too much.
pub(super) fn check(request: &CiRequest) -> Result<(), Failure> {
    if request.reuse == Reuse::Left {
        let message = "`--reuse` keeps a stack with its stores, and a tenant has none";
        return Err(Failure::new(FailureKind::Usage, message).hint(FULL));
    }
    Ok(())
}

/// Makes a copy whose stores are parts of shared ones, which stand when this returns.
///
/// # Errors
/// Why the stack can't be a tenant, or the stores can't be made.
pub(super) async fn apart(
    session: &Session,
    original: &Original,
    engine: &Arc<dyn Engine>,
    request: &CiRequest,
    lasts: Lasts,
) -> Result<Apart, Failure> {
    let values = original.values(&BTreeMap::new());
    let loaded = original.load(session, &values)?;
    let stack = &loaded.stack;
    let names = plan::select(stack, &services(request)).map_err(|error| up::unknown(&error))?;
    refuse(request, stack, &names)?;
    let stores = stack.services.values().filter(|service| is_store(service));
    let needed: BTreeSet<ServiceName> = stores
        .filter(|store| names.contains(&store.name))
        .map(|store| store.name.clone())
        .collect();
    if needed.is_empty() {
        return original
            .apart(session, &**engine, Some(request), lasts)
            .await;
    }
    let observed = engine.observe(&stack.project, &images_of(stack)).await;
    let images = observed
        .map_err(|error| faults::at("look at the images", error))?
        .images;
    let generated = original.generated(&values);
    let wanted = Wanted {
        stack,
        names: &names,
        images: &images,
        generated: &generated,
        migrate: request.migrate,
        seed: seeding(stack, &names, request).unwrap_or(Phase::Skip),
    };
    // What can't be told now is found out by the set-up, which says it better.
    let inputs = match request.template {
        Phase::Do => Inputs::of(&wanted).ok().flatten(),
        Phase::Skip => None,
    };
    let stores = Stores {
        stack,
        needed: &needed,
        images: &images,
        generated: &generated,
    };
    let keeper = keeper::stand(session, original, engine, request, &stores).await?;
    let project = original.place.further.project(&stack.project);
    let project = ci_project(&project, random());
    let lease = lasts.lease(session);
    let lodging = choose(session, &project, &keeper, (stack, &needed), &lease)?;
    let Keeper {
        stack: shared,
        lock,
    } = keeper;
    drop(lock);
    let moved = move_in(
        session,
        original,
        engine,
        (loaded, &values, &names),
        (&shared, &lodging),
        (project.clone(), lease),
    );
    match moved.await {
        Ok((project, told)) => {
            let own = project.stack.services.values();
            let own = own.filter(|one| needed.contains(&one.name)).cloned();
            let tenant = Tenant {
                keeper: shared.project.clone(),
                own: own.collect(),
                inputs,
                template: OnceLock::new(),
            };
            let mut apart = Apart::new(project, told);
            apart.tenant = Some(tenant);
            Ok(apart)
        }
        Err(failure) => {
            fs::remove_file(place(session, &project)).ok();
            Err(failure)
        }
    }
}

fn refuse(
    request: &CiRequest,
    stack: &Stack,
    names: &BTreeSet<ServiceName>,
) -> Result<(), Failure> {
    let refused = |name: &str, reason: &str| {
        let message = format!("the stack can't be a tenant: `{name}` {reason}");
        Failure::new(FailureKind::Usage, message)
            .hint(FULL)
            .hint(format!(
                "or name the services that the command needs, without `{name}`: `--services A,B`"
            ))
    };
    if let Some(refusal) = refusal(stack, names) {
        return Err(refused(refusal.service.as_str(), &refusal.reason));
    }
    if let CommandPlace::Service(name) = &request.place {
        let place = stack
            .services
            .values()
            .find(|one| one.name.as_str() == name);
        if place.is_some_and(is_store) {
            let reason = "has a container that is shared, so no command runs in it";
            return Err(refused(name, reason));
        }
    }
    Ok(())
}

/// Chooses what no other tenant of the same stores has, and notes it. The caller holds the stores' lock.
fn choose(
    session: &Session,
    project: &ProjectName,
    keeper: &Keeper,
    (stack, needed): (&Stack, &BTreeSet<ServiceName>),
    lease: &Lease,
) -> Result<Lodging, Failure> {
    let keeper = keeper.stack.project.to_string();
    let taken: BTreeSet<u32> = notes(session)
        .into_iter()
        .filter(|(_, note)| note.keeper == keeper)
        .map(|(_, note)| note.number)
        .collect();
    let number = (1..u32::MAX).find(|number| !taken.contains(number));
    let lodging = Lodging {
        name: project.as_str().replace('-', "_"),
        number: number.expect("so many tenants fit on no machine"),
        password: Recipe::Alphanumeric(32).make(&mut SystemRandomness),
    };
    let stores = needed.iter().filter_map(|name| stack.service(name));
    let note = Note {
        keeper,
        name: lodging.name.clone(),
        number: lodging.number,
        stores: stores
            .map(|store| (store.name.to_string(), keeper::kind_of(store).to_owned()))
            .collect(),
        lease: lease.labels(),
    };
    let text = serde_json::to_vec(&note).expect("text and numbers");
    keeper::write_private(&place(session, project), &text)?;
    Ok(lodging)
}

/// The copy, and what the command is told of it.
async fn move_in(
    session: &Session,
    original: &Original,
    engine: &Arc<dyn Engine>,
    (mut loaded, values, names): (Loaded, &BTreeMap<String, Secret>, &BTreeSet<ServiceName>),
    (shared, lodging): (&Stack, &Lodging),
    (project, lease): (ProjectName, Lease),
) -> Result<(Project, BTreeMap<String, Secret>), Failure> {
    let looking = |error| faults::at("look at the engine", error);
    let facts = engine.facts().await.map_err(looking)?;
    let taken = engine.subnets().await.map_err(looking)?;
    let reach = reach(&facts, &taken);
    let stack = &loaded.stack;
    let shared_ports = shared_ports(stack, shared);
    let mut asked = fixed_ports(stack);
    asked.retain(|port| !shared_ports.contains_key(port));
    let mut ports = free_ports(&asked, reach.bind)?;
    ports.extend(shared_ports);
    let choice = Choice {
        project,
        subnets: subnets(stack, taken)?,
        relocation: Relocation { ports, reach },
        lease,
    };
    let mut own = copy(stack, &choice);
    let read = |path: &Path| fs::read_to_string(path).ok();
    let lodgers = settle(&mut own, stack, shared, lodging, &read);
    mark(&mut own, TENANT);
    let declared = super::apart::declared(values);
    let told = host_environment(&own, names, &declared, &choice.relocation);
    let told = told.into_iter().map(|(name, value)| {
        let text = Lodging::tell(&lodgers, value.expose());
        (name, Secret::new(text))
    });
    let told = told.collect();
    let password = lodging.password.expose().to_owned();
    loaded.environment.insert(PASSWORD.to_owned(), password);
    let schema = original.schema.clone();
    let project = Project::apart(session, &original.place, loaded, own, schema);
    Ok((project, told))
}

impl Tenant {
    /// Makes its parts of the stores, from a template where there is one.
    ///
    /// # Errors
    /// Where a store refuses.
    pub async fn make(&self, session: &Session, engine: &Arc<dyn Engine>) -> Result<(), Failure> {
        let context = self.context(session, engine).await?;
        if let (Some(inputs), Some(database)) = (&self.inputs, self.database())
            && let Some(found) = data::find_template(&context, database, inputs)
                .await
                .map_err(Failure::from)?
        {
            let text = match found.behind {
                0 => "the stores begin with the template of an earlier tenant".to_owned(),
                1 => "the stores begin with a template that lacks one migration".to_owned(),
                count => format!("the stores begin with a template that lacks {count} migrations"),
            };
            session.events.tell(Event::Notice { text });
            self.template.set(found).expect("it is made once");
        }
        let template = self.template.get();
        let made = self
            .own
            .iter()
            .map(|own| data::make_part(&context, own, template));
        try_join_all(made).await.map_err(Failure::from)?;
        Ok(())
    }

    /// Whether it began with a template.
    pub fn has_template(&self) -> bool {
        self.template.get().is_some()
    }

    /// Throws a template away that a set-up failed with, if it was one of exactly what is asked for.
    pub async fn discard(&self, session: &Session, engine: &Arc<dyn Engine>) {
        let template = self.template.get().filter(|found| found.behind == 0);
        if let (Some(template), Some(database), Ok(context)) = (
            template,
            self.database(),
            self.context(session, engine).await,
        ) {
            // One that stays is found by the next failure.
            let thrown = data::discard_template(&context, database, template);
            thrown.await.ok();
        }
    }

    /// Keeps what was set up, for the next tenant; a failure to do so is told and is no failure of this run.
    pub async fn keep(&self, session: &Session, engine: &Arc<dyn Engine>) {
        let is_exact = self.template.get().is_some_and(|found| found.behind == 0);
        let Some(inputs) = self.inputs.as_ref().filter(|_| !is_exact) else {
            return;
        };
        let began = session.events.elapsed();
        let kept = match self.context(session, engine).await {
            Ok(context) => data::keep_template(&context, &self.own, inputs).await,
            Err(_) => return,
        };
        let took = session.events.elapsed().saturating_sub(began);
        match kept {
            Ok(true) => {
                let text = format!(
                    "kept the stores as a template for the next tenant, in {}",
                    words::duration(took)
                );
                session.events.tell(Event::Notice { text });
            }
            Ok(false) => {}
            Err(error) => {
                let text = format!("no template is kept: {error}");
                session.events.tell(Event::Warning { text });
            }
        }
    }

    fn database(&self) -> Option<&Service> {
        let mut own = self.own.iter();
        own.find(|own| own.ready == Readiness::Postgres)
    }

    async fn context(
        &self,
        session: &Session,
        engine: &Arc<dyn Engine>,
    ) -> Result<DataContext, Failure> {
        let facts = engine.facts().await;
        let facts = facts.map_err(|error| faults::at("look at the engine", error))?;
        keeper::context(session, engine, facts, &self.keeper).ok_or_else(|| {
            let message = format!("the shared stores `{}` are gone", self.keeper);
            Failure::new(FailureKind::NotReady, message).hint("run it again")
        })
    }
}

fn directory(session: &Session) -> PathBuf {
    session.locks().with_file_name("tenants")
}

fn place(session: &Session, project: &ProjectName) -> PathBuf {
    directory(session).join(format!("{project}.json"))
}

fn notes(session: &Session) -> Vec<(ProjectName, Note)> {
    let entries = fs::read_dir(directory(session)).into_iter().flatten();
    let read = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let name = path.file_stem()?.to_str()?;
        let note = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        Some((ProjectName::new(name).ok()?, note))
    });
    read.collect()
}

/// The tenants of this user, each with its lease.
pub(in crate::app) fn tenants(session: &Session) -> Vec<(ProjectName, Lease)> {
    let notes = notes(session).into_iter();
    notes
        .filter_map(|(project, note)| Some((project, Lease::of(&note.lease)?)))
        .collect()
}

/// Whether nobody answers for a tenant any more.
pub(in crate::app) fn is_orphan(session: &Session, project: &ProjectName, lease: &Lease) -> bool {
    let standing = lease.standing(&this_process(), lives, SystemTime::now());
    standing != Standing::Held && !kept(session, project.as_str())
}

/// Whether a tenant whose owner is at work has a part of these stores.
pub(in crate::app) fn is_used(session: &Session, keeper: &ProjectName) -> bool {
    let notes = notes(session).into_iter();
    let mut here = notes.filter(|(_, note)| note.keeper == keeper.as_str());
    here.any(|(project, note)| {
        Lease::of(&note.lease).is_some_and(|lease| !is_orphan(session, &project, &lease))
    })
}

/// What becomes of a tenant's note once its parts are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app) enum Afterwards {
    /// It goes.
    Forget,
    /// It stays: what was asked of a store last may be done only after this.
    LookAgain,
}

/// Drops what the tenant of this project has in the shared stores; says whether there is such a tenant.
///
/// # Errors
/// Where a store that stands refuses; the note stays then.
pub(in crate::app) async fn leave(
    session: &Session,
    engine: &Arc<dyn Engine>,
    project: &ProjectName,
    afterwards: Afterwards,
) -> Result<bool, Failure> {
    let path = place(session, project);
    let Some(note) = fs::read(&path)
        .ok()
        .and_then(|text| serde_json::from_slice::<Note>(&text).ok())
    else {
        return Ok(false);
    };
    let facts = engine.facts().await;
    let facts = facts.map_err(|error| faults::at("look at the engine", error))?;
    let keeper = ProjectName::new(note.keeper.as_str()).ok();
    let context = keeper.and_then(|keeper| keeper::context(session, engine, facts, &keeper));
    if let Some(context) = context {
        let drops = parts(&note).into_iter().map(|own| {
            let context = &context;
            async move { drop_part(context, &own).await }
        });
        let dropped: Result<(), DataError> = join_all(drops).await.into_iter().collect();
        dropped.map_err(Failure::from)?;
    }
    if afterwards == Afterwards::Forget {
        fs::remove_file(path).ok();
    }
    Ok(true)
}

/// A store that doesn't run has no tenants any more: it is made anew before there are others.
async fn drop_part(context: &DataContext, own: &Service) -> Result<(), DataError> {
    let Some(container) = context.containers.get(&own.name) else {
        return Ok(());
    };
    let container = context.engine.container(container.as_str()).await?;
    if container.is_some_and(|container| container.is_running()) {
        data::drop_part(context, own).await?;
    }
    Ok(())
}

/// The parts as far as it takes to drop them.
fn parts(note: &Note) -> Vec<Service> {
    let lodging = Lodging {
        name: note.name.clone(),
        number: note.number,
        password: Secret::new("-"),
    };
    let stores = note.stores.iter().filter_map(|(name, kind)| {
        let mut own = keeper::bare(name, kind)?;
        own.home = Home::Shared;
        lodging.furnish(&mut own, &|_| None);
        Some(own)
    });
    stores.collect()
}
