//! `.jobsprint/`: the project's own state, out of git and out of others' sight.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{Privacy, StoreError, write};

/// The directory of a project's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// The state of the project at `root`; nothing is made yet.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            path: root.join(".jobsprint"),
        }
    }

    /// The state of the stack `name` beside the project's plain one; nothing is made yet.
    #[must_use]
    pub fn of_stack(root: &Path, name: &str) -> Self {
        Self {
            path: root.join(".jobsprint/stacks").join(name),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it (0700, with a `.gitignore` that covers all of it) and the directory `name` in it; gives that one's path.
    ///
    /// # Errors
    /// [`StoreError`] where the system refuses.
    pub fn directory(&self, name: &str) -> Result<PathBuf, StoreError> {
        let directory = self.path.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(StoreError::refused("make", &directory))?;
        let ignore = self.path.join(".gitignore");
        if !ignore.exists() {
            write(&ignore, b"*\n", Privacy::Shared)?;
        }
        Ok(directory)
    }

    /// Waits until nobody else holds the lock `name`, and holds it until the result is dropped.
    ///
    /// # Errors
    /// [`StoreError`] where the system refuses.
    pub fn lock(&self, name: &str) -> Result<Lock, StoreError> {
        let path = self.directory("")?.join(format!("{name}.lock"));
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::refused("open", &path))?;
        file.lock().map_err(StoreError::refused("lock", &path))?;
        Ok(Lock { _file: file })
    }
}

/// A lock that is held; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_state_is_private_and_out_of_git() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::of(home.path());

        let made = state.directory("backups/env").unwrap();

        let bits = fs::metadata(state.path()).unwrap().permissions().mode();
        assert_eq!(bits & 0o777, 0o700);
        assert!(made.is_dir());
        let ignored = fs::read_to_string(home.path().join(".jobsprint/.gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
    }
}
