//! The directory that keeps a project's snapshots: a directory each, whole or not there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::draft::Draft;
use super::journal::Journal;
use super::manifest::Manifest;
use super::near::is_gone;
use crate::data::DataError;
use crate::data::digest::unreadable;
use crate::data::whole::read_whole;

/// The manifest's file in a snapshot's directory.
pub(super) const MANIFEST: &str = "manifest.json";
/// What is being made or removed begins so; names of snapshots don't.
const HIDDEN: char = '.';
/// What is being made ends so.
const PART: &str = "part";
/// What is being removed ends so.
const GONE: &str = "gone";
const LONGEST_NAME: usize = 64;

/// Where the snapshots are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    directory: PathBuf,
    project: String,
}

impl Shelf {
    /// The snapshots of `project` in `directory`, which need not be there yet.
    #[must_use]
    pub fn of(directory: PathBuf, project: &str) -> Self {
        Self {
            directory,
            project: project.to_owned(),
        }
    }

    /// Whose snapshots these are.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The project's snapshots, oldest first, and words on those that can't be used.
    ///
    /// # Errors
    /// Where the directory can't be read.
    pub fn list(&self) -> Result<(Vec<Manifest>, Vec<String>), DataError> {
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        for name in self.names()? {
            match self.find(&name) {
                Ok(manifest) => found.push(manifest),
                Err(error) => broken.push(error.to_string()),
            }
        }
        found.sort_by(|one: &Manifest, other| one.created.cmp(&other.created));
        Ok((found, broken))
    }

    /// The snapshot of this name.
    ///
    /// # Errors
    /// Where there is none, or it is another project's or a newer version's.
    pub fn find(&self, name: &str) -> Result<Manifest, DataError> {
        check(name)?;
        let manifest = self.read(name).map_err(|reason| refused(name, &reason))?;
        if manifest.project == self.project {
            return Ok(manifest);
        }
        let reason = format!(
            "is of the project `{}`, not of `{}`",
            manifest.project, self.project
        );
        Err(refused(name, &reason))
    }

    /// The names of those whose manifest can't be read, each with a phrase that says why: whosever they are.
    #[must_use]
    pub fn broken(&self) -> Vec<(String, String)> {
        let names = self.names().unwrap_or_default().into_iter();
        let broken = names.filter_map(|name| {
            let reason = self.read(&name).err()?;
            Some((name, reason))
        });
        broken.collect()
    }

    /// Where a snapshot's manifest is.
    #[must_use]
    pub fn manifest(&self, name: &str) -> PathBuf {
        self.directory.join(name).join(MANIFEST)
    }

    /// The note on a run that was cut off, and why it can't be read, where it can't.
    #[must_use]
    pub fn fault(&self) -> Option<(PathBuf, String)> {
        match Journal::of(&self.directory, &self.project).read() {
            Err(DataError::Record { path, reason, .. }) => Some((path, reason)),
            _ => None,
        }
    }

    fn read(&self, name: &str) -> Result<Manifest, String> {
        match read_whole(&self.manifest(name)) {
            Ok(Some(text)) => Manifest::read(name, &text),
            Ok(None) => Err("is not there".to_owned()),
            Err(reason) => Err(format!("has a broken manifest: {reason}")),
        }
    }

    /// A snapshot's directory.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A part's file.
    pub(super) fn file(&self, name: &str, file: &str) -> PathBuf {
        self.directory.join(name).join(file)
    }

    /// Begins a snapshot, whose parts are written beside the whole ones.
    ///
    /// # Errors
    /// Where the name is impossible or taken, or the directory can't be made.
    pub(super) fn begin(&self, name: &str) -> Result<Draft, DataError> {
        self.refuse_taken(name)?;
        Draft::begin(self.hidden(name, PART), self.directory.join(name))
    }

    /// Gives a snapshot another name.
    ///
    /// # Errors
    /// Where it isn't there, or the new name is impossible or taken.
    pub fn rename(&self, name: &str, new: &str) -> Result<(), DataError> {
        self.find(name)?;
        self.refuse_taken(new)?;
        let from = self.directory.join(name);
        fs::rename(&from, self.directory.join(new)).map_err(|error| unreadable(&from, &error))
    }

    /// Removes a snapshot, also one that can't be used.
    ///
    /// # Errors
    /// Where it isn't there, or the system refuses.
    pub fn delete(&self, name: &str) -> Result<(), DataError> {
        check(name)?;
        let path = self.directory.join(name);
        if !path.is_dir() {
            return Err(refused(name, "is not there"));
        }
        self.put_away(&path, name)
            .and_then(fs::remove_dir_all)
            .map_err(|error| unreadable(&path, &error))
    }

    /// Puts the oldest of those that the tool made by itself out of sight, until `limit` are left: to be [discarded](Self::discard).
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn prune(&self, limit: usize) -> Result<(), DataError> {
        let (mut own, _) = self.list()?;
        own.retain(|manifest| manifest.before.is_some());
        for manifest in &own[..own.len().saturating_sub(limit)] {
            let path = self.directory.join(&manifest.name);
            let put = self.put_away(&path, &manifest.name);
            put.map_err(|error| unreadable(&path, &error))?;
        }
        Ok(())
    }

    /// Moves a directory of the same filesystem out of sight, at one stroke, and gives its new place.
    fn put_away(&self, directory: &Path, name: &str) -> io::Result<PathBuf> {
        let mut places = (0..).map(|number| self.hidden(&format!("{name}.{number}"), GONE));
        loop {
            let place = places.next().expect("numbers don't end");
            match fs::rename(directory, &place) {
                // An earlier one of this name is being removed still.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                moved => return moved.map(|()| place),
            }
        }
    }

    /// Whether something is out of sight that nobody needs any more.
    pub(super) fn has_gone(&self) -> bool {
        !self.out_of_sight(&[GONE]).is_empty()
    }

    /// Removes what is out of sight and needed no more, and what a restore has `replaced`.
    pub fn discard(&self, replaced: &[PathBuf]) {
        let names = self.out_of_sight(&[GONE]).into_iter();
        let own = names.map(|name| self.directory.join(name));
        let replaced = replaced.iter().filter(|path| is_gone(path)).cloned();
        for directory in own.chain(replaced) {
            remove(&directory).ok(); // the next run tries again
        }
    }

    /// Removes what runs that were killed left half made or half removed, and gives what this user can't remove.
    pub(super) fn sweep(&self) -> Vec<String> {
        let mut names = self.out_of_sight(&[PART, GONE]);
        names.retain(|name| remove(&self.directory.join(name)).is_err());
        names
    }

    /// The project's own directories that are no snapshots, and of these kinds.
    fn out_of_sight(&self, kinds: &[&str]) -> Vec<String> {
        let entries = fs::read_dir(&self.directory);
        let names = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_ours = |name: &String| {
            name.starts_with(&format!("{HIDDEN}{}.", self.project))
                && name
                    .rsplit('.')
                    .next()
                    .is_some_and(|kind| kinds.contains(&kind))
        };
        names.filter(is_ours).collect()
    }

    /// A place out of sight; another project's runs leave it alone.
    fn hidden(&self, name: &str, what: &str) -> PathBuf {
        let project = &self.project;
        self.directory
            .join(format!("{HIDDEN}{project}.{name}.{what}"))
    }

    fn refuse_taken(&self, name: &str) -> Result<(), DataError> {
        check(name)?;
        if self.directory.join(name).exists() {
            return Err(refused(name, "is there already"));
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, DataError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.directory, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&self.directory, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(HIDDEN) && entry.path().is_dir() {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// Removes a directory, unless someone else is about it.
fn remove(directory: &Path) -> io::Result<()> {
    let Ok(open) = File::open(directory) else {
        return fs::remove_dir_all(directory); // not this user's to read, or gone
    };
    match open.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(()),
        // Where the filesystem knows no locks, two may be about it: what one has removed the other passes over.
        _ => match fs::remove_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    }
}

/// A snapshot that can't be used, and why: a phrase that follows its name.
pub(super) fn refused(name: &str, reason: &str) -> DataError {
    DataError::Snapshot {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

fn check(name: &str) -> Result<(), DataError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(HIDDEN)
    {
        return Ok(());
    }
    let reason = format!(
        "can't be named so: use letters, digits, `-`, `.` and `_`, {LONGEST_NAME} at most, no `.` first"
    );
    Err(refused(name, &reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProjectName;

    fn keep(shelf: &Shelf, project: &str, name: &str, before: Option<&str>) {
        let project = ProjectName::new(project).unwrap();
        let mut manifest = Manifest::new(&project, name, &format!("2026-11-23T20:15:{name}Z"));
        manifest.before = before.map(ToOwned::to_owned);
        shelf.begin(name).unwrap().finish(&manifest).unwrap();
    }

    fn names(shelf: &Shelf) -> Vec<String> {
        let (found, broken) = shelf.list().unwrap();
        assert_eq!(broken, Vec::<String>::new());
        found.into_iter().map(|manifest| manifest.name).collect()
    }

    #[test]
    fn a_name_is_one_that_a_directory_can_carry() {
        assert!(check("before-upgrade_2.1").is_ok());
        for name in ["", "it's", "a/b", "..", ".hidden", &"x".repeat(65)] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_snapshot_is_renamed_and_deleted_and_a_taken_name_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(home.path().join("snapshots"), "shop");
        assert_eq!(names(&shelf), Vec::<String>::new());
        keep(&shelf, "shop", "01", None);
        keep(&shelf, "shop", "02", None);

        assert_eq!(
            shelf.rename("01", "02").unwrap_err().to_string(),
            "the snapshot `02` is there already"
        );
        shelf.rename("01", "first").unwrap();
        shelf.delete("02").unwrap();

        assert_eq!(names(&shelf), ["first"]);
        assert!(shelf.delete("02").is_err());
    }

    #[test]
    fn another_projects_snapshot_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(home.path().to_owned(), "shop");
        keep(&shelf, "farm", "01", None);

        assert_eq!(
            shelf.find("01").unwrap_err().to_string(),
            "the snapshot `01` is of the project `farm`, not of `shop`"
        );
    }

    #[test]
    fn only_the_oldest_of_the_tools_own_are_pruned() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(home.path().to_owned(), "shop");
        keep(&shelf, "shop", "01", None);
        for name in ["02", "03", "04"] {
            keep(&shelf, "shop", name, Some("reset"));
        }

        shelf.prune(1).unwrap();

        assert_eq!(names(&shelf), ["01", "04"]);
        assert!(shelf.has_gone());
        shelf.discard(&[]);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_someone_else_is_removing_is_left_to_them_and_its_name_may_go_again() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(home.path().to_owned(), "shop");
        keep(&shelf, "shop", "01", Some("reset"));
        shelf.prune(0).unwrap();
        let [gone] = &shelf.out_of_sight(&[GONE])[..] else {
            panic!("one is out of sight");
        };
        let other = File::open(home.path().join(gone)).unwrap();
        other.lock().unwrap();

        keep(&shelf, "shop", "01", Some("reset"));
        shelf.delete("01").unwrap();
        shelf.discard(&[]);
        assert_eq!(shelf.sweep(), Vec::<String>::new());

        assert!(home.path().join(gone).exists());
        drop(other);
        shelf.sweep();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_left_half_made_is_not_listed_and_is_swept() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(home.path().to_owned(), "shop");
        std::mem::forget(shelf.begin("01").unwrap());
        assert_eq!(names(&shelf), Vec::<String>::new());

        assert_eq!(shelf.sweep(), Vec::<String>::new());

        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
