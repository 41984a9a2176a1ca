//! The files that the verbs of `env` read: schema, `.env`, and whatever `--env-file` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::app::block::Block;
use crate::app::environment;
use crate::app::project::Place;
use crate::app::session::Session;
use crate::domain::{Failure, FailureKind, Scope};
use crate::dotenv::quote;
use crate::env::{Document, Schema, Sources, document_failure};
use crate::isolate::Relocation;
use crate::store::EnvFile;

/// A project's environment as its files have it.
pub(super) struct EnvFiles {
    pub place: Place,
    /// The schema; an empty one where the project has none.
    pub schema: Schema,
    /// `.env`, where there is one.
    pub document: Option<Document>,
    /// All that gives values.
    pub sources: Sources,
}

impl EnvFiles {
    /// Reads them.
    ///
    /// # Errors
    /// Where one is broken.
    pub fn read(session: &Session, scope: &Scope) -> Result<Self, Failure> {
        let place = Place::find(session, scope);
        let schema = environment::schema(&place.root)?.unwrap_or_default();
        let text = EnvFile::of(&place.root).read()?;
        let document = text.as_deref().map(environment::document).transpose()?;
        let mut files: Vec<(String, Document)> = if scope.env_files.is_empty() {
            let own = document
                .clone()
                .map(|document| (".env".to_owned(), document));
            own.into_iter().collect()
        } else {
            named(session, scope)?
        };
        files.extend(ports(session, &place, &files));
        let sources = Sources::new(&schema, &session.environment, &files);
        Ok(Self {
            place,
            schema,
            document,
            sources,
        })
    }
}

/// The ports of a further stack, and the addresses that follow them, as a file over the others.
fn ports(
    session: &Session,
    place: &Place,
    files: &[(String, Document)],
) -> Option<(String, Document)> {
    let state = place.state();
    let given: BTreeMap<String, String> = files
        .iter()
        .flat_map(|(_, document)| document.values())
        .collect();
    let effect = Block::recall(session, &state).effect(&given, &session.environment);
    let texts = Relocation {
        ports: effect.moved,
        ..Relocation::default()
    };
    let rewritten = given.iter().filter_map(|(name, value)| {
        let rewritten = texts.rewrite(value);
        (rewritten != *value).then(|| (name.clone(), rewritten))
    });
    let mut lines: BTreeMap<String, String> = rewritten.collect();
    lines.extend(effect.variables);
    let text = lines.iter().fold(String::new(), |text, (name, value)| {
        let value = quote(value).unwrap_or_default();
        text + &format!("{name}={value}\n")
    });
    let name = state.path().join("block.json");
    let name = name.strip_prefix(&place.root).unwrap_or(&name);
    let document = Document::parse(&text).ok().filter(|_| !text.is_empty())?;
    Some((name.display().to_string(), document))
}

/// The files that `--env-file` names, which replace `.env`.
fn named(session: &Session, scope: &Scope) -> Result<Vec<(String, Document)>, Failure> {
    let read = |path: &Path| {
        let name = path.display().to_string();
        let text = fs::read_to_string(session.directory.join(path)).map_err(|error| {
            let message = format!("cannot read `{name}`: {error}");
            Failure::new(FailureKind::Environment, message)
        })?;
        let document =
            Document::parse(&text).map_err(|error| document_failure(&name, &text, &error))?;
        Ok((name, document))
    };
    scope.env_files.iter().map(|path| read(path)).collect()
}
