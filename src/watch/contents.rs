//! What watched files held when they were last looked at: a save of the same content changes nothing.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::change::Presence;

/// Files larger than this are told apart by size and time alone.
const READ: u64 = 16 * 1024 * 1024;

/// What tells one content from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Print {
    Read { size: u64, hash: u64 },
    Large { size: u64, modified: SystemTime },
}

impl Print {
    fn of(path: &Path, found: &Metadata) -> Option<Self> {
        let size = found.len();
        if size > READ {
            let modified = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            return Some(Self::Large { size, modified });
        }
        let content = fs::read(path).ok()?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&content);
        Some(Self::Read {
            size: content.len() as u64,
            hash: hasher.finish(),
        })
    }
}

/// The contents known.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    prints: BTreeMap<PathBuf, Print>,
}

/// Filesystems tell times in steps: of 4 to 10 ms where the kernel's tick makes them, of 2 s on FAT.
const STEP: Duration = Duration::from_secs(2);

impl Contents {
    /// The contents of `files` as they were at `then`: one that may have been written since is not known.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = PathBuf>, then: SystemTime) -> Self {
        let print = |path: PathBuf| {
            let is_old = |found: &Metadata| found.modified().is_ok_and(|at| at + STEP < then);
            let found = fs::metadata(&path).ok()?;
            if !found.is_file() || !is_old(&found) {
                return None;
            }
            Some((path.clone(), Print::of(&path, &found)?))
        };
        Self {
            prints: files.into_iter().filter_map(print).collect(),
        }
    }

    /// Takes in what was learnt elsewhere; what is known already counts for more, being later.
    pub fn learn(&mut self, other: Self) {
        for (path, print) in other.prints {
            self.prints.entry(path).or_insert(print);
        }
    }

    /// Looks at `path`: each file there, or below it where it is gone, that differs from what was known.
    pub fn look(&mut self, path: &Path) -> Vec<(PathBuf, Presence)> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                let Some(print) = Print::of(path, &found) else {
                    return Vec::new();
                };
                match self.prints.insert(path.to_owned(), print) {
                    Some(before) if before == print => Vec::new(),
                    _ => vec![(path.to_owned(), Presence::Present)],
                }
            }
            Ok(_) => Vec::new(),
            Err(_) => self.forget(path),
        }
    }

    /// The files that are known.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.prints.keys().map(PathBuf::as_path)
    }

    /// A directory that is moved away takes all its files along without a word on each.
    fn forget(&mut self, path: &Path) -> Vec<(PathBuf, Presence)> {
        let from = (Bound::Included(path.to_owned()), Bound::Unbounded);
        let gone: Vec<PathBuf> = self
            .prints
            .range(from)
            .map(|(known, _)| known)
            // Paths are ordered by component, so what lies beneath comes next.
            .take_while(|known| known.starts_with(path))
            .cloned()
            .collect();
        for known in &gone {
            self.prints.remove(known);
        }
        gone.into_iter()
            .map(|path| (path, Presence::Gone))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(files: &[(&str, &str)]) -> (tempfile::TempDir, Contents) {
        let place = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, text).expect("written");
        }
        let paths = files.iter().map(|(name, _)| place.path().join(name));
        let contents = Contents::of(paths, SystemTime::now() + 2 * STEP);
        (place, contents)
    }

    #[test]
    fn a_save_of_the_same_content_is_no_change() {
        let (place, mut contents) = known(&[("a.js", "one")]);
        let file = place.path().join("a.js");

        fs::write(&file, "one").expect("written");
        assert_eq!(contents.look(&file), []);

        fs::write(&file, "two").expect("written");
        assert_eq!(contents.look(&file), [(file.clone(), Presence::Present)]);
        assert_eq!(contents.look(&file), []);
    }

    #[test]
    fn a_file_that_is_saved_while_the_survey_goes_on_is_a_change() {
        let (place, _) = known(&[("a.js", "one")]);
        let file = place.path().join("a.js");
        // Its time may be told as a little before the survey's, which began first.
        let just_after = SystemTime::now() + Duration::from_millis(10);

        let mut contents = Contents::of([file.clone()], just_after);

        assert_eq!(contents.look(&file), [(file.clone(), Presence::Present)]);
    }

    #[test]
    fn a_file_that_was_not_known_is_a_change() {
        let (place, mut contents) = known(&[]);
        let file = place.path().join("new.js");
        fs::write(&file, "").expect("written");

        assert_eq!(contents.look(&file), [(file.clone(), Presence::Present)]);
    }

    #[test]
    fn a_directory_that_is_moved_away_takes_its_files_along() {
        let (place, mut contents) = known(&[
            ("lib/a.js", "a"),
            ("lib/b/c.js", "c"),
            ("lib.js", "l"),
            ("lib-2/d.js", "d"),
        ]);
        let lib = place.path().join("lib");

        fs::rename(&lib, place.path().join("gone")).expect("moved");

        let gone = contents.look(&lib);
        assert_eq!(
            gone,
            [
                (lib.join("a.js"), Presence::Gone),
                (lib.join("b/c.js"), Presence::Gone)
            ]
        );
        assert_eq!(contents.look(&lib), []);
        assert_eq!(contents.paths().count(), 2);
    }

    #[test]
    fn a_file_that_nobody_knew_and_that_is_gone_is_nothing() {
        let (place, mut contents) = known(&[]);

        assert_eq!(contents.look(&place.path().join("4913")), []);
    }

    #[test]
    fn what_was_looked_at_meanwhile_counts_for_more_than_an_earlier_survey() {
        let (place, survey) = known(&[("a.js", "one")]);
        let file = place.path().join("a.js");
        fs::write(&file, "two").expect("written");
        let mut contents = Contents::default();
        contents.look(&file);

        contents.learn(survey);

        assert_eq!(contents.look(&file), []);
    }
}
