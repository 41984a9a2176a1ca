//! Tells new words from repeated ones: a service that says the same line for ever makes no progress.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Enough for a long boot; a service with more kinds of line than this is busy, not stuck.
const REMEMBERED: usize = 1024;

/// What was said before, digits left aside.
#[derive(Debug, Clone, Default)]
pub struct Novelty {
    said: BTreeSet<u64>,
}

impl Novelty {
    /// Whether `line` says something that no line before it said. Timestamps, counters and addresses don't make a line new.
    pub fn is_new(&mut self, line: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        for c in line.chars().filter(|c| !c.is_ascii_digit()) {
            c.hash(&mut hasher);
        }
        self.said.len() >= REMEMBERED || self.said.insert(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_differs_only_in_digits_is_not_new() {
        let mut novelty = Novelty::default();

        assert!(novelty.is_new("12:00:01 waiting for db (try 1)"));
        assert!(!novelty.is_new("12:00:02 waiting for db (try 2)"));
        assert!(novelty.is_new("12:00:03 connected to db"));
    }
}
