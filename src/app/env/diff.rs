//! `env diff`: the file against its schema, and against what the running containers have.

use super::files::EnvFiles;
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::{engine, faults, up};
use crate::domain::{Failure, Scope, Setup};
use crate::env::Source;
use crate::plan::{self, Cause};
use crate::report;

/// Prints both comparisons.
pub(super) async fn diff(session: &Session, scope: &Scope) -> Result<u8, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let mut lines = against_schema(&files);
    if lines.is_empty() {
        lines.push("`.env` is as its schema has it".to_owned());
    }
    lines.extend(against_containers(session, scope).await?);
    let text = lines.join("\n") + "\n";
    report::print(&text);
    Ok(0)
}

fn against_schema(files: &EnvFiles) -> Vec<String> {
    let Some(document) = &files.document else {
        return vec!["- `.env` itself: there is none".to_owned()];
    };
    let described = files.schema.variables().filter_map(|variable| {
        let key = &variable.key;
        let Some(value) = document.value(key) else {
            let missing = variable.is_required();
            return missing.then(|| format!("- {key}  missing in .env"));
        };
        let places = files.sources.of(key);
        let default = places
            .iter()
            .find(|found| found.source == Source::Default)?;
        let default = default.value.expose();
        if default == value {
            None
        } else if variable.is_sensitive() {
            Some(format!("~ {key}  not the schema's default"))
        } else {
            Some(format!("~ {key}  {value}, by default {default}"))
        }
    });
    let strangers = document
        .keys()
        .filter(|key| files.schema.variable(key).is_none())
        .map(|key| format!("+ {key}  not in the schema"));
    described.chain(strangers).collect()
}

/// What the next `up` would change in running containers.
async fn against_containers(session: &Session, scope: &Scope) -> Result<Vec<String>, Failure> {
    let one = |line: &str| Ok(vec![line.to_owned()]);
    let Some(engine) = engine::running(session).await? else {
        return one("no container engine runs, so nothing of the project does");
    };
    let project = Project::load(session, scope)?;
    let stack = &project.stack;
    let observed = engine
        .observe(&stack.project, &images_of(stack))
        .await
        .map_err(|error| faults::at("look at the project", error))?;
    if observed.containers.is_empty() {
        return one("no container is there to compare with");
    }
    let plan = plan::up(stack, &observed, &up::options(&Setup::default()))
        .map_err(|error| up::unknown(&error))?;
    let mut lines: Vec<String> = plan
        .steps()
        .filter_map(|(_, step)| match (&step.cause, &step.service) {
            (Cause::Changed(_), Some(service)) => Some(format!("~ {service}  {}", step.cause)),
            _ => None,
        })
        .collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        return one("the containers have what the files say");
    }
    lines.push("`jobsprint-dev up` brings the containers to what the files say".to_owned());
    Ok(lines)
}
