//! A snapshot while it is made: beside the others, out of sight, and gone where it isn't finished.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::shelf::MANIFEST;
use crate::data::DataError;
use crate::data::digest::unreadable;

/// A directory that becomes a snapshot.
#[derive(Debug)]
pub(super) struct Draft {
    directory: PathBuf,
    place: PathBuf,
}

impl Draft {
    /// Makes `directory`, which is to stand at `place` once it is whole.
    pub(super) fn begin(directory: PathBuf, place: PathBuf) -> Result<Self, DataError> {
        drop(fs::remove_dir_all(&directory)); // mostly there is none
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| unreadable(&directory, &error))?;
        Ok(Self { directory, place })
    }

    /// Where it is made.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a part is written.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes the manifest, and puts the whole in its place.
    pub(super) fn finish(self, manifest: &Manifest) -> Result<(), DataError> {
        let text = serde_json::to_string_pretty(manifest).expect("text, numbers and lists");
        let path = self.file(MANIFEST);
        private(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| sync(&self.directory))
            .and_then(|()| fs::rename(&self.directory, &self.place))
            .and_then(|()| sync(self.place.parent().unwrap_or(Path::new("/"))))
            .map_err(|error| unreadable(&path, &error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory)); // a finished one is elsewhere by now
    }
}

/// A new file that nobody but the user reads.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
