//! A tree copied, cloned where the filesystem can, and hashed on the way.
//!
//! What is copied goes by this process, so that it is read once. The system could copy without showing the bytes to anyone, but
//! then a checksum has all of them read a second time.

use std::collections::VecDeque;
use std::fs::{File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use blake3::Hasher;
use rustix::fs::{fgetxattr, flistxattr, fsetxattr, ioctl_ficlone};

use super::cached::is_on_disk_alone;
use super::carrying::{Carrier, Holes, LARGE, Passed, Road};
use super::flush::Flush;
use super::root::{Entry, Kind, Root};
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::snapshot::fingerprint::{DIRECTORY, LINK, NODE, Sum};

/// Whose a copy is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub owner: (u32, u32),
    pub mode: u32,
}

/// What a copy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be kept, while writers stand still. A clone is there at once: it can be read and hashed later.
    Keep,
    /// To be used, once all of it was read and hashed.
    Use,
}

/// How files go from disk to disk.
#[derive(Debug, Clone, Copy)]
struct Manner<'a> {
    road: Road<'a>,
    /// Where each worker begins. More of them at the large end only wait for the same disk, or fight for the cache's memory;
    /// more at the small end, where files are made and nearly nothing is written, for the same directory.
    ends: &'static [End],
}

/// An end of the files in the order of their sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Large,
    Small,
}

/// A tree on its way.
pub(super) struct Copying<'a> {
    pub from: &'a Root,
    /// Empty.
    pub to: &'a Root,
    pub flush: &'a Flush,
    pub purpose: Purpose,
    /// Set where nobody waits for it any more.
    pub stop: &'a AtomicBool,
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Copied {
    /// The sum of the tree; `None` where not all of it was hashed.
    pub sum: Option<Sum>,
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
        Ok(Copied {
            sum: sum(entries, contents),
            cloned,
        })
    }

    /// Copies the files: one worker the small ones, which cost a core and no disk, the others the large ones meanwhile; who is
    /// done helps. The largest go first, so that nobody waits for a last one.
    fn files(
        &self,
        entries: &[Entry],
        looks: &[Look],
    ) -> Result<(Vec<Option<Passed>>, bool), DataError> {
        let mut files: Vec<usize> = (0..entries.len()).collect();
        files.retain(|&index| entries[index].kind == Kind::File);
        files.sort_by_key(|&index| std::cmp::Reverse(entries[index].about.len()));
        let manner = self.manner(
            &files
                .iter()
                .map(|&index| &entries[index])
                .collect::<Vec<_>>(),
        );
        let files = Mutex::new(VecDeque::from(files));
        let may_clone = AtomicBool::new(true);
        let cloned = AtomicBool::new(false);
        let contents = Mutex::new(vec![None; entries.len()]);
        let next = |end: End| {
            let mut files = files.lock().expect("no worker panics");
            match end {
                End::Large => files.pop_front(),
                End::Small => files.pop_back(),
            }
        };
        let worker = |end: End| {
            let mut carrier = Carrier::new(manner.road, self.stop);
            while let Some(index) = next(end) {
                let entry = &entries[index];
                let copied = self.one(entry, looks[index], &may_clone, &mut carrier);
                let copied = copied.map_err(|error| unreadable(&entry.path, &error))?;
                if copied.cloned {
                    cloned.store(true, Ordering::Relaxed);
                }
                contents.lock().expect("no worker panics")[index] = copied.passed;
            }
            Ok::<(), DataError>(())
        };
        thread::scope(|scope| {
            let ends = manner.ends.iter();
            let workers: Vec<_> = ends.map(|end| scope.spawn(|| worker(*end))).collect();
            let ended: Vec<_> = workers.into_iter().map(ScopedJoinHandle::join).collect();
            let mut ended = ended.into_iter();
            ended.try_for_each(|ended| ended.expect("no worker panics"))
        })?;
        let contents = contents.into_inner().expect("no worker panics");
        Ok((contents, cloned.into_inner()))
    }

    fn one(
        &self,
        entry: &Entry,
        look: Look,
        may_clone: &AtomicBool,
        carrier: &mut Carrier<'_>,
    ) -> io::Result<One> {
        let from = self.from.read(&entry.path)?;
        let to = self.to.create(&entry.path)?;
        let cloned = may_clone.load(Ordering::Relaxed) && entry.about.len() > 0 && {
            let cloned = ioctl_ficlone(&to, &from).is_ok();
            may_clone.fetch_and(cloned, Ordering::Relaxed);
            cloned
        };
        let about = &entry.about;
        let passed = match (cloned, self.purpose) {
            (true, Purpose::Keep) => None,
            (true, Purpose::Use) => Some(carrier.read(&from)?),
            (false, _) => {
                let is_thin = about.blocks() * 512 < about.len();
                let holes = if is_thin { Holes::Stay } else { Holes::Fill };
                Some(carrier.carry(&from, &to, holes, about.len())?)
            }
        };
        dress(&from, &to, entry, look)?;
        if !cloned && about.len() >= LARGE {
            self.flush.soon(&to);
        }
        Ok(One { passed, cloned })
    }

    /// Measured by `tests/bench/snapshot`: what is in memory is written quickest by several who don't fill the memory further.
    /// Where the disk must read, too, one at a time disturbs it least.
    fn manner(&self, files: &[&Entry]) -> Manner<'_> {
        if self.purpose == Purpose::Keep || is_on_disk_alone(self.from, files) {
            Manner {
                road: Road::ThroughCache(self.flush),
                ends: &[End::Large, End::Small],
            }
        } else {
            Manner {
                road: Road::PastCache,
                ends: &[End::Large, End::Large, End::Large, End::Small],
            }
        }
    }

    fn dress_directory(&self, entry: &Entry, look: Look) -> io::Result<()> {
        let from = self.from.inside(&entry.path)?.file()?;
        let to = self.to.inside(&entry.path)?.file()?;
        dress(&from, &to, entry, look)
    }
}

struct One {
    passed: Option<Passed>,
    cloned: bool,
}

/// The sum of a tree, where the content of all its files is known.
fn sum(entries: &[Entry], contents: Vec<Option<Passed>>) -> Option<Sum> {
    let mut all: Vec<_> = entries.iter().zip(contents).collect();
    all.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
    let mut sum = Sum::new();
    for (entry, content) in all {
        let mut hash = Hasher::new();
        match &entry.kind {
            Kind::File => {
                let Passed { bytes, hash } = content?;
                sum.add(&entry.path, bytes, hash);
                continue;
            }
            Kind::Directory => hash.update(DIRECTORY),
            Kind::Link(target) => hash.update(LINK).update(target.as_encoded_bytes()),
            Kind::Node => hash.update(NODE),
        };
        sum.add(&entry.path, 0, hash.finalize());
    }
    Some(sum)
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
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;

    use super::*;
    use crate::data::snapshot::fingerprint::{fingerprint, fingerprint_more};

    fn mine() -> Look {
        let home = tempfile::tempdir().unwrap();
        let about = fs::metadata(home.path()).unwrap();
        Look {
            owner: (about.uid(), about.gid()),
            mode: 0o700,
        }
    }

    fn copied(from: &Path, to: &Path, purpose: Purpose) -> Copied {
        let (from, to) = (Root::open(from).unwrap(), Root::open(to).unwrap());
        let entries = from.entries().unwrap();
        let copying = Copying {
            from: &from,
            to: &to,
            flush: &Flush::begin(),
            purpose,
            stop: &AtomicBool::new(false),
        };
        let looks = vec![mine(); entries.len()];
        copying.run(&entries, &looks).unwrap()
    }

    #[tokio::test]
    async fn every_byte_arrives_by_either_road_and_holes_stay_holes() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("a/b")).unwrap();
        let large: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();
        fs::write(home.path().join("a/b/large"), &large).unwrap();
        fs::write(home.path().join("a/empty"), "").unwrap();
        let thin = File::create(home.path().join("thin")).unwrap();
        thin.set_len(50_000_000).unwrap();
        thin.write_all_at(b"x", 40_000_000).unwrap();

        for purpose in [Purpose::Keep, Purpose::Use] {
            let to = tempfile::tempdir().unwrap();
            let copied = copied(home.path(), to.path(), purpose);

            assert_eq!(fs::read(to.path().join("a/b/large")).unwrap(), large);
            assert_eq!(fs::read(to.path().join("a/empty")).unwrap(), b"");
            let copy = fs::read(to.path().join("thin")).unwrap();
            assert_eq!(copy, fs::read(home.path().join("thin")).unwrap());
            let about = fs::metadata(to.path().join("thin")).unwrap();
            assert!(about.blocks() * 512 < 5_000_000, "{}", about.blocks());
            let sum = copied.sum.map(|sum| fingerprint_more(sum, &[]).unwrap());
            if !copied.cloned || purpose == Purpose::Use {
                let read = fingerprint(vec![to.path().to_owned()]).await.unwrap();
                assert_eq!(sum, Some(read), "as whoever reads the copy finds it");
            }
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
            purpose: Purpose::Keep,
            stop: &AtomicBool::new(true),
        };

        copying.run(&entries, &[mine()]).unwrap_err();
    }
}
