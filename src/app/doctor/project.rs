//! What the project's files and its engine's objects tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use rustix::fs::{Access, access};
use tokio::time::timeout;

use super::{kept, records, sources};
use crate::app::appetite::Appetites;
use crate::app::hands::images_of;
use crate::app::session::Session;
use crate::app::up::{Publisher, published_ports};
use crate::app::{env, environment};
use crate::doctor::{EnvFault, MissingPath, PathUse, ProjectFacts};
use crate::domain::{
    Level, MountSource, Observed, ObservedContainer, Ownership, Role, Scope, ServiceName, Stack,
};
use crate::engine::Engine;
use crate::env::Weight;
use crate::probe::{Answer, Prober, Target};

/// How long the engine may take over one question.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a store may take to answer.
const STORE: Duration = Duration::from_secs(1);
/// A temporary file this old belongs to nobody who is still writing.
const ABANDONED: Duration = Duration::from_secs(10);
/// Where Compose notes a project's directory.
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";

/// What the engine has that concerns the project.
#[derive(Default)]
pub(super) struct AtEngine {
    /// The project's own.
    pub observed: Option<Observed>,
    /// The host's ports that other projects' containers publish.
    pub published: BTreeMap<u16, Publisher>,
    /// Volumes of the stack's names that aren't the project's.
    pub foreign: Vec<String>,
    /// Other directories with this project's name.
    pub namesakes: Vec<PathBuf>,
    /// Stores that refuse the login.
    pub refused: Vec<(ServiceName, String)>,
}

/// Asks the engine what it has of the project.
pub(super) async fn at_engine(engine: &Arc<dyn Engine>, stack: Option<&Stack>) -> AtEngine {
    let Some(stack) = stack else {
        return AtEngine::default();
    };
    let images = images_of(stack);
    let observing = timeout(PATIENCE, engine.observe(&stack.project, &images));
    let publishing = timeout(PATIENCE, published_ports(engine.as_ref()));
    let (observed, published) = tokio::join!(observing, publishing);
    let Some(observed) = observed.ok().and_then(Result::ok) else {
        return AtEngine::default();
    };
    let mut published = published.unwrap_or_default();
    published.retain(|_, publisher| publisher.project != stack.project.as_str());
    let (foreign, refused) = tokio::join!(
        foreign(engine.as_ref(), stack, &observed),
        refused(engine, stack, &observed)
    );
    AtEngine {
        namesakes: namesakes(stack, &observed),
        observed: Some(observed),
        published,
        foreign,
        refused,
    }
}

/// The stack's own volumes that are there under another project's label, or under none.
async fn foreign(engine: &dyn Engine, stack: &Stack, observed: &Observed) -> Vec<String> {
    let ours: BTreeSet<&str> = observed
        .volumes
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let strangers = stack
        .volumes
        .values()
        .filter(|volume| volume.ownership == Ownership::Project)
        .filter(|volume| !ours.contains(volume.name.as_str()))
        .map(|volume| async {
            let found = timeout(PATIENCE, engine.volume(&volume.name)).await;
            matches!(found, Ok(Ok(true))).then(|| volume.name.clone())
        });
    join_all(strangers).await.into_iter().flatten().collect()
}

fn namesakes(stack: &Stack, observed: &Observed) -> Vec<PathBuf> {
    let directories: BTreeSet<PathBuf> = observed
        .containers
        .iter()
        .filter_map(|container| container.labels.get(WORKING_DIR))
        .map(PathBuf::from)
        .filter(|directory| *directory != stack.working_dir)
        .collect();
    directories.into_iter().collect()
}

/// The running stores that say no to the login of today.
async fn refused(
    engine: &Arc<dyn Engine>,
    stack: &Stack,
    observed: &Observed,
) -> Vec<(ServiceName, String)> {
    let Ok(facts) = engine.facts().await else {
        return Vec::new();
    };
    let prober = Prober::new(Arc::clone(engine), facts.clone());
    let stores = stack
        .services
        .values()
        .filter(|service| service.role == Role::Data);
    let asked = stores.flat_map(|service| {
        let running = observed
            .of(&service.name)
            .filter(|found| found.is_running());
        let (prober, facts) = (&prober, &facts);
        running.map(move |found: &ObservedContainer| async move {
            let target = Target::of(engine.as_ref(), facts, service, found.clone()).await;
            match timeout(STORE, prober.once(&target)).await {
                Ok(Answer::Impossible(reason)) => Some((service.name.clone(), reason)),
                _ => None,
            }
        })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// What is wrong with the environment, as `env check` finds it.
pub(super) fn environment(session: &Session, scope: &Scope) -> Vec<EnvFault> {
    let findings = match env::findings(session, scope) {
        Ok(findings) => findings,
        Err(failure) => {
            return vec![EnvFault {
                level: Level::Problem,
                message: failure.message,
                hint: failure
                    .hints
                    .into_iter()
                    .next()
                    .unwrap_or_else(|| "jobsprint-dev env check".to_owned()),
            }];
        }
    };
    // The file's mode is a check of its own.
    let about_mode = |message: &str| message.contains("mode") || message.contains("readable");
    findings
        .into_iter()
        .filter(|finding| !about_mode(&finding.message))
        .map(|finding| EnvFault {
            level: match finding.weight {
                Weight::Error => Level::Problem,
                Weight::Warning => Level::Warning,
            },
            message: finding.message,
            hint: finding.hint,
        })
        .collect()
}

/// What the project's directories tell.
pub(super) fn on_disk(root: PathBuf, stack: Option<&Stack>, locks: &Path) -> ProjectFacts {
    let env_mode = fs::metadata(root.join(".env")).ok();
    let state = root.join(".jobsprint");
    let appetites = Appetites::read(&root).ok().flatten().unwrap_or_default();
    let unwritable = [root.as_path(), &state, locks]
        .into_iter()
        .filter(|path| path.exists())
        .filter_map(|path| {
            let refused = access(path, Access::WRITE_OK).err()?;
            Some((path.to_owned(), refused.to_string()))
        })
        .collect();
    ProjectFacts {
        env_mode: env_mode.map(|found| found.permissions().mode()),
        missing: stack.map(missing).unwrap_or_default(),
        scripts: stack.map(sources::scripts).unwrap_or_default(),
        contexts: stack.map(sources::contexts).unwrap_or_default(),
        leftovers: leftovers(&root),
        broken_records: records::look(&root, stack.map(|stack| &stack.project)),
        kept: kept::look(&root, locks),
        appetites: appetites.services().clone(),
        unwritable,
        certificate: stack.and_then(|stack| certificate(&root, stack)),
        root,
        ..ProjectFacts::default()
    }
}

fn missing(stack: &Stack) -> Vec<MissingPath> {
    let mut all = Vec::new();
    for service in stack.services.values() {
        let mut lacks = |path: &Path, usage: PathUse| {
            if !path.exists() {
                all.push(MissingPath {
                    service: service.name.clone(),
                    path: path.to_owned(),
                    usage,
                });
            }
        };
        for mount in &service.container.mounts {
            if let MountSource::Bind { source, .. } = &mount.source {
                lacks(source, PathUse::Mount);
            }
        }
        if let Some(build) = &service.image.build {
            lacks(&build.context, PathUse::Context);
            let recipe = build.dockerfile.clone();
            let recipe = recipe.unwrap_or_else(|| build.context.join("Dockerfile"));
            if build.dockerfile_inline.is_none() && build.context.exists() {
                lacks(&recipe, PathUse::Dockerfile);
            }
        }
    }
    all
}

/// Temporary files that a killed run of the tool left beside `.env`.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let now = SystemTime::now();
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let old = entries.filter(|entry| {
        let is_ours = entry
            .file_name()
            .to_string_lossy()
            .starts_with(".env.jobsprint-");
        let changed = entry.metadata().and_then(|found| found.modified());
        let age = changed
            .ok()
            .and_then(|changed| now.duration_since(changed).ok());
        is_ours && age.is_some_and(|age| age > ABANDONED)
    });
    let mut paths: Vec<PathBuf> = old.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Whether the certificate is good, where a service mounts it.
fn certificate(root: &Path, stack: &Stack) -> Option<bool> {
    let directory = root.join(".jobsprint/tls");
    let mut mounts = stack
        .services
        .values()
        .flat_map(|service| &service.container.mounts);
    let is_mounted = mounts.any(|mount| {
        matches!(&mount.source, MountSource::Bind { source, .. } if source.starts_with(&directory))
    });
    is_mounted.then(|| environment::has_good_tls(&directory))
}
