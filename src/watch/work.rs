//! What a batch of changes asks of one service; two batches that come together are one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::domain::Hook;

/// What happens to the running code, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Replacement {
    /// It goes on.
    #[default]
    Keep,
    /// It restarts where what is copied was not there already: it may have begun without it.
    RestartWhereNew,
    /// It restarts in the service's own way.
    Restart,
    /// Its container restarts: a mounted file was replaced by another one, which a running container never sees.
    RestartContainer,
    /// Its image is built anew, and its container made anew.
    Rebuild,
    /// The same, and what its anonymous volumes keep is given up: they hold what the old image installed.
    RebuildAndRenew,
}

/// Work on data that a change may have made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// The service's migrations.
    Migrate,
    /// The service's own seed command.
    Seed,
    /// The database's seed files.
    SeedStore,
}

/// What is to be done for a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The files that ask for it.
    pub files: BTreeSet<PathBuf>,
    /// Files to copy: the path in the container, and the file.
    pub copies: BTreeMap<String, PathBuf>,
    /// Paths in the container that are to go.
    pub deletions: BTreeSet<String>,
    /// Commands to run in the container once the files are there.
    pub hooks: Vec<Hook>,
    /// Work on data, once the files are there.
    pub errands: BTreeSet<Errand>,
    /// What happens to the running code.
    pub replacement: Replacement,
    /// When the first change was seen.
    pub began: Instant,
    /// When the changes had come to rest.
    pub settled: Instant,
}

impl Work {
    /// Work that asks for nothing yet.
    #[must_use]
    pub fn new(began: Instant, settled: Instant) -> Self {
        Self {
            files: BTreeSet::new(),
            copies: BTreeMap::new(),
            deletions: BTreeSet::new(),
            hooks: Vec::new(),
            errands: BTreeSet::new(),
            replacement: Replacement::Keep,
            began,
            settled,
        }
    }

    /// Takes in later work: what it says of a file counts, and the stronger replacement.
    pub fn absorb(&mut self, later: Self) {
        for (target, source) in later.copies {
            self.deletions.remove(&target);
            self.copies.insert(target, source);
        }
        for target in later.deletions {
            self.copies.remove(&target);
            self.deletions.insert(target);
        }
        for hook in later.hooks {
            self.add_hook(hook);
        }
        self.errands.extend(later.errands);
        self.files.extend(later.files);
        self.replacement = self.replacement.max(later.replacement);
        self.began = self.began.min(later.began);
        self.settled = self.settled.max(later.settled);
    }

    /// Adds a command, once.
    pub fn add_hook(&mut self, hook: Hook) {
        if !self.hooks.contains(&hook) {
            self.hooks.push(hook);
        }
    }

    /// From the first change to their rest.
    #[must_use]
    pub fn settling(&self) -> Duration {
        self.settled.saturating_duration_since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(at: Instant, replacement: Replacement) -> Work {
        Work {
            replacement,
            ..Work::new(at, at)
        }
    }

    #[test]
    fn what_is_said_last_of_a_file_counts() {
        let now = Instant::now();
        let mut first = work(now, Replacement::Keep);
        first.copies.insert("/app/a".into(), "/src/a".into());
        first.deletions.insert("/app/b".into());
        let mut later = work(now, Replacement::Keep);
        later.deletions.insert("/app/a".into());
        later.copies.insert("/app/b".into(), "/src/b".into());

        first.absorb(later);

        assert_eq!(
            first.copies,
            BTreeMap::from([("/app/b".to_owned(), PathBuf::from("/src/b"))])
        );
        assert_eq!(first.deletions, BTreeSet::from(["/app/a".to_owned()]));
    }

    #[test]
    fn the_stronger_replacement_wins_and_the_earlier_beginning() {
        let now = Instant::now();
        let mut first = work(now, Replacement::Rebuild);
        let later = work(now + Duration::from_secs(1), Replacement::Restart);

        first.absorb(later);

        assert_eq!(first.replacement, Replacement::Rebuild);
        assert_eq!(first.settling(), Duration::from_secs(1));
    }

    #[test]
    fn a_command_runs_once_for_all() {
        let now = Instant::now();
        let hook = Hook {
            command: vec!["reload".to_owned()],
            ..Hook::default()
        };
        let mut first = work(now, Replacement::Keep);
        first.add_hook(hook.clone());
        let later = first.clone();

        first.absorb(later);

        assert_eq!(first.hooks, [hook]);
    }
}
