//! A tree copied, cloned where the filesystem can, and hashed on the way where that is asked.
//!
//! What is hashed is in this process's hands anyway: it goes to the disk past the system's cache, several files at a time,
//! so that the disk and the cores are busy together. What isn't hashed the system copies in its cache, one file after the
//! other: two at a time only fight for its memory, and the writers that stand still wait for no disk.

use std::fs::{File, FileTimes, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};

use blake3::{Hash, Hasher};
use rustix::fs::{
    OFlags, copy_file_range, fcntl_getfl, fcntl_setfl, fgetxattr, flistxattr, fsetxattr,
    ioctl_ficlone,
};
use rustix::io::Errno;

use super::flush::Flush;
use super::root::{Entry, Kind, Root};
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::fingerprint::{DIRECTORY, FILE, LINK, NODE};

/// So much is read, hashed and written at a time.
const PIECE: usize = 1024 * 1024;
/// What goes past the system's cache begins and ends at multiples of it, in the file and in memory.
const BLOCK: usize = 4096;
/// So many files are hashed and written at a time: more of them only wait for the same disk.
const WRITERS: usize = 4;
/// So much the system copies before it is asked whether to go on, and brings to the disk at a time.
const STRETCH: u64 = 32 * 1024 * 1024;
/// Smaller files go to the disk all together at the end.
const LARGE: u64 = 1024 * 1024;

/// Whose a copy is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub owner: (u32, u32),
    pub mode: u32,
}

/// Whether the content is hashed as it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    OnTheWay,
    NotNow,
}

/// A tree on its way.
pub(super) struct Copying<'a> {
    pub from: &'a Root,
    /// Empty.
    pub to: &'a Root,
    pub flush: &'a Flush,
    pub hashing: Hashing,
    /// Set where nobody waits for it any more.
    pub stop: &'a AtomicBool,
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Copied {
    /// Each entry's hash, where it was asked for.
    pub hashes: Vec<Hash>,
    /// Whether the filesystem shares the blocks of any file.
    pub cloned: bool,
}

impl Copying<'_> {
    /// Copies `entries`, which are all below `from`; each gets its `look`.
    pub fn run(&self, entries: &[Entry], looks: &[Look]) -> Result<Copied, DataError> {
        let all = || entries.iter().zip(looks);
        for (entry, look) in all() {
            let made = match entry.kind {
                Kind::File => continue,
                Kind::Directory => self.to.make_directory(&entry.path),
                Kind::Link(_) | Kind::Node => self.to.make_special(entry, look.owner),
            };
            made.map_err(|error| unreadable(&entry.path, &error))?;
        }
        let (contents, cloned) = self.files(entries, looks)?;
        for (entry, look) in all()
            .rev()
            .filter(|(entry, _)| entry.kind == Kind::Directory)
        {
            let dressed = self.dress_directory(entry, *look);
            dressed.map_err(|error| unreadable(&entry.path, &error))?;
        }
        let hashes = entries.iter().zip(contents).map(|(entry, content)| {
            let mut hash = Hasher::new();
            match &entry.kind {
                Kind::File => return content.unwrap_or_else(|| hash.finalize()),
                Kind::Directory => hash.update(DIRECTORY),
                Kind::Link(target) => hash.update(LINK).update(target.as_encoded_bytes()),
                Kind::Node => hash.update(NODE),
            };
            hash.finalize()
        });
        Ok(Copied {
            hashes: hashes.collect(),
            cloned,
        })
    }

    /// Copies the files, the largest first, so that nobody waits for a last one.
    fn files(
        &self,
        entries: &[Entry],
        looks: &[Look],
    ) -> Result<(Vec<Option<Hash>>, bool), DataError> {
        let mut files: Vec<usize> = (0..entries.len()).collect();
        files.retain(|&index| entries[index].kind == Kind::File);
        files.sort_by_key(|&index| std::cmp::Reverse(entries[index].about.len()));
        let next = AtomicUsize::new(0);
        let may_clone = AtomicBool::new(true);
        let cloned = AtomicBool::new(false);
        let hashes = Mutex::new(vec![None; entries.len()]);
        let worker = || {
            let mut room = vec![0; PIECE + BLOCK];
            let start = room.as_ptr().align_offset(BLOCK).min(BLOCK);
            let piece = &mut room[start..start + PIECE];
            while let Some(&index) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let entry = &entries[index];
                let copied = self.one(entry, looks[index], &may_clone, piece);
                let copied = copied.map_err(|error| unreadable(&entry.path, &error))?;
                if copied.cloned {
                    cloned.store(true, Ordering::Relaxed);
                }
                hashes.lock().expect("no worker panics")[index] = copied.hash;
            }
            Ok::<(), DataError>(())
        };
        let workers = match self.hashing {
            Hashing::OnTheWay => WRITERS,
            Hashing::NotNow => 1,
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
            let ended: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let mut ended = ended.into_iter();
            ended.try_for_each(|ended| ended.expect("no worker panics"))
        })?;
        let hashes = hashes.into_inner().expect("no worker panics");
        Ok((hashes, cloned.into_inner()))
    }

    fn one(
        &self,
        entry: &Entry,
        look: Look,
        may_clone: &AtomicBool,
        piece: &mut [u8],
    ) -> io::Result<One> {
        let from = self.from.read(&entry.path)?;
        let to = self.to.create(&entry.path)?;
        let cloned = may_clone.load(Ordering::Relaxed) && entry.about.len() > 0 && {
            let cloned = ioctl_ficlone(&to, &from).is_ok();
            may_clone.fetch_and(cloned, Ordering::Relaxed);
            cloned
        };
        let is_thin = entry.about.blocks() * 512 < entry.about.len();
        let hash = match self.hashing {
            Hashing::NotNow if cloned => None,
            Hashing::NotNow if is_thin => {
                self.by_pieces(&from, Some(&to), Holes::Stay, piece)?;
                None
            }
            Hashing::NotNow => {
                self.by_system(&from, &to, piece)?;
                None
            }
            Hashing::OnTheWay if cloned => Some(self.by_pieces(&from, None, Holes::Fill, piece)?),
            Hashing::OnTheWay => {
                let holes = if is_thin { Holes::Stay } else { Holes::Fill };
                if entry.about.len() >= LARGE {
                    past_cache(&to, true).ok(); // not every filesystem can
                }
                Some(self.by_pieces(&from, Some(&to), holes, piece)?)
            }
        };
        dress(&from, &to, entry, look)?;
        if !cloned && entry.about.len() >= LARGE {
            self.flush.soon(&to);
        }
        Ok(One { hash, cloned })
    }

    /// Lets the system copy, which never shows the bytes to this process.
    fn by_system(&self, from: &File, to: &File, piece: &mut [u8]) -> io::Result<()> {
        let (mut read, mut written) = (0, 0);
        loop {
            self.go_on()?;
            let stretch = usize::try_from(STRETCH).unwrap_or(usize::MAX);
            match copy_file_range(from, Some(&mut read), to, Some(&mut written), stretch) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    if written % STRETCH == 0 {
                        self.flush.soon(to);
                    }
                }
                // Not between these filesystems, or not by this kernel.
                Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if read == 0 => {
                    return self.by_pieces(from, Some(to), Holes::Fill, piece).map(drop);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads all of a file, writes it where it isn't there yet, and gives its hash.
    fn by_pieces(
        &self,
        from: &File,
        to: Option<&File>,
        holes: Holes,
        piece: &mut [u8],
    ) -> io::Result<Hash> {
        let mut hash = Hasher::new();
        hash.update(FILE);
        let mut place = 0;
        loop {
            self.go_on()?;
            let count = fill(from, piece)?;
            let read = &piece[..count];
            if self.hashing == Hashing::OnTheWay {
                hash.update(read);
            }
            if let Some(to) = to {
                if count % BLOCK != 0 {
                    past_cache(to, false)?;
                }
                if holes == Holes::Fill || read.iter().any(|byte| *byte != 0) {
                    write(to, read, place)?;
                }
            }
            place += count as u64;
            if count < piece.len() {
                if let (Some(to), Holes::Stay) = (to, holes) {
                    to.set_len(place)?;
                }
                return Ok(hash.finalize());
            }
        }
    }

    fn dress_directory(&self, entry: &Entry, look: Look) -> io::Result<()> {
        let from = self.from.inside(&entry.path)?.file()?;
        let to = self.to.inside(&entry.path)?.file()?;
        dress(&from, &to, entry, look)
    }

    fn go_on(&self) -> io::Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

/// Reads until `piece` is full or the file is over, and says how much that was.
fn fill(mut from: &File, piece: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < piece.len() {
        match from.read(&mut piece[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Writes at `place`, through the system's cache where the filesystem wants larger blocks than these past it.
fn write(to: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    match to.write_all_at(bytes, place) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            past_cache(to, false)?;
            to.write_all_at(bytes, place)
        }
        written => written,
    }
}

/// Whether what is written to a file from now on goes to the disk at once, and not through the system's cache.
fn past_cache(file: &File, is_past: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, is_past);
    Ok(fcntl_setfl(file, flags)?)
}

struct One {
    hash: Option<Hash>,
    cloned: bool,
}

/// What becomes of a stretch of nothing but zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holes {
    Stay,
    Fill,
}

/// Gives a copy its owner, mode, times and further attributes.
fn dress(from: &File, to: &File, entry: &Entry, look: Look) -> io::Result<()> {
    fchown(to, Some(look.owner.0), Some(look.owner.1))?;
    // After its owner: a new one takes the right to run as the owner away.
    to.set_permissions(Permissions::from_mode(look.mode))?;
    attributes(from, to);
    let times = FileTimes::new()
        .set_accessed(entry.about.accessed()?)
        .set_modified(entry.about.modified()?);
    to.set_times(times)
}

/// Extended attributes, as `cp -a` takes them along: those that can be.
fn attributes(from: &File, to: &File) {
    let mut names = [0; 4096];
    let count = flistxattr(from, &mut names).unwrap_or_default();
    for name in names[..count].split(|byte| *byte == 0) {
        let mut value = [0; 4096];
        if name.is_empty() {
            continue;
        }
        if let Ok(count) = fgetxattr(from, name, &mut value) {
            let flags = rustix::fs::XattrFlags::empty();
            fsetxattr(to, name, &value[..count], flags).ok();
        }
    }
}

/// Gives a directory that was made for a tree the tree's own look.
pub(super) fn dress_root(to: &Root, look: Look) -> io::Result<()> {
    let to = to.file()?;
    fchown(&to, Some(look.owner.0), Some(look.owner.1))?;
    to.set_permissions(Permissions::from_mode(look.mode))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn mine() -> Look {
        let home = tempfile::tempdir().unwrap();
        let about = fs::metadata(home.path()).unwrap();
        Look {
            owner: (about.uid(), about.gid()),
            mode: 0o700,
        }
    }

    fn copied(from: &Path, to: &Path, hashing: Hashing) -> Copied {
        let (from, to) = (Root::open(from).unwrap(), Root::open(to).unwrap());
        let entries = from.entries().unwrap();
        let copying = Copying {
            from: &from,
            to: &to,
            flush: &Flush::begin(),
            hashing,
            stop: &AtomicBool::new(false),
        };
        let looks = vec![mine(); entries.len()];
        copying.run(&entries, &looks).unwrap()
    }

    #[test]
    fn every_byte_arrives_hashed_or_not_and_holes_stay_holes() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("a/b")).unwrap();
        let large: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();
        fs::write(home.path().join("a/b/large"), &large).unwrap();
        fs::write(home.path().join("a/empty"), "").unwrap();
        let thin = File::create(home.path().join("thin")).unwrap();
        thin.set_len(50_000_000).unwrap();
        thin.write_all_at(b"x", 40_000_000).unwrap();

        for hashing in [Hashing::OnTheWay, Hashing::NotNow] {
            let to = tempfile::tempdir().unwrap();
            copied(home.path(), to.path(), hashing);

            assert_eq!(fs::read(to.path().join("a/b/large")).unwrap(), large);
            assert_eq!(fs::read(to.path().join("a/empty")).unwrap(), b"");
            let copy = fs::read(to.path().join("thin")).unwrap();
            assert_eq!(copy, fs::read(home.path().join("thin")).unwrap());
            let about = fs::metadata(to.path().join("thin")).unwrap();
            assert!(about.blocks() * 512 < 5_000_000, "{}", about.blocks());
        }
    }

    #[test]
    fn one_that_is_told_to_stop_stops() {
        let (home, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(home.path().join("file"), "x").unwrap();
        let (from, to) = (
            Root::open(home.path()).unwrap(),
            Root::open(to.path()).unwrap(),
        );
        let entries = from.entries().unwrap();
        let copying = Copying {
            from: &from,
            to: &to,
            flush: &Flush::begin(),
            hashing: Hashing::NotNow,
            stop: &AtomicBool::new(true),
        };

        copying.run(&entries, &[mine()]).unwrap_err();
    }
}
