//! A file that was read, and a place in it.

use std::path::PathBuf;

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it was read from.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// Bytes of a file: the file by its number in [`Sources`], start and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

impl Place {
    pub(super) fn new(source: u32, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            source,
            start: clamp(start),
            end: clamp(end),
        }
    }

    /// Whether the place is nowhere: of a node that the loader made itself.
    pub(super) fn is_nowhere(self) -> bool {
        self.end == 0
    }

    /// The bytes as a range.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}
