//! Data that the tool keeps on disk and that a person may let go: a fact for each, with the command.

use std::fs;
use std::path::Path;

use crate::data::Cupboard;
use crate::doctor::KeptSeen;
use crate::store::StateDir;

/// What is kept of the project at `root`, and of this user beside `locks`.
pub(super) fn look(root: &Path, locks: &Path) -> Vec<KeptSeen> {
    let plain = StateDir::of(root);
    let further = fs::read_dir(plain.path().join("stacks"));
    let further = further.into_iter().flatten().flatten();
    let further = further.filter_map(|entry| entry.file_name().into_string().ok());
    let further = further.map(|name| {
        let words = format!("--stack {name} ");
        (StateDir::of_stack(root, &name), words)
    });
    let states = std::iter::once((plain, String::new())).chain(further);
    let mut all: Vec<KeptSeen> = states
        .flat_map(|(state, words)| {
            let mut seen = snapshots(&state.path().join("snapshots"), &words);
            seen.extend(backups(&state.path().join("backups"), &words));
            seen
        })
        .collect();
    all.extend(templates(&locks.with_file_name("templates")));
    all
}

/// Each snapshot for itself: a person decides which one goes.
fn snapshots(shelf: &Path, words: &str) -> Vec<KeptSeen> {
    let entries = fs::read_dir(shelf).into_iter().flatten().flatten();
    let seen = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // What begins with a dot is unfinished, and the next run settles it.
        (!name.starts_with('.')).then(|| KeptSeen {
            what: format!("the snapshot `{name}`"),
            bytes: size(&entry.path()),
            spent: 0,
            prune: format!("jobsprint-dev {words}snapshot delete {name}"),
        })
    });
    seen.collect()
}

/// All backups as one: their own rule says which go.
fn backups(directory: &Path, words: &str) -> Option<KeptSeen> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    // Beside them lie the earlier versions of `.env`, few and small.
    let files = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file());
    let sizes: Vec<u64> = files.map(|file| size(&file)).collect();
    (!sizes.is_empty()).then(|| KeptSeen {
        what: "the backups".to_owned(),
        bytes: sizes.iter().sum(),
        spent: 0,
        prune: format!("jobsprint-dev {words}backup prune"),
    })
}

/// All templates as one: this user's, of whatever project. Those that are of use go only by hand.
fn templates(directory: &Path) -> Option<KeptSeen> {
    let found = Cupboard::of(directory.to_owned()).holdings();
    let what = match found.surplus {
        0 => "the templates of `ci`".to_owned(),
        surplus => format!(
            "the templates of `ci`, {surplus} of {} old, unused or too many:",
            found.templates
        ),
    };
    (found.templates > 0).then(|| KeptSeen {
        what,
        bytes: found.bytes,
        spent: found.surplus_bytes,
        prune: match found.surplus {
            0 => format!("rm -r {}", directory.display()),
            _ => "jobsprint-dev stacks gc".to_owned(),
        },
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
