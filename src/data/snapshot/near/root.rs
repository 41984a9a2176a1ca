//! A directory of which nothing outside is ever touched: no path through it follows a symbolic link.
//!
//! This process is root, and the directory a container's: whoever runs in there may put a link where a directory was.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid};

/// What everything in it is opened with.
const WITHIN: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);
const OPEN: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);

/// The directory, open.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

/// Something below a [`Root`].
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it is, from the root on.
    pub path: PathBuf,
    /// What the system says of it.
    pub about: Metadata,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is. A socket is no data, and no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    /// A symbolic link, and its target.
    Link(OsString),
    /// A pipe or a device.
    Node,
}

impl Root {
    /// Opens a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OPEN | OFlags::DIRECTORY | OFlags::RDONLY;
        Ok(Self(fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a directory inside.
    pub fn inside(&self, path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        self.within(path, flags, Mode::empty()).map(Self)
    }

    /// The directory itself.
    pub fn file(&self) -> io::Result<File> {
        Ok(File::from(self.0.try_clone()?))
    }

    /// Opens a file to read it.
    pub fn read(&self, path: &Path) -> io::Result<File> {
        // What was a file and is a pipe by now must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        self.within(path, flags, Mode::empty()).map(File::from)
    }

    /// Makes a file.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        self.within(path, flags, mode).map(File::from)
    }

    /// Makes a directory.
    pub fn make_directory(&self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        Ok(fs::mkdirat(parent.0, name, Mode::RWXU)?)
    }

    /// Makes a symbolic link or a node like `entry`, of this owner.
    pub fn make_special(&self, entry: &Entry, (user, group): (u32, u32)) -> io::Result<()> {
        let (Self(parent), name) = self.parent(&entry.path)?;
        if let Kind::Link(target) = &entry.kind {
            fs::symlinkat(target.as_os_str(), &parent, name)?;
        } else {
            let mode = Mode::from_raw_mode(0o600);
            let kind = FileType::from_raw_mode(entry.about.mode());
            fs::mknodat(&parent, name, kind, mode, entry.about.rdev())?;
        }
        let owner = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
        fs::chownat(&parent, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    /// Moves an entry of this directory into another one, under this name.
    pub fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        Ok(fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Removes an empty directory in this one.
    pub fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        Ok(fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Waits until all that was written on its filesystem is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fs::syncfs(&self.0)?)
    }

    /// The names in it.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for found in Dir::read_from(&self.0)? {
            let name = found?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// All below it, each directory before what it holds.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut next = 0;
        self.add(Path::new(""), &mut entries)?;
        while let Some(entry) = entries.get(next) {
            next += 1;
            if entry.kind == Kind::Directory {
                let path = entry.path.clone();
                self.add(&path, &mut entries)?;
            }
        }
        Ok(entries)
    }

    fn add(&self, directory: &Path, entries: &mut Vec<Entry>) -> io::Result<()> {
        let inside = if directory.as_os_str().is_empty() {
            Self(self.0.try_clone()?)
        } else {
            self.inside(directory)?
        };
        for name in inside.names()? {
            let flags = OFlags::PATH;
            let seen = inside.within(Path::new(&name), flags, Mode::empty())?;
            let seen = File::from(seen);
            let about = seen.metadata()?;
            let found = about.file_type();
            let kind = if found.is_dir() {
                Kind::Directory
            } else if found.is_file() {
                Kind::File
            } else if found.is_symlink() {
                let target = fs::readlinkat(&seen, "", Vec::new())?;
                Kind::Link(OsString::from_vec(target.into_bytes()))
            } else if found.is_socket() {
                continue;
            } else {
                Kind::Node
            };
            entries.push(Entry {
                path: directory.join(&name),
                about,
                kind,
            });
        }
        Ok(())
    }

    /// The directory that holds `path`, and the name in it.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(Self, &'a OsStr)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.inside(parent)?,
            _ => Self(self.0.try_clone()?),
        };
        Ok((parent, name))
    }

    fn within(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let path = path.as_os_str().as_bytes();
        Ok(fs::openat2(&self.0, path, OPEN | flags, mode, WITHIN)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out_of_it() {
        let home = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s3cret").unwrap();
        std::fs::create_dir(home.path().join("in")).unwrap();
        std::fs::write(home.path().join("in/file"), "mine").unwrap();
        symlink(outside.path(), home.path().join("out")).unwrap();
        symlink("in", home.path().join("round")).unwrap();
        let root = Root::open(home.path()).unwrap();

        root.read(Path::new("in/file")).unwrap();
        for path in ["out/secret", "round/file", "../x", "out", "/etc/passwd"] {
            assert!(root.read(Path::new(path)).is_err(), "{path}");
        }
        for path in ["out/new", "round/new", "../new", "/tmp/new"] {
            assert!(root.create(Path::new(path)).is_err(), "{path}");
            assert!(root.make_directory(Path::new(path)).is_err(), "{path}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn all_below_it_is_found_but_sockets() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/file"), "x").unwrap();
        symlink("nowhere", home.path().join("a/link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(home.path().join("socket")).unwrap();

        let entries = Root::open(home.path()).unwrap().entries().unwrap();

        let found: Vec<_> = entries
            .iter()
            .map(|entry| (entry.path.to_str().unwrap(), entry.kind.clone()))
            .collect();
        let mut sorted = found.clone();
        sorted.sort_by_key(|(path, _)| path.to_owned());
        assert_eq!(
            sorted,
            [
                ("a", Kind::Directory),
                ("a/b", Kind::Directory),
                ("a/b/file", Kind::File),
                ("a/link", Kind::Link("nowhere".into())),
            ]
        );
    }
}
