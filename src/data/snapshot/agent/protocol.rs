//! What the agent is asked by its arguments, and what it answers on its standard output, in JSON.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::data::snapshot::fingerprint::Fingerprint;
use crate::data::snapshot::manifest::Way;
use crate::data::snapshot::packing::Packed;

/// The verb that the agent runs as.
pub(super) const VERB: &str = "snapshot-agent";
/// Where it has the directory of a draft or a snapshot.
pub(super) const KEPT: &str = "/kept";
/// Below it, by the volumes' keys, it has the engine's own directories of those whose files are in one.
pub(super) const BESIDE: &str = "/beside";
/// A file in [`KEPT`] by which it knows that it sees the directory that this machine made.
pub(super) const HERE: &str = ".here";

/// What it is to do with volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// Say whether it can do the rest.
    Probe,
    /// Copy them into the draft.
    Keep,
    /// Pack them into the draft.
    Pack,
    /// Lay them, as they were kept, beside the live data.
    Lay,
    /// Put what was laid in the place of what is live, and take that out of the volumes. Nobody may use them.
    Swap,
}

impl Errand {
    const ALL: [(Self, &str); 5] = [
        (Self::Probe, "probe"),
        (Self::Keep, "keep"),
        (Self::Pack, "pack"),
        (Self::Lay, "lay"),
        (Self::Swap, "swap"),
    ];

    /// The word that asks for it.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        let found = all.find(|(errand, _)| *errand == self);
        found.expect("each has a word").1
    }

    /// What a word asks for.
    pub fn of(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(_, known)| *known == word)
            .map(|(errand, _)| *errand)
    }
}

/// What it answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// It can do what is asked for here.
    Able,
    /// It can't work here at all: why, in words.
    Unable(String),
    /// How each volume was kept, and what was read of it where all of it was.
    Kept(Vec<(Way, Option<Fingerprint>)>),
    /// What was packed of each volume.
    Packed(Vec<Packed>),
    /// What was read of each volume.
    Laid(Vec<Fingerprint>),
    /// It is live; whether what it replaced is still to be removed, beside the volumes.
    Swapped(bool),
    /// Why it failed.
    Failed {
        /// The file that it failed at, as it has it.
        path: Option<PathBuf>,
        /// Why, in words.
        reason: String,
    },
}

impl Answer {
    /// The answer that tells of a failure.
    pub fn failed(error: DataError) -> Self {
        match error {
            DataError::Input { path, reason } => Self::Failed {
                path: Some(path),
                reason,
            },
            other => Self::Failed {
                path: None,
                reason: other.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errand_is_known_by_its_word() {
        for (errand, word) in Errand::ALL {
            assert_eq!((errand.word(), Errand::of(word)), (word, Some(errand)));
        }
        assert_eq!(Errand::of("sweep"), None);
    }
}
