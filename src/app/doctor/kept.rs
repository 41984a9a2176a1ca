//! Data that the tool keeps on disk and that a person may let go: a fact for each, with the command.

use std::fs;
use std::path::Path;

use crate::doctor::KeptSeen;
use crate::store::StateDir;

/// What is kept of the project at `root`.
pub(super) fn look(root: &Path) -> Vec<KeptSeen> {
    let state = StateDir::of(root);
    let mut all = snapshots(&state.path().join("snapshots"));
    all.extend(backups(&state.path().join("backups")));
    all
}

/// Each snapshot for itself: a person decides which one goes.
fn snapshots(shelf: &Path) -> Vec<KeptSeen> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let seen = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // What begins with a dot is unfinished, and the next run settles it.
        (!name.starts_with('.')).then(|| KeptSeen {
            what: format!("the snapshot `{name}`"),
            bytes: size(&entry.path()),
            prune: format!("jobsprint-dev snapshot delete {name}"),
        })
    });
    seen.collect()
}

/// All backups as one: their own rule says which go.
fn backups(directory: &Path) -> Option<KeptSeen> {
    let count = fs::read_dir(directory).ok()?.count();
    (count > 0).then(|| KeptSeen {
        what: "the backups".to_owned(),
        bytes: size(directory),
        prune: "jobsprint-dev backup prune".to_owned(),
    })
}

/// Bytes of all files below `path`; links are not followed.
fn size(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !found.is_dir() {
        return found.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).sum()
}
