//! What a run is in the midst of, on the disk: the next one finishes it or takes it back.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::data::digest::unreadable;

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
    /// What a restore replaced is still there beside it: it must go.
    Clearing {
        /// The volumes' keys.
        volumes: Vec<String>,
    },
    /// It takes the live data's place: that must be brought to its end.
    Swapping {
        /// The snapshot's name.
        snapshot: String,
        /// The volumes' keys.
        volumes: Vec<String>,
    },
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
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&self.path, &error)),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| DataError::Input {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// Writes down what is begun now, whole or not at all.
    pub(super) fn write(&self, unfinished: &Unfinished) -> Result<(), DataError> {
        let text = serde_json::to_string(unfinished).expect("text and lists");
        let fresh = self.path.with_extension("fresh");
        File::create(&fresh)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(|error| unreadable(&self.path, &error))
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
