//! The records of the tool's own state that can't be read, each with what was lost and what to do about it.

use std::fs;
use std::path::Path;

use crate::app::appetite::Appetites;
use crate::app::block::Block;
use crate::app::ports::Remapped;
use crate::app::{snapshot, startup, watch};
use crate::data::{Shelf, backups};
use crate::doctor::{BrokenRecordSeen, Loss};
use crate::domain::ProjectName;
use crate::store::{BrokenRecord, Fingerprints, StateDir};

/// Those of the project at `root`, whose stack's project is `project`.
pub(super) fn look(root: &Path, project: Option<&ProjectName>) -> Vec<BrokenRecordSeen> {
    let plain = StateDir::of(root);
    let further = fs::read_dir(plain.path().join("stacks"));
    let further = further.into_iter().flatten().flatten();
    let further = further.filter_map(|entry| entry.file_name().into_string().ok());
    let further = further.map(|name| StateDir::of_stack(root, &name));
    let mut seen: Vec<BrokenRecordSeen> = further.flat_map(|state| memory(&state)).collect();
    seen.extend(memory(&plain));
    seen.extend(Appetites::read(root).err().map(forgotten));
    seen.extend(data(&plain, project));
    seen.sort_by(|one, other| one.path.cmp(&other.path));
    seen
}

/// What the tool remembers of a stack, and can do without.
fn memory(state: &StateDir) -> Vec<BrokenRecordSeen> {
    let broken = [
        Remapped::read(state).err(),
        Block::read(state).err(),
        Fingerprints::fault(state),
        startup::last(state).err(),
        watch::fault(state),
    ];
    broken.into_iter().flatten().map(forgotten).collect()
}

fn forgotten(broken: BrokenRecord) -> BrokenRecordSeen {
    BrokenRecordSeen {
        path: broken.path,
        reason: broken.reason,
        loss: Loss::Forgotten,
    }
}

/// What says which data is which: nobody but a person knows what may become of it.
fn data(state: &StateDir, project: Option<&ProjectName>) -> Vec<BrokenRecordSeen> {
    let mut seen = Vec::new();
    let kept = backups(&state.path().join("backups")).unwrap_or_default();
    seen.extend(kept.broken.into_iter().map(|broken| BrokenRecordSeen {
        path: broken.path,
        reason: broken.reason,
        loss: Loss::Backup,
    }));
    let Some(project) = project else {
        return seen;
    };
    let shelf = Shelf::of(state.path().join("snapshots"), project.as_str());
    seen.extend(
        shelf
            .broken()
            .into_iter()
            .map(|(name, reason)| BrokenRecordSeen {
                path: shelf.manifest(&name),
                reason,
                loss: Loss::Snapshot { name },
            }),
    );
    seen.extend(snapshot::fault(&shelf).map(|broken| BrokenRecordSeen {
        path: broken.path,
        reason: broken.reason,
        loss: Loss::Branch,
    }));
    seen.extend(shelf.fault().map(|(path, reason)| BrokenRecordSeen {
        path,
        reason,
        loss: Loss::Unfinished,
    }));
    seen
}
