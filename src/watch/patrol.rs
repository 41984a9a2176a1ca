//! Looks for changes where nobody tells of them: size, time and number of each file that counts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::change::{Change, Sight};
use super::eyes::{Blind, Eyes};
use super::ground::Ground;
use super::rules::Rules;

/// Between two rounds at least.
const PAUSE: Duration = Duration::from_millis(500);
/// A round that takes long is followed by a pause this many times as long, so that looking stays cheap.
const REST: u32 = 20;

/// Eyes that see nothing: the ground is walked all the same.
#[derive(Debug)]
struct Shut;

impl Eyes for Shut {
    fn watch(&mut self, _: &Path) -> Result<(), Blind> {
        Ok(())
    }

    fn unwatch(&mut self, _: &Path) {}
}

/// What tells that a file was written.
type Mark = (u64, u64, i64, i64);

/// Rounds over the watched part of the disk.
pub struct Patrol {
    ground: Ground<Shut>,
    marks: BTreeMap<PathBuf, Mark>,
    pause: Duration,
}

impl Patrol {
    /// Begins with what is there now.
    #[must_use]
    pub fn begin(rules: Arc<Rules>) -> Self {
        let mut patrol = Self {
            ground: Ground::new(Shut),
            marks: BTreeMap::new(),
            pause: PAUSE,
        };
        drop(patrol.ground.cover(rules));
        patrol.round();
        patrol
    }

    /// From now on, looks at what `rules` ask for. Files that come to be of interest by it have not changed.
    pub fn cover(&mut self, rules: Arc<Rules>) {
        let covered = self.ground.cover(rules);
        for path in covered.map(|coverage| coverage.files).unwrap_or_default() {
            if let Some(mark) = mark(&path) {
                self.marks.entry(path).or_insert(mark);
            }
        }
    }

    /// How long to wait before the next round.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// The files that are there.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.marks.keys()
    }

    /// Looks at all files: what has changed since the last round.
    pub fn round(&mut self) -> Vec<Change> {
        let began = Instant::now();
        let files = self.ground.survey().map(|coverage| coverage.files);
        let marks: BTreeMap<PathBuf, Mark> = files
            .unwrap_or_default()
            .into_iter()
            .filter_map(|path| Some((path.clone(), mark(&path)?)))
            .collect();
        // A file that still changes will be told of again by the next round.
        let written = marks
            .iter()
            .filter(|(path, mark)| self.marks.get(*path) != Some(mark))
            .map(|(path, _)| (path, Sight::Written));
        let gone = self
            .marks
            .keys()
            .filter(|path| !marks.contains_key(*path))
            .map(|path| (path, Sight::Removed));
        let changes = written
            .chain(gone)
            .map(|(path, sight)| Change {
                path: path.clone(),
                sight,
            })
            .collect();
        self.marks = marks;
        self.pause = PAUSE.max(began.elapsed() * REST);
        changes
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let found = fs::metadata(path).ok()?;
    Some((found.len(), found.ino(), found.mtime(), found.mtime_nsec()))
}
