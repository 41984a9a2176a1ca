//! What stands in a `.env` file: its entries in order, with their places.

use std::collections::BTreeMap;
use std::ops::Range;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A key alone: the value is inherited from the lookup.
    Bare,
    /// Plain to the end of the line, or to ` #`.
    Unquoted,
    /// In single quotes: literal.
    Single,
    /// In double quotes: escapes and variables.
    Double,
}

/// One key of a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value after escapes and interpolation; `None` for a bare key that nothing sets.
    pub value: Option<String>,
    /// How the value is written.
    pub form: Form,
    /// The line of the key, counted from 1.
    pub line: usize,
    /// Where the key stands.
    pub key_span: Range<usize>,
    /// Where the value stands as it is written, quotes included, comment excluded; empty behind a bare key.
    pub value_span: Range<usize>,
}

/// A `.env` file, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The entries in the file's order; a key may stand twice.
    pub entries: Vec<Entry>,
    /// Variables that a value names and nothing sets, each once.
    pub unset: Vec<String>,
}

impl Parsed {
    /// The value of each key: the last entry wins, and a bare key that nothing sets gives none.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, String> {
        let set = |entry: &Entry| Some((entry.key.clone(), entry.value.clone()?));
        self.entries.iter().filter_map(set).collect()
    }

    /// The entry that gives `key` its value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}
