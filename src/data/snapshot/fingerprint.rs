//! The checksum of a volume that is kept as files: names, links and every byte, and the lists of owners and modes beside them.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};

use blake3::{Hash, Hasher};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::data::DataError;
use crate::data::digest::unreadable;

/// More readers than this only wait for each other's disk.
pub(super) const READERS: usize = 4;
/// What an entry's hash begins with, by its kind.
pub(super) const DIRECTORY: &[u8] = b"tree";
pub(super) const FILE: &[u8] = b"file";
pub(super) const LINK: &[u8] = b"link";
pub(super) const NODE: &[u8] = b"node";

/// What was found of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    /// Bytes of its files.
    pub bytes: u64,
    /// BLAKE3 over all of it, in hexadecimal.
    pub checksum: String,
}

/// Reads all below `directories`, and gives their bytes and checksum; symbolic links are not followed.
pub(super) async fn fingerprint(directories: Vec<PathBuf>) -> Result<Fingerprint, DataError> {
    let read = spawn_blocking(move || read(&directories));
    read.await.expect("reading doesn't panic")
}

/// Bytes of all files below `directory`.
pub(super) fn size(directory: &Path) -> Result<u64, DataError> {
    let mut entries = Vec::new();
    collect(directory, &mut entries)?;
    let sizes = entries.iter().map(|path| match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(about.len()),
        Ok(_) => Ok(0),
        Err(error) => Err(unreadable(path, &error)),
    });
    sizes.sum()
}

/// Adds all below `directories` to what was read already, and gives the whole.
pub(super) fn fingerprint_more(
    mut sum: Sum,
    directories: &[PathBuf],
) -> Result<Fingerprint, DataError> {
    for directory in directories {
        let mut paths = Vec::new();
        collect(directory, &mut paths)?;
        paths.sort();
        for (path, (bytes, hash)) in paths.iter().zip(each(&paths)?) {
            sum.add(path.strip_prefix(directory).unwrap_or(path), bytes, hash);
        }
    }
    Ok(sum.finish())
}

fn read(directories: &[PathBuf]) -> Result<Fingerprint, DataError> {
    fingerprint_more(Sum::new(), directories)
}

/// A fingerprint that is made entry by entry, each directory's in the order of their paths.
#[derive(Debug)]
pub(super) struct Sum {
    whole: Hasher,
    bytes: u64,
}

impl Sum {
    pub(super) fn new() -> Self {
        Self {
            whole: Hasher::new(),
            bytes: 0,
        }
    }

    /// Adds an entry by its path in the directory, the bytes of its content, and its hash.
    pub(super) fn add(&mut self, path: &Path, bytes: u64, hash: Hash) {
        part(&mut self.whole, path.as_os_str().as_bytes());
        self.whole.update(hash.as_bytes());
        self.bytes += bytes;
    }

    fn finish(self) -> Fingerprint {
        Fingerprint {
            bytes: self.bytes,
            checksum: self.whole.finalize().to_hex().to_string(),
        }
    }
}

/// The size and hash of each of `paths`, in their order; several are read at a time.
fn each(paths: &[PathBuf]) -> Result<Vec<(u64, Hash)>, DataError> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![None; paths.len()]);
    let reader = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else {
                return Ok::<(), DataError>(());
            };
            let one = entry(path).map_err(|error| unreadable(path, &error))?;
            found.lock().expect("no reader panics")[index] = Some(one);
        }
    };
    let readers = thread::available_parallelism().map_or(1, |count| count.get().min(READERS));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(reader)).collect();
        let mut ended = readers.into_iter().map(ScopedJoinHandle::join);
        ended.try_for_each(|ended| ended.expect("no reader panics"))
    })?;
    let found = found.into_inner().expect("no reader panics");
    Ok(found.into_iter().flatten().collect())
}

/// An entry by its kind and content.
fn entry(path: &Path) -> io::Result<(u64, Hash)> {
    let about = fs::symlink_metadata(path)?;
    let mut hash = Hasher::new();
    if about.is_symlink() {
        hash.update(LINK);
        hash.update(fs::read_link(path)?.as_os_str().as_bytes());
    } else if about.is_file() {
        hash.update(FILE);
        hash.update_reader(File::open(path)?)?;
        return Ok((about.len(), hash.finalize()));
    } else {
        hash.update(if about.is_dir() { DIRECTORY } else { NODE });
    }
    Ok((0, hash.finalize()))
}

fn part(hash: &mut Hasher, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let failed = |error| unreadable(directory, &error);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_directory = entry.file_type().map_err(failed)?.is_dir();
        paths.push(entry.path());
        if is_directory {
            collect(&entry.path(), paths)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("base")).unwrap();
        fs::write(home.path().join("base/1"), vec![7; 3_000_000]).unwrap();
        fs::write(home.path().join("base/2"), "two").unwrap();
        symlink("base/2", home.path().join("link")).unwrap();
        home
    }

    fn of(home: &tempfile::TempDir) -> Fingerprint {
        read(&[home.path().to_owned()]).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_checksum_wherever_they_lie() {
        let (one, two) = (tree(), tree());

        assert_eq!(of(&one), of(&two));
        assert_eq!(of(&one).bytes, 3_000_003);
        assert_eq!(size(one.path()).unwrap(), 3_000_003);
    }

    #[test]
    fn a_byte_a_name_and_a_links_target_each_change_it() {
        let home = tree();
        let whole = of(&home).checksum;
        let mut seen = vec![whole];
        let mut changed = |home: &tempfile::TempDir| {
            let now = of(home).checksum;
            assert!(!seen.contains(&now));
            seen.push(now);
        };

        fs::write(home.path().join("base/2"), "owt").unwrap();
        changed(&home);
        fs::rename(home.path().join("base/2"), home.path().join("base/3")).unwrap();
        changed(&home);
        fs::remove_file(home.path().join("link")).unwrap();
        changed(&home);
        symlink("base/3", home.path().join("link")).unwrap();
        changed(&home);
    }
}
