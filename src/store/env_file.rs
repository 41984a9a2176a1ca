//! The project's `.env` on disk: read, and changed under a lock with the version before kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use time::OffsetDateTime;
use time::macros::format_description;

use super::atomic::{kind_of, sweep};
use super::{Privacy, StateDir, StoreError, write};

/// How many earlier versions are kept.
const KEPT: usize = 5;

/// The `.env` at a project's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    path: PathBuf,
    state: StateDir,
}

/// An earlier version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backup {
    /// Where it is; the name is the time at which it was replaced, so names sort by age.
    pub path: PathBuf,
}

impl EnvFile {
    /// The `.env` of the project at `root`.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            path: root.join(".env"),
            state: StateDir::of(root),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text; `None` where there is no file.
    ///
    /// # Errors
    /// [`StoreError`] where it is no file, no UTF-8, or can't be read.
    pub fn read(&self) -> Result<Option<String>, StoreError> {
        read(&self.path)
    }

    /// Changes it: `decide` sees the text of now and gives the new one with a result of its own, while nobody else writes.
    /// A text that is the same is not written. The version before is kept.
    ///
    /// # Errors
    /// Whatever `decide` gives, and [`StoreError`]; the file is the old one then.
    pub fn change<T, E: From<StoreError>>(
        &self,
        now: SystemTime,
        decide: impl FnOnce(Option<&str>) -> Result<(String, T), E>,
    ) -> Result<T, E> {
        // What can't be read would not be changed either, so it is told before a lock file is made.
        self.read()?;
        let _lock = self.state.lock("env")?;
        sweep(&self.path);
        let old = self.read()?;
        let (new, result) = decide(old.as_deref())?;
        if old.as_ref() != Some(&new) {
            if let Some(old) = &old {
                self.keep(old, now)?;
            }
            write(&self.path, new.as_bytes(), Privacy::Private)?;
        }
        Ok(result)
    }

    /// The versions before, newest first.
    #[must_use]
    pub fn backups(&self) -> Vec<Backup> {
        let directory = self.state.path().join("backups/env");
        let mut backups: Vec<Backup> = fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| Backup { path: entry.path() })
            .filter(|backup| backup.path.extension().is_some_and(|end| end == "env"))
            .filter(|backup| backup.path.is_file())
            .collect();
        backups.sort_by(|one, other| other.cmp(one));
        backups
    }

    fn keep(&self, text: &str, now: SystemTime) -> Result<(), StoreError> {
        let directory = self.state.directory("backups/env")?;
        let stamp = OffsetDateTime::from(now)
            .format(format_description!(
                "[year]-[month]-[day]T[hour]-[minute]-[second].[subsecond digits:9]Z"
            ))
            .expect("the format holds only parts that every time has");
        write(
            &directory.join(format!("{stamp}.env")),
            text.as_bytes(),
            Privacy::Private,
        )?;
        for old in self.backups().iter().skip(KEPT) {
            fs::remove_file(&old.path).map_err(StoreError::refused("remove", &old.path))?;
        }
        Ok(())
    }
}

impl Backup {
    /// Its text.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be read.
    pub fn read(&self) -> Result<Option<String>, StoreError> {
        read(&self.path)
    }
}

fn read(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(StoreError::NotAFile {
                path: path.to_owned(),
                what: kind_of(found.file_type()),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::refused("read", path)(error)),
    }
    let bytes = fs::read(path).map_err(StoreError::refused("read", path))?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = String::from_utf8_lossy(&bytes[..good]);
        let last = before.rfind('\n').map_or(0, |at| at + 1);
        StoreError::NotText {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: good - last + 1,
            byte: bytes[good],
        }
    })
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn set(file: &EnvFile, second: u64, text: &str) {
        let now = UNIX_EPOCH + Duration::from_secs(second);
        file.change::<(), StoreError>(now, |_| Ok((text.to_owned(), ())))
            .unwrap();
    }

    #[test]
    fn the_last_five_versions_are_kept_newest_first() {
        let home = tempfile::tempdir().unwrap();
        let file = EnvFile::of(home.path());

        for second in 0..8 {
            set(&file, second, &format!("A={second}\n"));
        }

        let kept: Vec<String> = file
            .backups()
            .iter()
            .map(|backup| backup.read().unwrap().unwrap())
            .collect();
        assert_eq!(kept, ["A=6\n", "A=5\n", "A=4\n", "A=3\n", "A=2\n"]);
        assert_eq!(file.read().unwrap().unwrap(), "A=7\n");
    }

    #[test]
    fn a_text_that_stays_the_same_is_not_written() {
        let home = tempfile::tempdir().unwrap();
        let file = EnvFile::of(home.path());
        set(&file, 1, "A=1\n");
        let before = fs::metadata(file.path()).unwrap().modified().unwrap();

        set(&file, 2, "A=1\n");

        assert_eq!(
            fs::metadata(file.path()).unwrap().modified().unwrap(),
            before
        );
        assert_eq!(file.backups(), []);
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let home = tempfile::tempdir().unwrap();
        let file = EnvFile::of(home.path());

        thread::scope(|scope| {
            for writer in 0..16 {
                let file = &file;
                scope.spawn(move || {
                    file.change::<(), StoreError>(SystemTime::now(), |text| {
                        let text = text.unwrap_or_default();
                        Ok((format!("{text}K{writer}=1\n"), ()))
                    })
                    .unwrap();
                });
            }
        });

        let text = file.read().unwrap().unwrap();
        assert_eq!(text.lines().count(), 16);
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_place() {
        let home = tempfile::tempdir().unwrap();
        let file = EnvFile::of(home.path());
        fs::write(file.path(), b"A=1\nB=caf\xe9\n").unwrap();

        let error = file.read().unwrap_err();

        assert_eq!(
            error.to_string(),
            format!(
                "`{}` is not UTF-8 text: line 2 has the byte 0xe9 in column 6",
                file.path().display()
            )
        );
    }
}
