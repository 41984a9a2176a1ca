//! `env export` and `env import`: what a teammate needs, without pasting it into a chat.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use dialoguer::Password;

use super::files::EnvFiles;
use crate::app::environment;
use crate::app::question::Person;
use crate::app::session::Session;
use crate::domain::{Failure, FailureKind, Scope, Secret};
use crate::env::{assign, is_placeholder, open, seal, shareable};
use crate::event::Event;
use crate::report::{self, words};
use crate::store::{EnvFile, Privacy, write};

/// Where a passphrase is taken from, where nobody can be asked.
const PASSPHRASE: &str = "JOBSPRINT_PASSPHRASE";

/// Writes the values that a team shares.
pub(super) fn export(session: &Session, scope: &Scope, file: Option<&Path>) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let document = files.document.unwrap_or_default();
    let shared = shareable(&files.schema, &document);
    if shared.is_empty() {
        let message = "there is nothing to share: `.env` holds no value that only people know";
        return Err(Failure::new(FailureKind::Environment, message)
            .hint("`jobsprint-dev env check` tells which values are missing"));
    }
    let passphrase = passphrase(session, Purpose::New)?;
    let sealed = seal(&shared, &passphrase)
        .map_err(|error| Failure::new(FailureKind::Bug, error.to_string()))?;
    match file {
        Some(file) => write(
            &session.directory.join(file),
            sealed.as_bytes(),
            Privacy::Private,
        )?,
        None => report::print(&sealed),
    }
    let keys: Vec<String> = shared.into_keys().collect();
    let text = format!("exported {}, encrypted", words::list(&keys));
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// Takes over the values of an export; what is there already stays.
pub(super) fn import(session: &Session, scope: &Scope, file: &Path) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let name = file.display();
    let text = fs::read_to_string(session.directory.join(file)).map_err(|error| {
        Failure::new(FailureKind::Usage, format!("cannot read `{name}`: {error}"))
    })?;
    let passphrase = passphrase(session, Purpose::Known)?;
    let values = open(&text, &passphrase).map_err(|error| {
        Failure::new(
            FailureKind::Environment,
            format!("cannot import `{name}`: {error}"),
        )
        .hint("ask whoever exported it for the passphrase")
    })?;
    let (taken, kept) = EnvFile::of(&files.place.root).change(SystemTime::now(), |text| {
        let mut document = environment::document(text.unwrap_or_default())?;
        let (mut taken, mut kept) = (Vec::new(), Vec::new());
        for (key, value) in &values {
            let now = document.value(key).unwrap_or_default();
            if now.is_empty() || is_placeholder(now) {
                assign(&files.schema, &mut document, key, value.expose())?;
                taken.push(key.clone());
            } else if now != value.expose() {
                kept.push(key.clone());
            }
        }
        Ok::<_, Failure>((document.text().to_owned(), (taken, kept)))
    })?;
    let text = if taken.is_empty() {
        "nothing was imported: `.env` has all of these keys".to_owned()
    } else {
        format!("imported {}", words::list(&taken))
    };
    session.events.tell(Event::Notice { text });
    for key in kept {
        let text = format!(
            "`{key}` stays as it is in `.env`; `jobsprint-dev env unset {key}` and import again to take it over"
        );
        session.events.tell(Event::Warning { text });
    }
    Ok(0)
}

/// What a passphrase is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To encrypt: asked twice.
    New,
    /// To decrypt.
    Known,
}

fn passphrase(session: &Session, purpose: Purpose) -> Result<Secret, Failure> {
    if let Some(given) = session.environment.get(PASSPHRASE) {
        return Ok(Secret::from(given.as_str()));
    }
    let Some(person) = Person::at_terminal(session) else {
        let message = "a passphrase is needed, and nobody can be asked for it";
        return Err(Failure::new(FailureKind::Usage, message)
            .hint(format!("give it by the variable `{PASSPHRASE}`")));
    };
    let asked = person.ask(move || {
        let mut asking = Password::new().with_prompt("Passphrase");
        if purpose == Purpose::New {
            asking = asking.with_confirmation("Again", "the two differ");
        }
        asking.interact()
    });
    asked.map(Secret::from)
}
