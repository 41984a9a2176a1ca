//! Content hashes: the same names with the same bytes give the same hash, wherever they lie.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use super::DataError;

/// A hash that grows by parts.
pub(super) struct Digest(Sha256);

impl Digest {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a part; its length goes in too, so that parts can't run into each other.
    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Adds a file, or all files below a directory, by their paths below it and their content.
    pub(super) fn path(&mut self, path: &Path) -> Result<(), DataError> {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        for file in files {
            let name = file.strip_prefix(path).unwrap_or(&file);
            self.part(name.as_os_str().as_encoded_bytes());
            let content = fs::read(&file).map_err(|error| unreadable(&file, &error))?;
            self.part(&content);
        }
        Ok(())
    }

    /// The hash of each file below `path` by itself, in the order of their paths; of `path`, where it is a file.
    pub(super) fn of_each(path: &Path) -> Result<Vec<String>, DataError> {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        let hash = |file: PathBuf| {
            let mut digest = Self::new();
            let name = file.strip_prefix(path).unwrap_or(&file);
            digest.part(name.as_os_str().as_encoded_bytes());
            digest.path(&file)?;
            Ok(digest.finish())
        };
        files.into_iter().map(hash).collect()
    }

    /// The hash, in hexadecimal.
    pub(super) fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Bytes as text.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
    }
    text
}

/// A writer that hashes and counts what goes through.
pub(super) struct Hashing<W> {
    /// What it writes to.
    pub(super) inner: W,
    hash: Sha256,
    /// So many bytes.
    pub(super) count: u64,
}

impl<W> Hashing<W> {
    /// Writes to `inner`.
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            count: 0,
        }
    }

    /// The SHA-256 of all that was written, in hexadecimal.
    pub(super) fn finish(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The size and SHA-256 of a file.
pub(super) async fn hash(path: &Path) -> Result<(u64, String), DataError> {
    let target = path.to_owned();
    let hashed = spawn_blocking(move || -> io::Result<(u64, String)> {
        let mut file = File::open(target)?;
        let mut hashing = Hashing::new(io::sink());
        let mut piece = vec![0; 256 * 1024];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok((hashing.count, hashing.finish())),
                count => hashing.write_all(&piece[..count])?,
            }
        }
    });
    let hashed = hashed.await.expect("hashing doesn't panic");
    hashed.map_err(|error| unreadable(path, &error))
}

/// Directories that belong to tools, not to migrations.
const LEFT_OUT: [&str; 2] = ["node_modules", ".git"];

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let about = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !about.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(path, &error))?;
        if LEFT_OUT.iter().all(|name| entry.file_name() != *name) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// The error for a file that can't be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> DataError {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::StorageFull => "no space left on the disk".to_owned(),
        _ => error.to_string(),
    };
    DataError::Input {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(directory: &Path) -> String {
        let mut digest = Digest::new();
        digest.path(directory).unwrap();
        digest.finish()
    }

    #[test]
    fn a_renamed_or_altered_file_changes_the_hash_and_a_moved_directory_does_not() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        fs::write(one.path().join("001.sql"), "SELECT 1").unwrap();
        fs::write(two.path().join("001.sql"), "SELECT 1").unwrap();
        let first = digest(one.path());
        assert_eq!(first, digest(two.path()));

        fs::write(two.path().join("001.sql"), "SELECT 2").unwrap();
        assert_ne!(first, digest(two.path()));

        fs::rename(one.path().join("001.sql"), one.path().join("002.sql")).unwrap();
        assert_ne!(first, digest(one.path()));
    }

    #[test]
    fn a_missing_input_is_named() {
        let error = Digest::new().path(Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.to_string(), "cannot use `/nowhere`: it is not there");
    }
}
