//! A snapshot laid beside the live data, put in its place, and the old one removed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::geteuid;
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
use crate::data::snapshot::trees;

/// What is live, once it is moved away.
const OLD: &str = ".jobsprint-old";
/// What was laid, once the live data is moved away.
const READY: &str = ".jobsprint-ready";
/// What was replaced, once it is out of the volume: in the engine's own directory of the volume, which goes with it.
const GONE: &str = ".jobsprint-gone.";
/// So the engine calls the volume itself in there.
const DATA: &str = "_data";
/// Our own directories beside the live data begin so.
const OURS: &str = ".jobsprint-";

/// A snapshot beside the live data.
pub(in crate::data::snapshot) struct Lying {
    places: Vec<PathBuf>,
    flush: Arc<Flush>,
}

impl Near {
    /// Lays volumes as the snapshot in `directory` has them beside the live data, and gives what was read of each.
    pub async fn lay(
        &self,
        directory: &Path,
        keys: &[impl AsRef<str>],
    ) -> Result<(Lying, Vec<Fingerprint>), DataError> {
        let flush = Arc::new(Flush::begin());
        let mut read = Vec::new();
        for key in keys.iter().map(AsRef::as_ref) {
            let place = self.places[key].clone();
            let [tree, lists] = trees::both(directory, &trees::tree(key));
            let flush = Arc::clone(&flush);
            let laid = stoppable(move |stop| lay(&tree, &lists, &place, &flush, stop));
            read.push(laid.await?);
        }
        let places = self.places.values().cloned().collect();
        Ok((Lying { places, flush }, read))
    }
}

impl Lying {
    /// What lies at these places.
    pub fn at(places: Vec<PathBuf>) -> Self {
        Self {
            places,
            flush: Arc::new(Flush::begin()),
        }
    }

    /// Leaves it to another process to wait for the disk: this one ends.
    pub fn leave(self) {
        std::mem::forget(self.flush);
    }

    /// Waits until all of it is on the disk.
    pub async fn sync(&self) -> Result<(), DataError> {
        let flush = Arc::clone(&self.flush);
        self.each(move |place| {
            flush.finish()?;
            Root::open(place)?.sync()
        })
        .await
        .map(drop)
    }

    /// Puts it in the live data's place, as [`Helper::swap`](super::super::helper::Helper::swap) does; nobody may use the volumes.
    pub async fn swap(&self) -> Result<(), DataError> {
        self.each(swap).await.map(drop)
    }

    /// Takes away what lies beside the live data, and gives what of it is to be removed: all that could be moved out of the
    /// volumes, now or by an earlier run, is.
    pub async fn clear(&self) -> Result<Vec<PathBuf>, DataError> {
        let gone = self.each(|place| {
            let old = place.join(OLD);
            put_beside(place, &old).or_else(|_| remove(&old))?;
            remove(&place.join(LAID))?;
            Ok(gone(place))
        });
        Ok(gone.await?.concat())
    }

    async fn each<T: Send + 'static>(
        &self,
        work: impl Fn(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<Vec<T>, DataError> {
        let places = self.places.clone();
        let worked = spawn_blocking(move || {
            let places = places.iter();
            let each = places.map(|place| work(place).map_err(|error| unreadable(place, &error)));
            each.collect()
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

/// Moves what was replaced out of the volume at one stroke: into the engine's directory of the volume, if that is this
/// user's alone, which is root.
fn put_beside(place: &Path, old: &Path) -> io::Result<()> {
    let above = place.parent().filter(|_| place.ends_with(DATA));
    let above = above.ok_or(io::ErrorKind::NotFound)?;
    let (about, me) = (fs::symlink_metadata(above)?, geteuid().as_raw());
    if !about.is_dir() || about.uid() != me || about.mode() & 0o022 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    for number in 0.. {
        match fs::rename(old, above.join(format!("{GONE}{number}"))) {
            // An earlier one is being removed still.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            moved => return moved,
        }
    }
    unreachable!("numbers don't end")
}

/// What was put beside the volume at `place`.
fn gone(place: &Path) -> Vec<PathBuf> {
    let above = place.parent().filter(|_| place.ends_with(DATA));
    let entries = above.and_then(|above| fs::read_dir(above).ok());
    let paths = entries.into_iter().flatten().flatten();
    paths
        .map(|entry| entry.path())
        .filter(|path| is_gone(path))
        .collect()
}

/// Whether a directory is one that was put beside a volume.
pub(in crate::data::snapshot) fn is_gone(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(GONE.as_bytes()))
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A volume as the engine has it, in a directory of this mode; what was replaced lies in it.
    fn replaced(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join(DATA);
        fs::create_dir_all(place.join(OLD)).unwrap();
        fs::write(place.join(OLD).join("word"), "old").unwrap();
        fs::write(place.join("word"), "new").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode)).unwrap();
        (home, place)
    }

    async fn cleared(place: &Path) -> Vec<PathBuf> {
        let lying = Lying::at(vec![place.to_owned()]);
        lying.clear().await.unwrap()
    }

    #[tokio::test]
    async fn what_was_replaced_leaves_the_volume_and_an_earlier_one_is_told_of_too() {
        let (home, place) = replaced(0o701);
        let earlier = home.path().join(".jobsprint-gone.0");
        fs::create_dir_all(earlier.join("word")).unwrap();

        let mut gone = cleared(&place).await;

        gone.sort();
        assert_eq!(gone, [earlier, home.path().join(".jobsprint-gone.1")]);
        assert_eq!(fs::read_to_string(gone[1].join("word")).unwrap(), "old");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn where_others_may_write_beside_the_volume_it_is_removed_at_once() {
        let (home, place) = replaced(0o777);

        assert_eq!(cleared(&place).await, Vec::<PathBuf>::new());
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

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
