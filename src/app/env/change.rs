//! `env set`, `env unset`, `env rotate`: the file is changed first, then the running services that read it.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use super::explain::consumers;
use super::files::EnvFiles;
use crate::app::environment;
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::randomness::SystemRandomness;
use crate::app::scene::Scene;
use crate::app::session::Session;
use crate::app::{engine, faults, stock, up};
use crate::data::Cover;
use crate::domain::{
    Apply, Failure, FailureKind, Phase, Role, Rotation, Run, Scope, Secret, ServiceName, Setup,
};
use crate::env::{self, Document, unknown};
use crate::event::Event;
use crate::report::words;
use crate::store::EnvFile;

/// The name under which n8n reads the key of its stored credentials. What it encrypted can't be read with another.
const SEALED: &str = "N8N_ENCRYPTION_KEY";

/// Gives keys values.
pub(super) async fn set(
    session: &mut Session,
    scope: Scope,
    pairs: Vec<(String, Option<Secret>)>,
    apply: Apply,
) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, &scope)?;
    let mut values = Vec::new();
    for (key, value) in pairs {
        refuse_sealed(session, &scope, &files, &key)?;
        let value = value.map_or_else(|| from_stdin(&key), Ok)?;
        values.push((key, value));
    }
    let changed = change(&files.place.root, |document| {
        let mut changed = Vec::new();
        for (key, value) in &values {
            changed.extend(env::assign(&files.schema, document, key, value.expose())?);
        }
        Ok(changed)
    })?;
    finish(session, scope, &files, &changed, apply).await
}

/// Takes keys out.
pub(super) async fn unset(
    session: &mut Session,
    scope: Scope,
    keys: &[String],
    apply: Apply,
) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, &scope)?;
    for key in keys {
        refuse_sealed(session, &scope, &files, key)?;
    }
    let changed = change(&files.place.root, |document| {
        for key in keys {
            if !document.unset(key) {
                return Err(unknown(&files.schema, key));
            }
        }
        Ok(keys.to_vec())
    })?;
    finish(session, scope, &files, &changed, apply).await
}

/// Makes new secrets.
pub(super) async fn rotate(
    session: &mut Session,
    scope: Scope,
    which: Rotation,
    apply: Apply,
    keep: Phase,
) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, &scope)?;
    let keys = match which {
        Rotation::Keys(keys) => {
            for key in &keys {
                refuse_sealed(session, &scope, &files, key)?;
            }
            keys
        }
        Rotation::All => all_but_sealed(session, &scope, &files),
    };
    let is_kept = apply == Apply::Now && keep == Phase::Do;
    if is_kept && of_stores(session, &scope, &files, &keys)? {
        keep_data(session, &scope).await?;
    }
    let changed = change(&files.place.root, |document| {
        let mut changed = Vec::new();
        for key in &keys {
            let made = env::rotate(&files.schema, document, key, &mut SystemRandomness)?;
            changed.extend(made);
        }
        Ok(changed)
    })?;
    session.events.tell(Event::Generated {
        place: ".env".to_owned(),
        names: keys,
    });
    finish(session, scope, &files, &changed, apply).await
}

/// Whether a store takes its credential from one of `keys`.
fn of_stores(
    session: &Session,
    scope: &Scope,
    files: &EnvFiles,
    keys: &[String],
) -> Result<bool, Failure> {
    let stack = Project::load(session, scope)?.stack;
    let is_store = |name: &ServiceName| {
        let service = stack.service(name);
        service.is_some_and(|service| service.role == Role::Data)
    };
    let mut readers = keys
        .iter()
        .flat_map(|key| consumers(session, scope, files, key).into_keys());
    Ok(readers.any(|name| is_store(&name)))
}

/// Takes a snapshot ahead of the change, where an engine has data of the project.
async fn keep_data(session: &Session, scope: &Scope) -> Result<(), Failure> {
    if engine::running(session).await?.is_none() {
        return Ok(());
    }
    let scene = Scene::open(session, scope, Run::Real).await?;
    stock::before(
        session,
        &scene.project,
        &scene.engine,
        "env rotate",
        Cover::Stack,
    )
    .await
}

fn all_but_sealed(session: &Session, scope: &Scope, files: &EnvFiles) -> Vec<String> {
    let (sealed, keys): (Vec<String>, Vec<String>) = files
        .schema
        .variables()
        .filter(|variable| variable.recipe().is_some())
        .map(|variable| variable.key.clone())
        .partition(|key| is_sealed(session, scope, files, key));
    for key in sealed {
        let text = format!("`{key}` stays: what n8n encrypted with it could not be read any more");
        session.events.tell(Event::Notice { text });
    }
    keys
}

fn is_sealed(session: &Session, scope: &Scope, files: &EnvFiles, key: &str) -> bool {
    consumers(session, scope, files, key)
        .values()
        .flatten()
        .any(|name| name == SEALED)
}

/// n8n's key may be given once; afterwards it can't be changed without losing what it encrypted.
fn refuse_sealed(
    session: &Session,
    scope: &Scope,
    files: &EnvFiles,
    key: &str,
) -> Result<(), Failure> {
    let is_given = files
        .document
        .as_ref()
        .and_then(|document| document.value(key))
        .is_some_and(|value| !value.is_empty());
    if !is_given || !is_sealed(session, scope, files, key) {
        return Ok(());
    }
    let message = format!(
        "`{key}` can't be changed: n8n encrypts the credentials that it keeps with it, and could not read them any more"
    );
    Err(Failure::new(FailureKind::Environment, message)
        .hint("export n8n's credentials first (`n8n export:credentials --decrypted`)")
        .hint("then remove its volume, set the new key in `.env`, and import them again"))
}

/// Changes `.env` under its lock; gives the keys that changed.
fn change(
    root: &Path,
    decide: impl FnOnce(&mut Document) -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    EnvFile::of(root).change(SystemTime::now(), |text| {
        let mut document = environment::document(text.unwrap_or_default())?;
        let changed = decide(&mut document)?;
        Ok((document.text().to_owned(), changed))
    })
}

/// Tells what changed, and brings a running stack to it.
async fn finish(
    session: &mut Session,
    scope: Scope,
    files: &EnvFiles,
    changed: &[String],
    apply: Apply,
) -> Result<u8, Failure> {
    if changed.is_empty() {
        let text = "`.env` has these values already; nothing was changed".to_owned();
        session.events.tell(Event::Notice { text });
        return Ok(0);
    }
    let mut readers: Vec<String> = changed
        .iter()
        .flat_map(|key| consumers(session, &scope, files, key).into_keys())
        .map(|service| service.to_string())
        .collect();
    readers.sort();
    readers.dedup();
    let names = words::list(changed);
    let text = if readers.is_empty() {
        format!("changed {names} in `.env`; no service reads it")
    } else {
        format!(
            "changed {names} in `.env`; read by {}",
            words::list(&readers)
        )
    };
    session.events.tell(Event::Notice { text });
    if apply == Apply::Later || readers.is_empty() {
        return Ok(0);
    }
    take_over(session, scope).await
}

/// Brings the stack to the file's values, if it runs.
async fn take_over(session: &mut Session, scope: Scope) -> Result<u8, Failure> {
    let Some(engine) = engine::running(session).await? else {
        return Ok(0);
    };
    let project = Project::load(session, &scope)?;
    let stack = &project.stack;
    let observed = engine
        .observe(&stack.project, &images_of(stack))
        .await
        .map_err(|error| faults::at("look at the project", error))?;
    let mut running: Vec<String> = observed
        .containers
        .iter()
        .filter(|found| found.is_running() && stack.service(&found.service).is_some())
        .map(|found| found.service.to_string())
        .collect();
    running.dedup();
    if running.is_empty() {
        let text = "nothing runs; the next `jobsprint-dev up` takes it over".to_owned();
        session.events.tell(Event::Notice { text });
        return Ok(0);
    }
    let request = Setup {
        scope: Scope {
            services: running,
            ..scope
        },
        ..Setup::default()
    };
    up::converge(session, &project, engine, &request).await
}

fn from_stdin(key: &str) -> Result<Secret, Failure> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| {
        let message = format!("cannot read the value of `{key}` from stdin: {error}");
        Failure::new(FailureKind::Usage, message)
    })?;
    Ok(Secret::from(text.trim_end_matches(['\r', '\n'])))
}
