//! What volumes keep of credentials, compared with `.env` before anything starts, and remembered once a login has proved it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use super::project::Project;
use super::randomness::SystemRandomness;
use super::session::Session;
use super::{claim, environment};
use crate::data::key_in_volume;
use crate::domain::{
    Failure, FailureKind, Keeping, KeptCredential, Observed, Ownership, Secret, Service,
    ServiceName, Stack, kept_credential,
};
use crate::engine::Engine;
use crate::env::{Randomness as _, assign};
use crate::event::Event;
use crate::plan::Plan;
use crate::store::{EnvFile, Fingerprints, Standing, StateDir};

/// Compares what the volumes of the planned services keep with `.env`; gives the services whose store must be told.
///
/// # Errors
/// Where a volume keeps what can't be changed (exit code 50), with the two ways out.
pub(super) async fn examine(
    session: &Session,
    project: &Project,
    engine: &dyn Engine,
    observed: &Observed,
    plan: &Plan,
) -> Result<BTreeSet<ServiceName>, Failure> {
    let fingerprints = known(&project.state);
    let mut stale = BTreeSet::new();
    for (service, credential, volume) in kept(&project.stack, observed) {
        let is_planned = plan
            .steps()
            .any(|(_, step)| step.service.as_ref() == Some(&service.name));
        let standing = fingerprints.standing(volume, credential.name, &credential.value);
        if !is_planned || standing == Standing::Same {
            continue;
        }
        match (credential.keeping, standing) {
            (Keeping::Told, Standing::Other) => {
                let text = format!(
                    "the volume of `{}` keeps another `{}` than `.env`: it will be given the new one, and keep its data",
                    service.name, credential.name
                );
                session.events.tell(Event::Notice { text });
                stale.insert(service.name.clone());
            }
            (Keeping::Told, _) => {}
            (Keeping::Sealed, _) => {
                let stack = &project.stack;
                let inside = key_in_volume(engine, stack, observed, service, &credential).await;
                if inside.is_some_and(|inside| inside != credential.value) {
                    return Err(sealed(service, &credential, volume));
                }
            }
        }
    }
    Ok(stale)
}

/// Remembers the credentials of the services that this run saw ready, and forgets volumes that were gone before it.
pub(super) fn remember(
    project: &Project,
    before: &Observed,
    after: &Observed,
    ready: &BTreeSet<ServiceName>,
) {
    let learned = |fingerprints: &mut Fingerprints| {
        let mut learned = false;
        for (service, credential, volume) in kept(&project.stack, after) {
            if !is_there(before, volume) {
                learned |= fingerprints.forget(volume);
            }
            let standing = fingerprints.standing(volume, credential.name, &credential.value);
            if ready.contains(&service.name) && standing != Standing::Same {
                fingerprints.keep(volume, credential.name, &credential.value);
                learned = true;
            }
        }
        learned
    };
    if !learned(&mut known(&project.state)) {
        return;
    }
    // Two projects may share this directory: what the other wrote meanwhile stays.
    let state = &project.state;
    let Ok(_lock) = state.lock("volumes") else {
        return;
    };
    let mut fingerprints = known(&project.state);
    if learned(&mut fingerprints) {
        // A memory that can't be kept costs the early look, and nothing else.
        fingerprints.save(state).ok();
    }
}

/// Takes keys that volumes keep into `.env` where it was just given new ones in their place; tells whether it did.
///
/// # Errors
/// Where `.env` can't be written.
pub(super) async fn take_back(
    session: &Session,
    project: &Project,
    engine: &dyn Engine,
    generated: &[String],
) -> Result<bool, Failure> {
    let stack = &project.stack;
    let sealed: Vec<_> = kept_by(stack)
        .filter(|(_, credential, _)| credential.keeping == Keeping::Sealed)
        .filter(|(_, credential, _)| generated.iter().any(|key| key == credential.name))
        .collect();
    if sealed.is_empty() {
        return Ok(false);
    }
    let Ok(observed) = engine.observe(&stack.project, &[]).await else {
        return Ok(false); // the next step tells why
    };
    claim::hold(project, engine, &observed).await?;
    let mut taken = false;
    for (service, credential, volume) in sealed {
        if !is_there(&observed, volume) {
            continue;
        }
        let inside = key_in_volume(engine, stack, &observed, service, &credential).await;
        if let Some(inside) = inside.filter(|inside| *inside != credential.value) {
            give(&project.root, credential.name, &inside)?;
            let text = format!(
                "`{}` was taken from the volume of `{}`, so what it encrypted stays readable",
                credential.name, service.name
            );
            session.events.tell(Event::Notice { text });
            taken = true;
        }
    }
    Ok(taken)
}

fn give(root: &Path, key: &str, value: &Secret) -> Result<(), Failure> {
    let schema = environment::schema(root)?.unwrap_or_default();
    EnvFile::of(root).change(SystemTime::now(), |text| {
        let mut document = environment::document(text.unwrap_or_default())?;
        let _changed = assign(&schema, &mut document, key, value.expose())?;
        Ok((document.text().to_owned(), ()))
    })
}

fn known(state: &StateDir) -> Fingerprints {
    let mut fresh = [0; 32];
    SystemRandomness.fill(&mut fresh);
    Fingerprints::of(state, fresh)
}

/// The stack's own volumes that keep a credential, with whose it is, and the engine's name.
fn kept_by(stack: &Stack) -> impl Iterator<Item = (&Service, KeptCredential, &str)> {
    stack.services.values().filter_map(|service| {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let credential = kept_credential(service, &read)?;
        let volume = stack.volumes.get(&credential.volume)?;
        (volume.ownership == Ownership::Project).then_some((
            service,
            credential,
            volume.name.as_str(),
        ))
    })
}

/// Those of them that are there.
fn kept<'a>(
    stack: &'a Stack,
    observed: &'a Observed,
) -> impl Iterator<Item = (&'a Service, KeptCredential, &'a str)> {
    kept_by(stack).filter(|(_, _, volume)| is_there(observed, volume))
}

fn is_there(observed: &Observed, volume: &str) -> bool {
    observed.volumes.iter().any(|found| found.name == volume)
}

fn sealed(service: &Service, credential: &KeptCredential, volume: &str) -> Failure {
    let (name, key) = (&service.name, credential.name);
    let message = format!(
        "`{name}` can't start with the `{key}` of `.env`: its volume `{volume}` keeps another, and what that one encrypted can't be read with this one"
    );
    Failure::new(FailureKind::Environment, message)
        .hint(format!(
            "give the old value back: take the line `{key}` out of `.env`, and `jobsprint-dev setup` reads it from the volume"
        ))
        .hint(format!(
            "or keep the new one and lose the stored credentials: `jobsprint-dev snapshot save before-new-key`, `jobsprint-dev down`, `docker volume rm {volume}`"
        ))
}
