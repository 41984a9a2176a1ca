//! The disk, as the Compose room reads it.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::composefile::FileReader;

/// Reads the real files; `-` is standard input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileReader for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        let bytes = std::fs::read(path)?;
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// The same, and notes each file that is read or looked for: a project is another one when one of them is.
#[derive(Debug, Default)]
pub(super) struct Noting {
    noted: Mutex<BTreeSet<PathBuf>>,
}

impl Noting {
    /// The files noted.
    pub fn noted(self) -> BTreeSet<PathBuf> {
        self.noted
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &Path) {
        if path.is_absolute() {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.insert(path.to_owned());
        }
    }
}

impl FileReader for Noting {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.note(path);
        Disk.read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.note(path);
        Disk.is_file(path)
    }
}
