//! `env get`, `env list`, `env print`: values to stdout.

use std::collections::BTreeMap;

use super::files::EnvFiles;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::domain::{EnvFormat, Failure, FailureKind, Scope, Secret, ServiceName, Sight};
use crate::env::{list as written, masked, unknown};
use crate::report;

/// Prints one value.
pub(super) fn get(session: &Session, scope: &Scope, key: &str) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let value = files
        .sources
        .value(key)
        .ok_or_else(|| missing(&files, key))?;
    report::print(&format!("{}\n", value.expose()));
    Ok(0)
}

/// The failure where a key has no value.
pub(super) fn missing(files: &EnvFiles, key: &str) -> Failure {
    match files.schema.variable(key) {
        None => unknown(&files.schema, key),
        Some(_) => Failure::new(FailureKind::Environment, format!("`{key}` has no value")).hint(
            format!("give it one with `jobsprint-dev env set {key} VALUE`"),
        ),
    }
}

/// Prints all values.
pub(super) fn list(
    session: &Session,
    scope: &Scope,
    format: EnvFormat,
    sight: Sight,
) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let values = files.sources.values();
    let shown = match sight {
        Sight::Revealed => values,
        Sight::Masked => masked(&values, &files.schema),
    };
    report::print(&written(&shown, format));
    Ok(0)
}

/// Prints what a program on this machine, or a service, sees.
pub(super) fn print(
    session: &Session,
    scope: &Scope,
    reader: &str,
    format: EnvFormat,
) -> Result<u8, Failure> {
    let variables = if reader == "host" {
        EnvFiles::read(session, scope)?.sources.values()
    } else {
        of_service(session, scope, reader)?
    };
    report::print(&written(&variables, format));
    Ok(0)
}

fn of_service(
    session: &Session,
    scope: &Scope,
    reader: &str,
) -> Result<BTreeMap<String, Secret>, Failure> {
    let project = Project::load(session, scope)?;
    let service = ServiceName::new(reader)
        .ok()
        .and_then(|name| project.stack.service(&name).cloned());
    let Some(service) = service else {
        let names: Vec<String> = project
            .stack
            .services
            .keys()
            .map(ToString::to_string)
            .collect();
        let message = format!("there is no service `{reader}`");
        return Err(Failure::new(FailureKind::Usage, message)
            .hint(format!("use `host` or one of {}", names.join(", "))));
    };
    let environment = &service.container.environment;
    Ok(environment
        .iter()
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect())
}
