//! What a run is in the midst of, on the disk: the next one finishes it or takes it back.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::whole::{read_whole, write_whole};

/// A piece of work that must not be left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "doing")]
pub enum Unfinished {
    /// Containers are paused while their volumes are read: they must go on, and what is half kept must go.
    Saving {
        /// Their ids.
        paused: Vec<String>,
    },
    /// A snapshot is being laid beside the live data: what is there of it must go.
    Loading {
        /// The volumes' keys.
        volumes: Vec<String>,
    },
    /// It takes the live data's place: that must be brought to its end, and what was live must go.
    Swapping {
        /// The snapshot's name.
        snapshot: String,
        /// The volumes' keys.
        volumes: Vec<String>,
    },
}

/// The version of the file.
const VERSION: u32 = 1;

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    #[serde(default)]
    version: u32,
    #[serde(flatten)]
    unfinished: Unfinished,
}

/// The file that keeps it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The project's journal in the directory of snapshots.
    #[must_use]
    pub fn of(directory: &Path, project: &str) -> Self {
        Self {
            path: directory.join(format!(".{project}.unfinished.json")),
        }
    }

    /// What an earlier run left; `None` where all was finished.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn read(&self) -> Result<Option<Unfinished>, DataError> {
        let Some(text) = read_whole(&self.path).map_err(|reason| self.broken(&reason))? else {
            return Ok(None);
        };
        let page: Page =
            serde_json::from_str(&text).map_err(|error| self.broken(&error.to_string()))?;
        if page.version > VERSION {
            let version = page.version;
            return Err(self.broken(&format!(
                "it is of version {version}, and this jobsprint-dev reads up to {VERSION}"
            )));
        }
        Ok(Some(page.unfinished))
    }

    /// It isn't guessed what a run was in the midst of: the next step is a person's.
    fn broken(&self, reason: &str) -> DataError {
        let path = self.path.display();
        DataError::Record {
            path: self.path.clone(),
            reason: format!("an earlier snapshot or restore was cut off, and the note on it can't be read: {reason}"),
            hints: vec![
                format!("put it aside: `mv {path} {path}.broken`"),
                "then bring data and services to a known state: `jobsprint-dev snapshot restore NAME`, of `jobsprint-dev snapshot list`".to_owned(),
                "or go on with the data as it is: `jobsprint-dev restart`, which lets go on what was paused".to_owned(),
            ],
        }
    }

    /// Writes down what is begun now, whole or not at all.
    pub(super) fn write(&self, unfinished: &Unfinished) -> Result<(), DataError> {
        let page = Page {
            version: VERSION,
            unfinished: unfinished.clone(),
        };
        let text = serde_json::to_string(&page).expect("text, numbers and lists");
        write_whole(&self.path, &text)
    }

    /// All is finished.
    pub(super) fn clear(&self) -> Result<(), DataError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(unreadable(&self.path, &error))
            }
            _ => Ok(()),
        }
    }
}
