//! The stacks that an engine has: of what kind each is, and whose.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use super::super::ci;
use super::super::session::Session;
use crate::domain::{Observed, ProjectName};
use crate::engine::{Engine, EngineError};
use crate::isolate::{KIND, Lease, NAMED, REPLAY, SHARED, STACK, Standing, TENANT, WORKTREE};
use crate::plan::{CONFIG_FILES, HOME, PROJECT, WORKING_DIR};

/// What a stack is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The one of a checkout: somebody works with it.
    Dev,
    /// The one of a linked git worktree.
    Worktree,
    /// One that `--stack` named so.
    Named(ProjectName),
    /// A disposable one, of `ci` or of `doctor --prove`.
    Ci(Lease, State),
    /// A disposable one whose stores are parts of shared ones.
    Tenant(Lease, State),
    /// The stores that tenants share.
    Shared(Lease, State),
    /// A disposable one that a capsule was brought up in.
    Replay(Lease, State),
}

impl Kind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Worktree => "worktree",
            Self::Named(_) => "named",
            Self::Ci(..) => "ci",
            Self::Tenant(..) => "tenant",
            Self::Shared(..) => "shared",
            Self::Replay(..) => "replay",
        }
    }

    /// Whose a disposable stack is.
    pub const fn lease(&self) -> Option<(&Lease, State)> {
        match self {
            Self::Ci(lease, state)
            | Self::Tenant(lease, state)
            | Self::Shared(lease, state)
            | Self::Replay(lease, state) => Some((lease, *state)),
            Self::Dev | Self::Worktree | Self::Named(_) => None,
        }
    }
}

/// Whose a disposable stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its owner is at work.
    Owned,
    /// It stays on purpose.
    Kept,
    /// Its owner is gone.
    Abandoned,
    /// Nobody can tell of its owner, and its lease is over.
    Expired,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Kept => "kept",
            Self::Abandoned => "abandoned",
            Self::Expired => "expired",
        }
    }
}

/// A stack on the engine.
pub(super) struct Found {
    pub project: ProjectName,
    pub kind: Kind,
    pub observed: Observed,
}

impl Found {
    /// The directory that it was made from, where its objects tell.
    pub fn directory(&self) -> Option<PathBuf> {
        if let Some((lease, _)) = self.kind.lease() {
            return Some(lease.directory.clone());
        }
        let labels = labels(&self.observed);
        let mut said = labels.filter_map(|labels| labels.get(WORKING_DIR).or(labels.get(HOME)));
        said.next().map(PathBuf::from)
    }

    /// The Compose files that it was made from; none where only containers would tell and none is there.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut containers = self.observed.containers.iter();
        let said = containers.find_map(|found| found.labels.get(CONFIG_FILES));
        let files = said.map_or("", |files| files).split(',');
        files
            .filter(|file| !file.is_empty())
            .map(PathBuf::from)
            .collect()
    }
}

/// All stacks that carry this label: [`PROJECT`] for every one, [`LEASE`](crate::isolate::LEASE) for disposable ones.
///
/// # Errors
/// Where the engine fails.
pub(super) async fn with(
    session: &Session,
    engine: &dyn Engine,
    label: &str,
) -> Result<Vec<Found>, EngineError> {
    let mut stacks = Vec::new();
    for project in engine.projects_with(label).await? {
        let Ok(project) = ProjectName::new(project) else {
            continue;
        };
        let observed = engine.observe(&project, &[]).await?;
        if labels(&observed).next().is_none() {
            continue; // it went since
        }
        let kind = kind(session, &project, &observed);
        if label == PROJECT || kind.lease().is_some() {
            stacks.push(Found {
                project,
                kind,
                observed,
            });
        }
    }
    Ok(stacks)
}

fn kind(session: &Session, project: &ProjectName, observed: &Observed) -> Kind {
    let is = |kind: &str| {
        labels(observed).any(|labels| labels.get(KIND).is_some_and(|said| said == kind))
    };
    let mut leases: Vec<Lease> = labels(observed).filter_map(Lease::of).collect();
    // One that stays says so on one object at least.
    leases.sort_by_key(|lease| !lease.holder.is_nobody());
    if let Some(lease) = leases.into_iter().next() {
        if is(SHARED) && ci::is_ours(session, project) {
            // Who uses them is known here, and by nobody else.
            let is_kept = ci::kept(session, project.as_str()) && !ci::have_ended(observed);
            let is_used = is_kept || ci::is_used(session, project);
            let state = if is_used { State::Kept } else { State::Expired };
            return Kind::Shared(lease, state);
        }
        let state = state(session, project, &lease);
        return if is(REPLAY) {
            Kind::Replay(lease, state)
        } else if is(TENANT) {
            Kind::Tenant(lease, state)
        } else if is(SHARED) {
            Kind::Shared(lease, state)
        } else {
            Kind::Ci(lease, state)
        };
    }
    let mut names = labels(observed).filter_map(|labels| labels.get(STACK));
    match names.next().map(ProjectName::new) {
        Some(Ok(name)) if is(NAMED) => Kind::Named(name),
        _ if is(WORKTREE) => Kind::Worktree,
        _ => Kind::Dev,
    }
}

fn state(session: &Session, project: &ProjectName, lease: &Lease) -> State {
    match lease.standing(&ci::this_process(), ci::lives, SystemTime::now()) {
        Standing::Held if lease.holder.is_nobody() => State::Kept,
        Standing::Held => State::Owned,
        _ if ci::kept(session, project.as_str()) => State::Kept,
        Standing::Abandoned => State::Abandoned,
        Standing::Expired => State::Expired,
    }
}

/// Tenants of which the engine has nothing, since all that they have is in shared stores.
pub(super) fn unseen(session: &Session, seen: &[Found]) -> Vec<Found> {
    let tenants = ci::tenants(session).into_iter();
    let unseen = tenants.filter(|(project, _)| seen.iter().all(|one| one.project != *project));
    unseen
        .map(|(project, lease)| Found {
            kind: Kind::Tenant(lease.clone(), state(session, &project, &lease)),
            project,
            observed: Observed::default(),
        })
        .collect()
}

fn labels(observed: &Observed) -> impl Iterator<Item = &BTreeMap<String, String>> {
    let containers = observed.containers.iter().map(|found| &found.labels);
    let networks = observed.networks.iter().map(|found| &found.labels);
    let volumes = observed.volumes.iter().map(|found| &found.labels);
    containers.chain(networks).chain(volumes)
}
