//! One run at a time changes a project: a lock that dies with its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{Failure, FailureKind};

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Why a lock can't be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file can't be made or locked.
    #[error("cannot lock `{}`", path.display())]
    File {
        /// The lock's file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let LockError::File { path, source } = &error;
        let place = path.display();
        let hint = if source.kind() == io::ErrorKind::IsADirectory {
            format!("move it away, as `mv {place} {place}.old`, and run this again")
        } else {
            let above = path.parent().unwrap_or(path).display();
            format!("see who owns it with `ls -ld {above} {place}`; nothing was changed")
        };
        let reason = source.to_string();
        let end = reason.find(" (os error").unwrap_or(reason.len());
        Self::new(FailureKind::Project, error.to_string())
            .details([reason[..end].to_lowercase()])
            .hint(hint)
    }
}

/// The lock on a project's changes, held until dropped; the system frees it where its holder is killed.
#[derive(Debug)]
pub struct ProjectLock {
    _file: File,
}

impl ProjectLock {
    /// Takes the lock in `directory`, waiting for another holder; `waiting` is told once who that is (a pid, where known).
    ///
    /// # Errors
    /// [`LockError`] where the file can't be made or locked.
    pub async fn take(
        directory: &Path,
        project: &str,
        waiting: impl FnOnce(Option<u32>),
    ) -> Result<Self, LockError> {
        let path = directory.join(format!("{project}.lock"));
        let failed = |source| LockError::File {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let locked = lock_alone(&mut file, |file| waiting(holder(file))).await;
        locked.map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        write!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Locks a file, waiting for another holder; where there is one, `waiting` is called once.
///
/// # Errors
/// Where the system can't lock it.
pub async fn lock_alone(file: &mut File, waiting: impl FnOnce(&mut File)) -> io::Result<()> {
    let mut waiting = Some(waiting);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {
                if let Some(waiting) = waiting.take() {
                    waiting(file);
                }
                tokio::time::sleep(RETRY).await;
            }
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_waits_and_is_told_who_holds_the_lock() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = ProjectLock::take(directory.path(), "shop", |_| {})
            .await
            .expect("the first takes it");
        let (told, heard) = tokio::sync::oneshot::channel();
        let path = directory.path().to_owned();

        let second = tokio::spawn(async move {
            ProjectLock::take(&path, "shop", move |pid| {
                told.send(pid).expect("the test listens");
            })
            .await
        });
        let pid = heard.await.expect("the second waits");
        drop(first);

        assert_eq!(pid, Some(std::process::id()));
        assert!(second.await.expect("no panic").is_ok());
    }
}
