//! A snapshot laid beside the live data, put in its place, and the old one removed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::task::spawn_blocking;

use super::copying::{Copying, Look, Purpose, dress_root};
use super::flush::Flush;
use super::lists::Lists;
use super::reach::Near;
use super::root::{Kind, Root};
use super::stoppable::stoppable;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::fingerprint::{Fingerprint, fingerprint_more};
use crate::data::snapshot::helper::LAID;
use crate::data::snapshot::manifest::Part;
use crate::data::snapshot::shelf::Shelf;
use crate::data::snapshot::trees;

/// What is live, once it is moved away.
const OLD: &str = ".jobsprint-old";
/// What was laid, once the live data is moved away.
const READY: &str = ".jobsprint-ready";
/// Our own directories beside the live data begin so.
const OURS: &str = ".jobsprint-";

/// A snapshot beside the live data.
pub(in crate::data::snapshot) struct Lying {
    places: Vec<PathBuf>,
    flush: Arc<Flush>,
}

impl Near {
    /// Lays these parts of the snapshot in `directory` beside the live data, and gives what was read of each.
    pub async fn lay(
        &self,
        directory: &Path,
        parts: &[&Part],
    ) -> Result<(Lying, Vec<Fingerprint>), DataError> {
        let flush = Arc::new(Flush::begin());
        let mut read = Vec::new();
        for part in parts {
            let place = self.places[&part.volume].clone();
            let [tree, lists] = trees::both(directory, &part.file);
            let flush = Arc::clone(&flush);
            let laid = stoppable(move |stop| lay(&tree, &lists, &place, &flush, stop));
            read.push(laid.await?);
        }
        let places = self.places.values().cloned().collect();
        Ok((Lying { places, flush }, read))
    }
}

impl Lying {
    /// Waits until all of it is on the disk.
    pub async fn sync(&self) -> Result<(), DataError> {
        let flush = Arc::clone(&self.flush);
        self.each(move |place| {
            flush.finish()?;
            Root::open(place)?.sync()
        })
        .await
    }

    /// Puts it in the live data's place, as [`Helper::swap`](super::super::helper::Helper::swap) does; nobody may use the volumes.
    pub async fn swap(&self) -> Result<(), DataError> {
        self.each(swap).await
    }

    /// Takes away what lies beside the live data: out of sight on the same filesystem, at once, and removed anywhere else.
    pub async fn clear(&self, aside: &Shelf) -> Result<(), DataError> {
        let aside = aside.clone();
        self.each(move |place| {
            let old = place.join(OLD);
            aside
                .put_away(&old, "replaced")
                .map(drop)
                .or_else(|_| remove(&old))?;
            remove(&place.join(LAID))
        })
        .await
    }

    async fn each(
        &self,
        work: impl Fn(&Path) -> io::Result<()> + Send + 'static,
    ) -> Result<(), DataError> {
        let places = self.places.clone();
        let worked = spawn_blocking(move || {
            places
                .iter()
                .try_for_each(|place| work(place).map_err(|error| unreadable(place, &error)))
        });
        worked.await.expect("work on files doesn't panic")
    }
}

fn lay(
    tree: &Path,
    lists: &Path,
    place: &Path,
    flush: &Flush,
    stop: &AtomicBool,
) -> Result<Fingerprint, DataError> {
    let failed = |error| unreadable(tree, &error);
    let from = Root::open(tree).map_err(failed)?;
    let entries = from.entries().map_err(failed)?;
    let said = Lists::read(lists)?;
    let look = |path: &Path, kind: &Kind| {
        let missing = || io::Error::other(format!("nothing says whose `{}` is", path.display()));
        said.look(path, kind)
            .ok_or_else(|| unreadable(lists, &missing()))
    };
    let looks = entries.iter().map(|entry| look(&entry.path, &entry.kind));
    let looks: Vec<Look> = looks.collect::<Result<_, _>>()?;
    let volume = Root::open(place).map_err(failed)?;
    let name = Path::new(LAID);
    let to = volume
        .make_directory(name)
        .and_then(|()| volume.inside(name));
    let to = to.map_err(|error| unreadable(place, &error))?;
    let copying = Copying {
        from: &from,
        to: &to,
        flush,
        purpose: Purpose::Use,
        stop,
    };
    let copied = copying.run(&entries, &looks)?;
    let top = look(Path::new(""), &Kind::Directory)?;
    dress_root(&to, top).map_err(|error| unreadable(place, &error))?;
    let sum = copied.sum.expect("everything is hashed");
    fingerprint_more(sum, &[lists.to_owned()])
}

/// Whatever it is stopped at, run again it goes on from there, also by a helper.
fn swap(place: &Path) -> io::Result<()> {
    let root = Root::open(place)?;
    let has = |name: &str| match fs::symlink_metadata(place.join(name)) {
        Ok(about) => Ok(about.is_dir()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    if has(LAID)? {
        if !has(OLD)? {
            root.make_directory(Path::new(OLD))?;
        }
        let old = root.inside(Path::new(OLD))?;
        for name in root.names()? {
            if !name.as_encoded_bytes().starts_with(OURS.as_bytes()) {
                root.rename(&name, &old, &name)?;
            }
        }
        root.rename(OsStr::new(LAID), &root, OsStr::new(READY))?;
    }
    if has(READY)? {
        let ready = root.inside(Path::new(READY))?;
        let (file, about) = (root.file()?, ready.file()?.metadata()?);
        fchown(&file, Some(about.uid()), Some(about.gid()))?;
        file.set_permissions(about.permissions())?;
        for name in ready.names()? {
            ready.rename(&name, &root, &name)?;
        }
        root.remove_directory(OsStr::new(READY))?;
    }
    root.file()?.sync_all()
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_that_was_cut_off_anywhere_goes_on_from_there() {
        let build = |names: &[(&str, &str)]| {
            let home = tempfile::tempdir().unwrap();
            for (path, word) in names {
                let path = home.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, word).unwrap();
            }
            home
        };
        let stages: [&[(&str, &str)]; 4] = [
            &[
                ("word", "old"),
                ("gone", "old"),
                (".jobsprint-new/word", "new"),
                (".jobsprint-new/.hidden", "new"),
            ],
            &[
                ("word", "old"),
                (".jobsprint-old/gone", "old"),
                (".jobsprint-new/word", "new"),
                (".jobsprint-new/.hidden", "new"),
            ],
            &[
                (".jobsprint-old/gone", "old"),
                (".jobsprint-old/word", "old"),
                (".jobsprint-ready/word", "new"),
                (".jobsprint-ready/.hidden", "new"),
            ],
            &[
                (".jobsprint-old/gone", "old"),
                (".jobsprint-old/word", "old"),
                (".jobsprint-ready/.hidden", "new"),
                ("word", "new"),
            ],
        ];
        for stage in stages {
            let home = build(stage);

            swap(home.path()).unwrap();

            let word = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
            assert_eq!(
                (word("word"), word(".hidden")),
                ("new".into(), "new".into())
            );
            assert_eq!(word(".jobsprint-old/word"), "old");
            assert_eq!(word(".jobsprint-old/gone"), "old");
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
        }
    }
}
