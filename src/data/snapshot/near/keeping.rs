//! Volumes copied into a draft: the user's own files, and lists of whose they were.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::task::spawn_blocking;

use super::copying::{Copying, Look, Purpose, dress_root};
use super::flush::Flush;
use super::lists;
use super::reach::Near;
use super::root::{Kind, Root};
use super::stoppable::stoppable;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::fingerprint::{Fingerprint, fingerprint_more};
use crate::data::snapshot::manifest::Way;

/// A draft that is being filled.
pub(in crate::data::snapshot) struct Keeping {
    near: Near,
    directory: PathBuf,
    flush: Arc<Flush>,
}

impl Keeping {
    /// Begins to fill the draft in `directory`.
    pub fn begin(near: Near, directory: &Path) -> Self {
        Self {
            near,
            directory: directory.to_owned(),
            flush: Arc::new(Flush::begin()),
        }
    }

    /// Copies a volume, whose writers stand still: says how it is kept, and its fingerprint where it isn't a clone, which is
    /// still to be read.
    pub async fn copy(&self, key: &str) -> Result<(Way, Option<Fingerprint>), DataError> {
        let (from, to) = (self.near.places[key].clone(), self.directory.clone());
        let (flush, key) = (Arc::clone(&self.flush), key.to_owned());
        stoppable(move |stop| copy(&from, &to, &key, &flush, stop)).await
    }

    /// Waits until all of it is on the disk.
    pub async fn sync(&self) -> Result<(), DataError> {
        let (flush, directory) = (Arc::clone(&self.flush), self.directory.clone());
        let synced = spawn_blocking(move || {
            let synced = flush.finish().and_then(|()| Root::open(&directory)?.sync());
            synced.map_err(|error| unreadable(&directory, &error))
        });
        synced.await.expect("waiting for the disk doesn't panic")
    }

    /// Leaves it to another process to wait for the disk: this one ends.
    pub fn leave(self) {
        std::mem::forget(self.flush);
    }
}

fn copy(
    from: &Path,
    directory: &Path,
    key: &str,
    flush: &Flush,
    stop: &AtomicBool,
) -> Result<(Way, Option<Fingerprint>), DataError> {
    let failed = |error| unreadable(from, &error);
    let user = fs::metadata(directory).map_err(failed)?;
    let user = (user.uid(), user.gid());
    let (volume, draft) = (
        Root::open(from).map_err(failed)?,
        Root::open(directory).map_err(failed)?,
    );
    let entries = volume.entries().map_err(failed)?;
    let look = |kind: &Kind| Look {
        owner: user,
        mode: if *kind == Kind::Directory {
            0o700
        } else {
            0o600
        },
    };
    let looks: Vec<Look> = entries.iter().map(|entry| look(&entry.kind)).collect();
    let tree = PathBuf::from(format!("{key}.tree"));
    let to = draft
        .make_directory(&tree)
        .and_then(|()| draft.inside(&tree));
    let to = to.map_err(failed)?;
    dress_root(&to, look(&Kind::Directory)).map_err(failed)?;
    let copying = Copying {
        from: &volume,
        to: &to,
        flush,
        purpose: Purpose::Keep,
        stop,
    };
    let copied = copying.run(&entries, &looks)?;
    let top = volume.file().and_then(|file| file.metadata());
    let name = PathBuf::from(format!("{key}.lists"));
    let written = top.and_then(|top| lists::write(&draft, &name, &entries, &top, user));
    written.map_err(failed)?;
    let lists = [directory.join(name)];
    let read = copied.sum.map(|sum| fingerprint_more(sum, &lists));
    let way = if copied.cloned { Way::Clone } else { Way::Copy };
    Ok((way, read.transpose()?))
}
