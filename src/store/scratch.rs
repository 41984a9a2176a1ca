//! A directory that one run needs for a while; what killed runs left of theirs goes with the next one's.

use std::fs::{self, File};
use std::path::Path;

use tempfile::TempDir;

use super::{StateDir, StoreError};

/// A directory of this run's own, gone when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    /// Shared by all runs that have one: who can have it alone knows that what lies there is nobody's.
    _held: File,
}

impl Scratch {
    /// Makes one in the directory `name` of `state`.
    ///
    /// # Errors
    /// [`StoreError`] where the system refuses.
    pub fn make(state: &StateDir, name: &str) -> Result<Self, StoreError> {
        let place = state.directory(name)?;
        let path = place.with_extension("lock");
        let held = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::refused("open", &path))?;
        if held.try_lock().is_ok() {
            sweep(&place);
            held.unlock()
                .map_err(StoreError::refused("unlock", &path))?;
        }
        held.lock_shared()
            .map_err(StoreError::refused("lock", &path))?;
        let directory = tempfile::tempdir_in(&place).map_err(StoreError::refused("use", &place))?;
        Ok(Self {
            directory,
            _held: held,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        drop(fs::remove_dir_all(entry.path())); // what can't go is tried again by the next run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_what_others_use_stays() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::of(home.path());
        let left = state.directory("passing/left").unwrap();
        fs::write(left.join("dump"), "half").unwrap();

        let one = Scratch::make(&state, "passing").unwrap();
        assert!(!left.exists());

        let other = Scratch::make(&state, "passing").unwrap();
        assert!(one.path().is_dir() && other.path().is_dir());
        drop((one, other));
        let place = state.directory("passing").unwrap();
        assert_eq!(fs::read_dir(place).unwrap().count(), 0);
    }
}
