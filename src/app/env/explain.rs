//! `env explain KEY`: all that is known of one variable.

use std::collections::BTreeMap;

use super::files::EnvFiles;
use super::show::missing;
use crate::app::project::{Place, Project};
use crate::app::session::Session;
use crate::domain::{Failure, Scope, ServiceName, Stack};
use crate::env::{Kind, MASKED, Origin, Variable, differences, is_sensitive, marker};
use crate::report;

/// Prints all that is known of `key`.
pub(super) fn explain(session: &Session, scope: &Scope, key: &str) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let variable = files.schema.variable(key);
    let found = files.sources.of(key);
    if variable.is_none() && found.is_empty() {
        return Err(missing(&files, key));
    }
    let is_hidden = is_sensitive(key, &files.schema);
    let shown = |value: &str| match (value, is_hidden) {
        ("", _) => "(empty)".to_owned(),
        (_, true) => MASKED.to_owned(),
        (value, false) => value.to_owned(),
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    for line in variable.iter().flat_map(|variable| &variable.description) {
        rows.push(("", line.clone()));
    }
    match found.split_first() {
        Some((first, others)) => {
            let value = shown(first.value.expose());
            rows.push(("value", format!("{value} (from {})", first.source)));
            for other in others {
                let value = shown(other.value.expose());
                rows.push(("overrides", format!("{value} (from {})", other.source)));
            }
        }
        None => rows.push(("value", "none".to_owned())),
    }
    for line in readers(&consumers(session, scope, &files, key)) {
        rows.push(("read by", line));
    }
    match variable {
        Some(variable) => rows.extend(contract(variable)),
        None => rows.push(("schema", "does not know it".to_owned())),
    }
    report::print(&table(key, &rows));
    Ok(0)
}

/// The services that read `key`, each with the names under which it sees it.
///
/// The project is read twice, the second time with another value: who differs, reads it.
pub(super) fn consumers(
    session: &Session,
    scope: &Scope,
    files: &EnvFiles,
    key: &str,
) -> BTreeMap<ServiceName, Vec<String>> {
    let Some(before) = stack(session, &files.place, scope, None) else {
        return BTreeMap::new();
    };
    let kind = files
        .schema
        .variable(key)
        .map_or_else(Kind::default, |variable| variable.kind.clone());
    let now = files
        .sources
        .value(key)
        .map(|value| value.expose().to_owned());
    let marker = marker(&kind, now.as_deref());
    stack(session, &files.place, scope, Some((key, &marker)))
        .map(|after| differences(&before, &after))
        .unwrap_or_default()
}

/// The stack as it would be with this variable; `None` where the files can't be read then.
fn stack(
    session: &Session,
    place: &Place,
    scope: &Scope,
    with: Option<(&str, &str)>,
) -> Option<Stack> {
    let mut environment = session.environment.clone();
    if let Some((key, value)) = with {
        environment.insert(key.to_owned(), value.to_owned());
    }
    Project::read(session, place, scope, environment)
        .ok()
        .map(|loaded| loaded.stack)
}

fn readers(consumers: &BTreeMap<ServiceName, Vec<String>>) -> Vec<String> {
    if consumers.is_empty() {
        return vec!["no service".to_owned()];
    }
    consumers
        .iter()
        .map(|(service, names)| format!("{service} as {}", names.join(", ")))
        .collect()
}

/// What the schema says.
fn contract(variable: &Variable) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    rows.push(("required", yes_or_no(variable.is_required())));
    rows.push(("sensitive", yes_or_no(variable.is_sensitive())));
    rows.push((
        "type",
        format!("{}: {}", variable.kind.name(), variable.kind),
    ));
    match &variable.origin {
        Origin::Generated(recipe) => {
            let text = format!("{recipe}, where `.env` has none; anew with `env rotate`");
            rows.push(("generated", text));
        }
        Origin::Asked { question } => rows.push(("asked for", question.clone())),
        Origin::Default(_) | Origin::Nowhere => {}
    }
    rows.extend(variable.example.clone().map(|text| ("example", text)));
    rows.extend(variable.docs.clone().map(|text| ("docs", text)));
    rows
}

fn table(key: &str, rows: &[(&str, String)]) -> String {
    let lines = rows.iter().map(|(name, value)| match *name {
        "" => format!("  {value}\n"),
        name => format!("  {name:<10} {value}\n"),
    });
    [format!("{key}\n")].into_iter().chain(lines).collect()
}
