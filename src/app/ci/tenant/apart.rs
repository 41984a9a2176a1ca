//! A tenant's copy of the project: what it may be asked for, what it is given of the stores, and what its command is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::note::{self, Note};
use super::parts::Tenant;
use crate::app::ci::apart::{Apart, Lasts, Original, declared, free_ports, random, reach, subnets};
use crate::app::ci::keeper::{self, Keeper, Stores};
use crate::app::ci::set_up::{seeding, services};
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::randomness::SystemRandomness;
use crate::app::session::Session;
use crate::app::{faults, up};
use crate::composefile::Loaded;
use crate::data::{Inputs, Wanted};
use crate::domain::{
    CiRequest, CommandPlace, Failure, FailureKind, Phase, ProjectName, Reuse, Secret, ServiceName,
    Stack,
};
use crate::engine::Engine;
use crate::env::Recipe;
use crate::isolate::{
    Choice, Lease, Lodging, Relocation, TENANT, ci_project, copy, fixed_ports, host_environment,
    is_store, mark, refusal, settle, shared_ports,
};
use crate::plan;

/// Under this name a password that the tool makes is among the values that are masked.
const PASSWORD: &str = "JOBSPRINT_TENANT_PASSWORD";
const FULL: &str = "give the run stores of its own: leave `--isolate tenant` out";

/// Refuses what a tenant can't be asked for.
///
/// # Errors
/// With the word that is too much.
pub(in crate::app::ci) fn check(request: &CiRequest) -> Result<(), Failure> {
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
pub(in crate::app::ci) async fn apart(
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
            let tenant = Tenant::new(shared.project.clone(), own.collect(), inputs);
            let mut apart = Apart::new(project, told);
            apart.declared = declared(&values);
            apart.tenant = Some(tenant);
            Ok(apart)
        }
        Err(failure) => {
            note::forget(session, &project);
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
    let taken: BTreeSet<u32> = note::all(session)
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
    note.write(session, project)?;
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
    let declared = declared(values);
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
