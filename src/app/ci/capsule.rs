//! The capsule: all that tells why a run failed, in one directory, written while the stack still stands.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

use super::apart::Apart;
use super::github;
use super::pins::Pins;
use super::relic::{self, MODEL, Relic};
use crate::app::git::Head;
use crate::app::session::Session;
use crate::composefile::portable;
use crate::domain::{
    CiRequest, ContainerState, Failure, FailureKind, Observed, ObservedContainer, Phase,
};
use crate::engine::{Engine, LogLine, LogRequest};

/// So many of a service's last lines stand in the summary.
const LAST: usize = 20;

/// A run's failure, in words.
pub(super) struct Wrong {
    /// One sentence.
    pub headline: String,
    /// What belongs to it.
    pub details: Vec<String>,
}

impl Wrong {
    pub fn of(failure: &Failure) -> Self {
        Self {
            headline: failure.message.clone(),
            details: failure.details.clone(),
        }
    }

    /// All of it, the sentence first.
    pub fn lines(&self) -> Vec<String> {
        let headline = std::iter::once(self.headline.clone());
        headline.chain(self.details.iter().cloned()).collect()
    }
}

/// Writes the capsule of a run into `directory`; gives the directory.
///
/// # Errors
/// Where the disk refuses. What the engine can't tell any more is left out.
pub(super) async fn write(
    session: &Session,
    engine: &dyn Engine,
    apart: &Apart,
    request: &CiRequest,
    wrong: &Wrong,
    directory: &Path,
) -> Result<PathBuf, Failure> {
    let stack = &apart.project.stack;
    let capsule = directory.join(stack.project.as_str());
    let observed = engine
        .observe(&stack.project, &[])
        .await
        .unwrap_or_default();
    let mut merged: Vec<(String, String)> = Vec::new();
    let mut summary = headline(stack.project.as_str(), wrong);
    for container in &observed.containers {
        let lines = log(engine, container).await;
        let own = lines
            .iter()
            .fold(String::new(), |own, line| own + &line.text + "\n");
        let file = format!("logs/{}-{}.log", container.service, container.number);
        save(&capsule.join(&file), &session.masked(&own))?;
        summary += &section(container, &lines, &file);
        merged.extend(lines.into_iter().map(|line| {
            let text = format!("{} {} | {}\n", line.at, container.service, line.text);
            (line.at, text)
        }));
    }
    merged.sort();
    let timeline: String = merged.into_iter().map(|(_, line)| line).collect();
    save(&capsule.join("timeline.log"), &session.masked(&timeline))?;
    save(
        &capsule.join("containers.json"),
        &session.masked(&states(&observed)),
    )?;
    let images = Pins::of(engine, stack).await;
    save(&capsule.join("images.json"), &json_of(&images))?;
    let (project, root) = (&apart.project, &apart.project.root);
    let declared = &apart.declared;
    // Of an address that the schema puts together, the parts are hidden: with another password it means the same again.
    let is_hidden = |name: &str| project.is_sensitive(name) && !project.is_composed(name);
    let model = portable(&project.loaded, root, declared, &is_hidden);
    // What is a secret's value still, because a command or a path holds it in another form, is masked as in a log.
    save(&capsule.join(MODEL), &session.masked(&model.yaml))?;
    let relic = Relic {
        command: request.command.clone(),
        commit: Head::of(root).commit,
        services: request.scope.services.clone(),
        migrated: request.migrate == Phase::Do,
        seeded: request.seed == Phase::Do,
        secrets: model.secrets,
        addresses: model.addresses,
        ..Relic::new(wrong.headline.clone(), root.clone(), images)
    };
    save(
        &capsule.join(relic::FILE),
        &session.masked(&json_of(&relic)),
    )?;
    writeln!(
        summary,
        "\nBring the same up again: `jobsprint-dev ci replay {}`",
        capsule.display()
    )
    .expect("a String takes all that is written");
    let summary = session.masked(&summary);
    save(&capsule.join("summary.md"), &summary)?;
    github::failed(session, Some(stack), &wrong.headline);
    github::summarise(session, &summary);
    Ok(capsule)
}

fn headline(project: &str, wrong: &Wrong) -> String {
    let details = if wrong.details.is_empty() {
        String::new()
    } else {
        format!("```\n{}\n```\n\n", wrong.details.join("\n"))
    };
    format!(
        "# {project}\n\n**{}**\n\n{details}Beside this file: `timeline.log` (all logs by time), `logs/`, \
         `containers.json`, `images.json`, `model.yaml` (secrets are variables), `startup.txt` (where the time went), \
         `probes.txt` (what each service answered, and when).\n",
        wrong.headline
    )
}

/// A service's part of the summary: its state, and its last lines where it doesn't run.
fn section(container: &ObservedContainer, lines: &[LogLine], file: &str) -> String {
    let state = state(container);
    let mut text = format!(
        "\n## {}: {state}\n\n[log]({file}), {} lines\n",
        container.service,
        lines.len()
    );
    if !container.is_running() && !lines.is_empty() {
        let last = lines.iter().skip(lines.len().saturating_sub(LAST));
        text += "\n```\n";
        for line in last {
            writeln!(text, "{}", line.text).expect("a String takes all that is written");
        }
        text += "```\n";
    }
    text
}

fn state(container: &ObservedContainer) -> String {
    match &container.state {
        ContainerState::Created => "never started".to_owned(),
        ContainerState::Running { .. } => "running".to_owned(),
        ContainerState::Paused => "paused".to_owned(),
        ContainerState::Restarting { code } => format!("restarting after exit code {code}"),
        ContainerState::Exited {
            code,
            out_of_memory: true,
            ..
        } => format!("killed for want of memory, exit code {code}"),
        ContainerState::Exited { code, .. } => format!("ended with exit code {code}"),
        ContainerState::Dead => "dead".to_owned(),
    }
}

fn states(observed: &Observed) -> String {
    let rows: Vec<_> = observed
        .containers
        .iter()
        .map(|found| {
            json!({
                "service": found.service.as_str(),
                "name": found.name,
                "state": state(found),
                "restarts": found.restarts,
                "image": found.image.as_str(),
                "image_id": found.image_id.as_str(),
                "ports": found.ports.iter().map(|port| json!({
                    "host": port.host, "container": port.container,
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "schema": 1, "containers": rows }))
}

fn json_of(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("texts, numbers, lists and maps are always JSON") + "\n"
}

async fn log(engine: &dyn Engine, container: &ObservedContainer) -> Vec<LogLine> {
    let Ok(lines) = engine.logs(&container.id, &LogRequest::default()).await else {
        return Vec::new();
    };
    lines.filter_map(|line| async { line.ok() }).collect().await
}

/// Writes a file of the capsule, and its directory where that is missing.
pub(super) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(path, text));
    written.map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        Failure::new(FailureKind::Project, message).hint("choose another place with `--artifacts`")
    })
}
