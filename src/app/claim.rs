//! Whose a stack is: one of the same name that another directory made is left alone.

use std::collections::BTreeSet;
use std::path::Path;

use super::project::Project;
use super::{ci, faults};
use crate::domain::{Failure, FailureKind, Observed, Stack};
use crate::engine::Engine;
use crate::isolate::Reach;
use crate::plan::{CONFIG_FILES, HOME, WORKING_DIR};

/// Sees that what was observed under the project's name was made by its directory.
///
/// # Errors
/// Whose it is, where it is another's.
pub(super) async fn hold(
    project: &Project,
    engine: &dyn Engine,
    observed: &Observed,
) -> Result<(), Failure> {
    let stack = &project.stack;
    for owner in strangers(stack, observed) {
        if Path::new(&owner).exists() || !is_here(engine).await? {
            return Err(refused(stack, &owner));
        }
        // The directory was moved, or is gone: its stack is nobody else's.
    }
    Ok(())
}

/// The directories, other than the stack's own, that made any of it.
fn strangers(stack: &Stack, observed: &Observed) -> BTreeSet<String> {
    let is_own = |directory: &str| is_same(Path::new(directory), &stack.working_dir);
    let containers = observed.containers.iter().filter_map(|found| {
        let directory = found.labels.get(WORKING_DIR)?;
        let mut files = found.labels.get(CONFIG_FILES)?.split(',').map(Path::new);
        // The same files under another `--project-directory` are the same stack.
        let has_file = files.any(|file| stack.config_files.iter().any(|own| is_same(file, own)));
        (!has_file).then_some(directory)
    });
    let containers: BTreeSet<String> = containers.cloned().collect();
    if !observed.containers.is_empty() {
        return containers.into_iter().filter(|of| !is_own(of)).collect();
    }
    // These are older than containers, and keep the name of a directory that was moved since.
    let networks = observed.networks.iter().map(|found| &found.labels);
    let volumes = observed.volumes.iter().map(|found| &found.labels);
    networks
        .chain(volumes)
        .filter_map(|labels| labels.get(HOME))
        .filter(|directory| !is_own(directory))
        .cloned()
        .collect()
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// Whether paths that the engine's objects tell of are this machine's: so they are where its ports are, too.
async fn is_here(engine: &dyn Engine) -> Result<bool, Failure> {
    let looking = |error| faults::at("look at the engine", error);
    let facts = engine.facts().await.map_err(looking)?;
    let subnets = engine.subnets().await.map_err(looking)?;
    Ok(ci::reach(&facts, &subnets) == Reach::default())
}

fn refused(stack: &Stack, owner: &str) -> Failure {
    let project = &stack.project;
    let message = format!("the stack `{project}` belongs to another directory: `{owner}`");
    Failure::new(FailureKind::Project, message)
        .hint("give this directory's stack a name of its own: `jobsprint-dev --stack NAME up`")
        .hint(format!("or work on that one: `cd {owner}`"))
}
