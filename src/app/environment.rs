//! What a stack needs from `templates/` before it can start: the project's `.env`, and its certificate.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use dialoguer::{Input, Password};

use super::question::Person;
use super::randomness::SystemRandomness;
use crate::domain::{Failure, FailureKind, Secret};
use crate::env::{
    Certificate, Document, LOCAL_NAMES, Origin, Reconciliation, Schema, Variable, Verdict,
    document_failure, reconcile, schema_failure,
};
use crate::event::{Event, Events};
use crate::store::{EnvFile, Privacy, StateDir, StoreError, write};

/// Where a project keeps its schema.
pub(super) const SCHEMA: &str = "templates/.env.schema";

/// The schema of the project at `root`; `None` where it has none.
///
/// # Errors
/// Every fault of the schema.
pub(super) fn schema(root: &Path) -> Result<Option<Schema>, Failure> {
    match fs::read_to_string(root.join(SCHEMA)) {
        Ok(text) => Schema::parse(SCHEMA, &text)
            .map(Some)
            .map_err(|faults| schema_failure(&faults)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("cannot read `{SCHEMA}`: {error}");
            Err(Failure::new(FailureKind::Project, message))
        }
    }
}

/// Sees that `.env` has all that the schema asks for; what a person wrote stays.
///
/// # Errors
/// Where one of the two files is wrong, or `.env` can't be written.
pub(super) fn ensure_env(
    root: &Path,
    person: Option<Person<'_>>,
) -> Result<Reconciliation, Failure> {
    let Some(schema) = schema(root)? else {
        return Ok(Reconciliation::default());
    };
    // Questions come first: the file is not locked while a person thinks.
    let existing = EnvFile::of(root).read()?;
    let mut answers = Vec::new();
    let mut refusal = None;
    let mut ask = |variable: &Variable| {
        if refusal.is_some() {
            return None;
        }
        match question(variable, person?) {
            Ok(answer) => {
                let answer = answer?;
                answers.push((variable.key.clone(), answer.clone()));
                Some(answer)
            }
            Err(failure) => {
                refusal = Some(failure);
                None
            }
        }
    };
    let _rehearsal = complete(&schema, existing.as_deref(), &mut ask)?;
    if let Some(failure) = refusal {
        return Err(failure);
    }
    let mut recall = |variable: &Variable| {
        let found = answers.iter().find(|(key, _)| *key == variable.key);
        found.map(|(_, answer)| answer.clone())
    };
    EnvFile::of(root).change(SystemTime::now(), |text| {
        complete(&schema, text, &mut recall)
    })
}

fn complete(
    schema: &Schema,
    text: Option<&str>,
    answer: &mut dyn FnMut(&Variable) -> Option<String>,
) -> Result<(String, Reconciliation), Failure> {
    let existing = text.map(document).transpose()?;
    let reconciled = reconcile(schema, existing, answer, &mut SystemRandomness);
    Ok((reconciled.document.text().to_owned(), reconciled.outcome))
}

/// Reads the text of a `.env`.
///
/// # Errors
/// Where it breaks the grammar.
pub(super) fn document(text: &str) -> Result<Document, Failure> {
    Document::parse(text).map_err(|error| document_failure(".env", text, &error))
}

/// Asks the person for a value.
fn question(variable: &Variable, person: Person<'_>) -> Result<Option<String>, Failure> {
    let Origin::Asked { question } = variable.origin.clone() else {
        return Ok(None);
    };
    let answer = if variable.is_sensitive() {
        person.ask(move || {
            let asking = Password::new().with_prompt(question);
            asking.allow_empty_password(true).interact()
        })?
    } else {
        person.ask(move || {
            let asking = Input::new().with_prompt(question);
            asking.allow_empty(true).interact_text()
        })?
    };
    Ok(Some(answer).filter(|answer: &String| !answer.trim().is_empty()))
}

/// Tells what became of `.env`: names, never values.
pub(super) fn tell(events: &Events, outcome: &Reconciliation) {
    if !outcome.generated.is_empty() {
        events.tell(Event::Generated {
            place: ".env".to_owned(),
            names: outcome.generated.clone(),
        });
    }
    for (key, from) in &outcome.recovered {
        let text = format!("`{key}` was taken from `{from}`, so what it opens stays open");
        events.tell(Event::Notice { text });
    }
    for key in &outcome.placeholders {
        let text = format!(
            "`{key}` holds a placeholder; give its value with `jobsprint-dev env set {key} VALUE`"
        );
        events.tell(Event::Warning { text });
    }
}

/// Sees that the certificate for this machine's names is there and good; gives the names of what was made.
///
/// # Errors
/// Where it can't be made or written.
pub(super) fn ensure_tls(root: &Path) -> Result<Vec<String>, Failure> {
    let now = SystemTime::now();
    let directory = StateDir::of(root).directory("tls")?;
    let (certificate, key) = (
        directory.join("localhost.crt"),
        directory.join("localhost.key"),
    );
    if has_good_tls(&directory) {
        return Ok(Vec::new());
    }
    let made = Certificate::make(&LOCAL_NAMES, now)
        .map_err(|error| Failure::new(FailureKind::Bug, error.to_string()))?;
    // The key first: a run that is cut here leaves a pair that doesn't fit, and the next one makes both anew.
    write(&key, made.key.expose().as_bytes(), Privacy::Private)
        .and_then(|()| write(&certificate, made.certificate.as_bytes(), Privacy::Shared))
        .map_err(|error: StoreError| Failure::from(error))?;
    Ok(vec!["localhost.crt".to_owned(), "localhost.key".to_owned()])
}

/// Whether `directory` holds a certificate that is good for this machine's names now.
pub(super) fn has_good_tls(directory: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(directory.join(name));
    let (Ok(certificate), Ok(key)) = (read("localhost.crt"), read("localhost.key")) else {
        return false;
    };
    let key = Secret::new(key);
    let present = Certificate { certificate, key };
    present.judge(&LOCAL_NAMES, SystemTime::now()) == Verdict::Good
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let home = tempfile::tempdir().unwrap();

        let first = ensure_tls(home.path()).unwrap();
        let second = ensure_tls(home.path()).unwrap();

        assert_eq!(first, ["localhost.crt", "localhost.key"]);
        assert_eq!(second, Vec::<String>::new());
        let key = home.path().join(".jobsprint/tls/localhost.key");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_schema_that_ships_makes_a_whole_env_in_which_only_the_app_id_is_missing() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("templates")).unwrap();
        let schema = include_str!("../../templates/.env.schema");
        fs::write(home.path().join(SCHEMA), schema).unwrap();

        let made = ensure_env(home.path(), None).unwrap();

        assert_eq!(made.placeholders, ["PUTER_APP_ID"]);
        assert_eq!(
            made.generated,
            [
                "JWT_SECRET",
                "POSTGRES_PASSWORD",
                "REDIS_PASSWORD",
                "RABBITMQ_PASSWORD",
                "N8N_ENCRYPTION_KEY",
                "N8N_OWNER_PASSWORD"
            ]
        );
        let again = ensure_env(home.path(), None).unwrap();
        assert_eq!(again.generated, Vec::<String>::new());
    }

    #[test]
    fn a_project_without_a_schema_needs_nothing() {
        let home = tempfile::tempdir().unwrap();

        assert_eq!(
            ensure_env(home.path(), None).unwrap(),
            Reconciliation::default()
        );
        assert!(!home.path().join(".env").exists());
    }
}
