//! Writing a file whole or not at all: a temporary file beside it, synced, renamed over it, the directory synced.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Who may read a written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// The owner alone (0600).
    Private,
    /// Anybody (0644).
    Shared,
}

impl Privacy {
    const fn mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

/// Temporary files begin with the target's name and this, so that one left by a killed run is known.
const MARK: &str = ".jobsprint-";

/// Writes `content` to `path`. At every moment the file is the old one or the new one, whole.
///
/// A symbolic link stays one: the file that it leads to is replaced. An existing file keeps its owner.
///
/// # Errors
/// [`StoreError`]; the old file is untouched then.
pub fn write(path: &Path, content: &[u8], privacy: Privacy) -> Result<(), StoreError> {
    let target = behind_links(path)?;
    let directory = target.parent().unwrap_or(Path::new("/"));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let refused = |doing| StoreError::refused(doing, path);

    let mut temporary = tempfile::Builder::new()
        .prefix(&format!("{name}{MARK}"))
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)
        .map_err(refused("write"))?;
    temporary.write_all(content).map_err(refused("write"))?;
    if let Ok(old) = fs::metadata(&target) {
        // Under sudo the file must stay its owner's; without privileges it is our own anyway.
        let same = fs::metadata(temporary.path()).is_ok_and(|new| new.uid() == old.uid());
        if !same {
            fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()))
                .map_err(refused("keep the owner of"))?;
        }
    }
    temporary
        .as_file()
        .set_permissions(Permissions::from_mode(privacy.mode()))
        .map_err(refused("set the permissions of"))?;
    temporary.as_file().sync_all().map_err(refused("write"))?;
    temporary
        .persist(&target)
        .map_err(|error| refused("replace")(error.error))?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(refused("sync the directory of"))
}

/// The file that is meant: links followed, even one that leads nowhere yet.
fn behind_links(path: &Path) -> Result<PathBuf, StoreError> {
    let mut at = std::path::absolute(path).map_err(StoreError::refused("find", path))?;
    for _ in 0..40 {
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_symlink() => {
                let to = fs::read_link(&at).map_err(StoreError::refused("follow", path))?;
                at = at.parent().unwrap_or(Path::new("/")).join(to);
            }
            Ok(found) if found.is_file() => return Ok(at),
            Ok(found) => {
                return Err(StoreError::NotAFile {
                    path: path.to_owned(),
                    what: kind_of(found.file_type()),
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(at),
            Err(error) => return Err(StoreError::refused("look at", path)(error)),
        }
    }
    Err(StoreError::NotAFile {
        path: path.to_owned(),
        what: "link that leads in a circle",
    })
}

pub(super) fn kind_of(found: fs::FileType) -> &'static str {
    if found.is_dir() {
        "directory"
    } else if found.is_socket() {
        "socket"
    } else if found.is_fifo() {
        "pipe"
    } else {
        "device"
    }
}

/// Removes what runs that were killed left beside `path`. The caller holds the file's lock, so nobody is writing one now.
pub(super) fn sweep(path: &Path) {
    let Ok(target) = behind_links(path) else {
        return;
    };
    let directory = target.parent().unwrap_or(Path::new("/"));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{name}{MARK}");
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_private_file_is_for_its_owner_alone_even_where_the_old_one_was_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".env");
        fs::write(&path, "A=1\n").unwrap();

        write(&path, b"A=2\n", Privacy::Private).unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "A=2\n");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(home.path()), [".env"]);
    }

    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (link, file) = (home.path().join(".env"), home.path().join("shared.env"));
        symlink("shared.env", &link).unwrap();

        write(&link, b"A=1\n", Privacy::Private).unwrap();
        write(&link, b"A=2\n", Privacy::Private).unwrap();

        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "A=2\n");
    }

    #[test]
    fn a_directory_in_its_place_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".env");
        fs::create_dir(&path).unwrap();

        let error = write(&path, b"", Privacy::Private).unwrap_err();

        assert_eq!(
            error.to_string(),
            format!("`{}` is a directory, not a file", path.display())
        );
    }

    #[test]
    fn links_in_a_circle_are_refused() {
        let home = tempfile::tempdir().unwrap();
        symlink("b", home.path().join("a")).unwrap();
        symlink("a", home.path().join("b")).unwrap();

        let error = write(&home.path().join("a"), b"", Privacy::Private).unwrap_err();

        assert!(
            error
                .to_string()
                .ends_with("is a link that leads in a circle, not a file")
        );
    }

    #[test]
    fn what_a_killed_run_left_behind_is_swept_away() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".env.jobsprint-x1Y2z3"), "A=half").unwrap();
        fs::write(home.path().join(".env.local"), "mine").unwrap();

        sweep(&home.path().join(".env"));

        assert_eq!(names(home.path()), [".env.local"]);
    }
}
