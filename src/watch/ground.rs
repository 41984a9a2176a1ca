//! The directories that are watched: those that may hold what counts, followed as they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::change::{Change, Sight};
use super::eyes::{Blind, Eyes};
use super::rules::Rules;

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Directories that are watched.
    pub directories: usize,
    /// The files in them that count.
    pub files: Vec<PathBuf>,
}

/// The watched part of the disk.
pub struct Ground<E> {
    eyes: E,
    rules: Arc<Rules>,
    watched: BTreeSet<PathBuf>,
    /// Where symbolic links to files lead, with the links.
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// Directories behind symbolic links, by their real place: a circle is entered once.
    entered: BTreeSet<PathBuf>,
}

impl<E: Eyes> Ground<E> {
    /// Nothing is watched yet.
    pub fn new(eyes: E) -> Self {
        Self {
            eyes,
            rules: Arc::default(),
            watched: BTreeSet::new(),
            links: BTreeMap::new(),
            entered: BTreeSet::new(),
        }
    }

    /// Watches what `rules` ask for and nothing else.
    ///
    /// # Errors
    /// [`Blind::Exhausted`] where the system watches no more; other directories that can't be watched are left out.
    pub fn cover(&mut self, rules: Arc<Rules>) -> Result<Coverage, Blind> {
        self.rules = rules;
        self.survey()
    }

    /// Goes over all of it again.
    ///
    /// # Errors
    /// As [`Self::cover`].
    pub fn survey(&mut self) -> Result<Coverage, Blind> {
        let before = std::mem::take(&mut self.watched);
        self.links.clear();
        self.entered.clear();
        let mut files = Vec::new();
        let rules = Arc::clone(&self.rules);
        for root in rules.roots() {
            self.root(root, &before, &mut files)?;
        }
        for gone in before.difference(&self.watched) {
            self.eyes.unwatch(gone);
        }
        files.sort();
        files.dedup();
        Ok(Coverage {
            directories: self.watched.len(),
            files,
        })
    }

    /// What a change at a watched place means: itself where it counts, and the files of a directory that came.
    ///
    /// # Errors
    /// As [`Self::cover`].
    pub fn follow(&mut self, change: Change) -> Result<Vec<Change>, Blind> {
        let mut changes = Vec::new();
        // What was left aside may go unseen, but a directory takes along what counts.
        let mut was_watched = false;
        if change.sight == Sight::Removed {
            was_watched = self.leave(&change.path);
        } else if change.sight == Sight::Written && change.path.is_dir() {
            return self.came(&change.path);
        }
        for link in self.links.get(&change.path).into_iter().flatten() {
            let path = link.clone();
            changes.push(Change { path, ..change });
        }
        if was_watched || self.rules.wants(&change.path) {
            changes.push(change);
        }
        Ok(changes)
    }

    /// A directory was made or moved here, or a link to one: what is in it counts as written.
    fn came(&mut self, directory: &Path) -> Result<Vec<Change>, Blind> {
        let leads_to_a_root = |root: &&Path| root.starts_with(directory);
        let mut files = Vec::new();
        if self.rules.roots().iter().any(leads_to_a_root) {
            files = self.survey()?.files;
            files.retain(|file| file.starts_with(directory));
        } else {
            self.descend(directory, &BTreeSet::new(), &mut files)?;
        }
        let written = |path| Change {
            path,
            sight: Sight::Written,
        };
        Ok(files.into_iter().map(written).collect())
    }

    /// A directory went, and with it what lies below: a watch would follow it to its new place under its old name.
    ///
    /// Gives whether it was watched.
    fn leave(&mut self, directory: &Path) -> bool {
        if !self.watched.contains(directory) {
            return false;
        }
        let from = (Bound::Included(directory.to_owned()), Bound::Unbounded);
        let gone: Vec<PathBuf> = self
            .watched
            .range(from)
            .take_while(|watched| watched.starts_with(directory))
            .cloned()
            .collect();
        for directory in gone {
            self.eyes.unwatch(&directory);
            self.watched.remove(&directory);
        }
        true
    }

    fn root(
        &mut self,
        root: &Path,
        before: &BTreeSet<PathBuf>,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), Blind> {
        // The directory above tells when the root itself is replaced, as a save by rename does to a file.
        let above = root.ancestors().skip(1).find(|above| above.is_dir());
        if let Some(above) = above {
            self.watch(above, before)?;
        }
        if root.is_dir() {
            return self.descend(root, before, files);
        }
        if root.is_file() {
            self.file(root, before, files)?;
        }
        Ok(())
    }

    fn descend(
        &mut self,
        top: &Path,
        before: &BTreeSet<PathBuf>,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), Blind> {
        let mut waiting = vec![top.to_owned()];
        while let Some(directory) = waiting.pop() {
            if !self.rules.reach_into(&directory) {
                continue;
            }
            // Watched before it is read: what comes in between is then told twice, not never.
            self.watch(&directory, before)?;
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if self.is_to_be_entered(&entry) {
                    waiting.push(path);
                } else {
                    self.file(&path, before, files)?;
                }
            }
        }
        Ok(())
    }

    /// Whether an entry is a directory, or a link to one that was not entered yet.
    fn is_to_be_entered(&mut self, entry: &DirEntry) -> bool {
        let Ok(kind) = entry.file_type() else {
            return false;
        };
        if !kind.is_symlink() {
            return kind.is_dir();
        }
        let path = entry.path();
        if !path.is_dir() {
            return false;
        }
        let Ok(real) = fs::canonicalize(&path) else {
            return false;
        };
        let is_circle = path.starts_with(&real) || self.watched.contains(&real);
        !is_circle && self.entered.insert(real)
    }

    fn file(
        &mut self,
        path: &Path,
        before: &BTreeSet<PathBuf>,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), Blind> {
        if !self.rules.wants(path) {
            return Ok(());
        }
        files.push(path.to_owned());
        if path.is_symlink()
            && let Ok(real) = fs::canonicalize(path)
        {
            if let Some(place) = real.parent() {
                self.watch(place, before)?;
            }
            let links = self.links.entry(real).or_default();
            links.insert(path.to_owned());
        }
        Ok(())
    }

    fn watch(&mut self, directory: &Path, before: &BTreeSet<PathBuf>) -> Result<(), Blind> {
        if !self.watched.insert(directory.to_owned()) || before.contains(directory) {
            return Ok(());
        }
        match self.eyes.watch(directory) {
            Err(Blind::Exhausted) => Err(Blind::Exhausted),
            Err(Blind::Gone | Blind::Refused(_)) => {
                self.watched.remove(directory);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
