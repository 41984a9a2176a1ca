//! The lists beside a tree: which of its paths are whose (`own.70.70`), and of which mode (`mode.600`).

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::copying::Look;
use super::root::{Entry, Kind, Root};
use crate::data::DataError;
use crate::data::digest::unreadable;

/// All of a mode but the kind of file.
pub(super) const MODE: u32 = 0o7777;

/// Writes the lists of a tree into the new directory `name` of `root`, as a user's own files.
pub(super) fn write(
    root: &Root,
    name: &Path,
    entries: &[Entry],
    top: &fs::Metadata,
    user: (u32, u32),
) -> io::Result<()> {
    let top = [(Path::new(""), top, false)];
    let below = entries.iter().map(|entry| {
        let is_link = matches!(entry.kind, Kind::Link(_));
        (entry.path.as_path(), &entry.about, is_link)
    });
    let mut lists: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (path, about, is_link) in top.into_iter().chain(below) {
        let mut line = Path::new(".").join(path).into_os_string().into_vec();
        while line.ends_with(b"/") {
            line.pop();
        }
        line.push(0);
        let owner = format!("own.{}.{}", about.uid(), about.gid());
        lists.entry(owner).or_default().extend(&line);
        if !is_link {
            let mode = format!("mode.{:o}", about.mode() & MODE);
            lists.entry(mode).or_default().extend(&line);
        }
    }
    root.make_directory(name)?;
    fchown(root.inside(name)?.file()?, Some(user.0), Some(user.1))?;
    for (list, content) in lists {
        let mut file = root.create(&name.join(list))?;
        file.write_all(&content)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        fchown(&file, Some(user.0), Some(user.1))?;
    }
    Ok(())
}

/// What lists say.
#[derive(Debug, Default)]
pub(super) struct Lists {
    owners: HashMap<PathBuf, (u32, u32)>,
    modes: HashMap<PathBuf, u32>,
}

impl Lists {
    /// Reads those in `directory`.
    pub fn read(directory: &Path) -> Result<Self, DataError> {
        let failed = |error| unreadable(directory, &error);
        let mut lists = Self::default();
        for file in fs::read_dir(directory).map_err(failed)? {
            let file = file.map_err(failed)?;
            let name = file.file_name();
            let name = name.to_str().unwrap_or_default();
            let content = fs::read(file.path()).map_err(failed)?;
            let paths = content
                .split(|byte| *byte == 0)
                .filter(|path| !path.is_empty());
            let paths = paths.map(|path| {
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                path.strip_prefix(".").unwrap_or(path).to_owned()
            });
            let owner = name.strip_prefix("own.").and_then(|owner| {
                let (user, group) = owner.split_once('.')?;
                Some((user.parse().ok()?, group.parse().ok()?))
            });
            let mode = name.strip_prefix("mode.");
            let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok());
            match (owner, mode) {
                (Some(owner), _) => lists.owners.extend(paths.map(|path| (path, owner))),
                (_, Some(mode)) => lists.modes.extend(paths.map(|path| (path, mode & MODE))),
                _ => {}
            }
        }
        Ok(lists)
    }

    /// What they say of a path; `None` where they leave it out.
    pub fn look(&self, path: &Path, kind: &Kind) -> Option<Look> {
        let mode = match kind {
            Kind::Link(_) => 0,
            _ => *self.modes.get(path)?,
        };
        let owner = *self.owners.get(path)?;
        Some(Look { owner, mode })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_written_is_read_whatever_the_names_hold() {
        let (tree, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let odd = tree.path().join("a b\n'c");
        fs::create_dir(&odd).unwrap();
        fs::write(odd.join("file"), "x").unwrap();
        fs::set_permissions(odd.join("file"), Permissions::from_mode(0o4711)).unwrap();
        symlink("file", odd.join("link")).unwrap();
        let about = fs::metadata(tree.path()).unwrap();
        let user = (about.uid(), about.gid());
        let entries = Root::open(tree.path()).unwrap().entries().unwrap();
        let root = Root::open(home.path()).unwrap();

        write(&root, Path::new("lists"), &entries, &about, user).unwrap();
        let lists = Lists::read(&home.path().join("lists")).unwrap();

        for entry in &entries {
            let look = lists.look(&entry.path, &entry.kind).unwrap();
            assert_eq!(look.owner, user);
        }
        let file = lists.look(Path::new("a b\n'c/file"), &Kind::File).unwrap();
        assert_eq!(file.mode, 0o4711);
        let top = lists.look(Path::new(""), &Kind::Directory).unwrap();
        assert_eq!(top.mode, about.mode() & MODE);
        assert_eq!(lists.look(Path::new("other"), &Kind::File), None);
    }
}
