//! `bundle`: all that somebody who helps needs to see, in one archive, with secrets masked.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;

use super::doctor;
use super::engine;
use super::environment;
use super::project::{Place, Project};
use super::session::Session;
use crate::composefile::config::{ConfigRequest, is_sensitive, render};
use crate::doctor::{Facts, verdicts};
use crate::domain::{Aspect, BundleRequest, Disclosure, Failure, FailureKind, Notation, Secret};
use crate::engine::{Engine, LogRequest};
use crate::env::{Document, Redactor, Variable, without_shapes};
use crate::event::Event;
use crate::plan;
use crate::report;
use crate::store::{self, EnvFile, Privacy};

/// Where it goes where nobody says.
const FILE: &str = "jobsprint-bundle.tar.gz";
/// Lines of each container's log.
const LINES: u64 = 1_000;
/// How long one container's log may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes the archive.
pub(super) async fn run(session: &Session, request: BundleRequest) -> Result<u8, Failure> {
    let facts = doctor::gather(session, &request.scope).await;
    let found = verdicts(&facts);
    let mut files = vec![
        ("versions.txt".to_owned(), versions(&facts)),
        ("verdicts.txt".to_owned(), report::verdict_text(&found)),
        ("verdicts.json".to_owned(), report::verdict_json(&found)),
    ];
    // A project that can't be loaded is told of by its verdict.
    if let Ok(project) = Project::load(session, &request.scope) {
        files.extend(model(&project));
    }
    let state = Place::find(session, &request.scope).state();
    let record = state.path().join("startup.json");
    if let Ok(record) = fs::read_to_string(record) {
        files.push(("events.json".to_owned(), record));
    }
    if let Ok(engine) = engine::seek(session).await {
        files.extend(logs(engine.as_ref(), &facts).await);
    }
    let root = Place::find(session, &request.scope).root;
    let values = Redactor::new(&env_secrets(&root));
    let masked = files.into_iter().map(|(name, text)| {
        // Logs may hold what nobody told us is a secret.
        let text = session.masked(&text);
        (name, without_shapes(&values.redact(&text)))
    });
    let path = session
        .directory
        .join(request.file.unwrap_or_else(|| PathBuf::from(FILE)));
    let packed = pack(masked).map_err(|error| refused(&error.to_string()))?;
    store::write(&path, &packed, Privacy::Private).map_err(|error| refused(&error.to_string()))?;
    let text = format!(
        "secrets are masked; look through it all the same before you post it: tar tzf {}",
        path.display()
    );
    session.events.tell(Event::Notice { text });
    report::print(&format!("{}\n", path.display()));
    Ok(0)
}

/// The secrets of `.env`, also of one that can't be loaded, and of the versions before: a log is older than the last change.
fn env_secrets(root: &Path) -> Vec<Secret> {
    let schema = environment::schema(root).ok().flatten();
    let is_secret = |name: &str| {
        let described = schema.as_ref().and_then(|schema| schema.variable(name));
        described.map_or_else(|| is_sensitive(name), Variable::is_sensitive)
    };
    let file = EnvFile::of(root);
    let paths = file.backups().into_iter().map(|backup| backup.path);
    let paths = std::iter::once(file.path().to_owned()).chain(paths);
    let texts = paths.filter_map(|path| fs::read(path).ok());
    texts
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let parsed = Document::parse(&text).map(|document| document.values());
            let parsed = parsed.into_iter().flatten();
            // What breaks the grammar, or is written in quotes, may be shown as it is written.
            parsed.chain(written(&text)).collect::<Vec<_>>()
        })
        .filter(|(name, _)| is_secret(name))
        .map(|(_, value)| Secret::new(value))
        .collect()
}

/// The assignments of a text, line by line, without quotes around their values.
fn written(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("export ");
        let (name, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some((name.trim().to_owned(), value.to_owned()))
    })
}

fn refused(reason: &str) -> Failure {
    Failure::new(
        FailureKind::Usage,
        format!("cannot write the archive: {reason}"),
    )
    .hint("name another file: `jobsprint-dev bundle FILE`")
}

fn versions(facts: &Facts) -> String {
    let engine = match &facts.engine {
        Ok(seen) => {
            let (major, minor) = seen.facts.api;
            let system = seen.survey.as_ref().map(|survey| survey.system.clone());
            format!(
                "engine {} (API {major}.{minor}, {}) on {}",
                seen.facts.version,
                seen.facts.platform,
                system.unwrap_or_default()
            )
        }
        Err(absence) => format!("no engine: {absence}"),
    };
    format!(
        "jobsprint-dev {}\n{engine}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        facts.host.kernel.trim()
    )
}

/// The resolved Compose file, its sensitive values masked by their names too.
fn model(project: &Project) -> Option<(String, String)> {
    let text = render(
        &project.loaded,
        &ConfigRequest {
            aspect: &Aspect::Model(Notation::Yaml),
            secrets: Disclosure::Masked,
            is_sensitive: &|name| project.is_sensitive(name),
            hash: &|service| plan::service_hash(&project.stack, service),
        },
    )?;
    Some(("compose.yaml".to_owned(), text))
}

async fn logs(engine: &dyn Engine, facts: &Facts) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let request = LogRequest {
        tail: Some(LINES),
        ..LogRequest::default()
    };
    let observed = facts.project.observed.iter();
    for container in observed.flat_map(|observed| &observed.containers) {
        let read = async {
            let mut text = String::new();
            let mut lines = engine.logs(&container.id, &request).await.ok()?;
            while let Some(Ok(line)) = lines.next().await {
                text.push_str(&line.text);
                text.push('\n');
            }
            Some(text)
        };
        if let Ok(Some(text)) = tokio::time::timeout(PATIENCE, read).await {
            files.push((format!("logs/{}.txt", container.name), text));
        }
    }
    files
}

fn pack(files: impl Iterator<Item = (String, String)>) -> io::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now.as_ref().map_or(0, Duration::as_secs));
        archive.append_data(
            &mut header,
            format!("jobsprint-bundle/{name}"),
            text.as_bytes(),
        )?;
    }
    let mut packed = archive.into_inner()?;
    packed.flush()?;
    packed.finish()
}
