//! The SQL migrations of a directory: `NNN_name.sql`, and `NNN_name.down.sql` for each that can be undone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::DataError;
use super::digest::unreadable;

/// A number of so many digits is a time, and times have gaps.
const DIGITS_OF_A_TIME: usize = 8;

/// A migration as its name tells it; its text is not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MigrationFile {
    /// Its place in the order.
    pub(super) number: i64,
    /// `003_events.sql`.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What undoes it.
    pub(super) down: Option<PathBuf>,
}

/// The migrations of `directory`, in order.
pub(super) fn migration_files(directory: &Path) -> Result<Vec<MigrationFile>, DataError> {
    let names = names(directory)?;
    let mut downs: BTreeMap<&str, &String> = BTreeMap::new();
    for name in &names {
        if let Some(stem) = name.strip_suffix(".down.sql") {
            downs.insert(stem, name);
        }
    }
    let mut files = Vec::new();
    for name in names.iter().filter(|name| !name.ends_with(".down.sql")) {
        let path = directory.join(name);
        let Some(number) = number(name) else {
            let reason = "its name must begin with a number, as `003_events.sql`".to_owned();
            return Err(DataError::Input { path, reason });
        };
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        files.push(MigrationFile {
            number,
            down: downs.remove(stem).map(|down| directory.join(down)),
            name: name.clone(),
            path,
        });
    }
    if let Some((stem, down)) = downs.pop_first() {
        return Err(DataError::Order {
            directory: directory.to_owned(),
            reason: format!("`{down}` undoes `{stem}.sql`, which is not there"),
            hint: "bring that file back, as with `git restore`, or remove what undoes it too",
        });
    }
    files.sort_by_key(|file| file.number);
    see_order(directory, &files)?;
    Ok(files)
}

fn names(directory: &Path) -> Result<Vec<String>, DataError> {
    let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        let name = path.file_name().and_then(|name| name.to_str());
        names.extend(name.filter(|_| is_sql).map(ToOwned::to_owned));
    }
    names.sort();
    Ok(names)
}

/// The number that a name begins with.
fn number(name: &str) -> Option<i64> {
    let end = name.find(|c: char| !c.is_ascii_digit())?;
    let is_parted = name[end..].starts_with(['_', '-', '.']);
    is_parted.then(|| name[..end].parse().ok()).flatten()
}

/// Each number once, and none left out: a missing one was forgotten, or is still on another branch.
fn see_order(directory: &Path, files: &[MigrationFile]) -> Result<(), DataError> {
    for pair in files.windows(2) {
        let [before, after] = pair else { continue };
        let (one, other) = (&before.name, &after.name);
        let (reason, hint) = if before.number == after.number {
            (
                format!(
                    "`{one}` and `{other}` have the same number {}",
                    after.number
                ),
                "give one of them the next free number",
            )
        } else if after.number > before.number + 1 && !is_time(other) {
            (
                format!(
                    "there is no migration {} between `{one}` and `{other}`",
                    before.number + 1
                ),
                "bring the missing file, or rename the later ones",
            )
        } else {
            continue;
        };
        return Err(DataError::Order {
            directory: directory.to_owned(),
            reason,
            hint,
        });
    }
    Ok(())
}

fn is_time(name: &str) -> bool {
    digits(name) >= DIGITS_OF_A_TIME
}

fn digits(name: &str) -> usize {
    name.bytes().take_while(u8::is_ascii_digit).count()
}

/// Makes an empty migration `name` and what undoes it, numbered after all that `directory` has.
///
/// Where times are used for numbers, it is numbered by `now`, as `20261123204500`.
///
/// # Errors
/// [`DataError::Input`] where the name or the directory can't be used.
pub fn new_migration(directory: &Path, name: &str, now: i64) -> Result<[PathBuf; 2], DataError> {
    let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
    let slug: String = name.to_lowercase().chars().map(word).collect();
    let slug = slug.trim_matches('_');
    if slug.is_empty() {
        return Err(DataError::Input {
            path: directory.to_owned(),
            reason: format!("`{name}` names no migration"),
        });
    }
    fs::create_dir_all(directory).map_err(|error| unreadable(directory, &error))?;
    let files = migration_files(directory)?;
    let (number, width) = match files.last() {
        None => (1, 4),
        Some(last) if is_time(&last.name) => (now.max(last.number + 1), 0),
        Some(last) => (last.number + 1, digits(&last.name)),
    };
    let stem = format!("{number:0width$}_{slug}");
    let paths = ["sql", "down.sql"].map(|end| directory.join(format!("{stem}.{end}")));
    let texts = [format!("-- {name}\n"), format!("-- Undoes {stem}.sql.\n")];
    for (path, text) in paths.iter().zip(texts) {
        fs::write(path, text).map_err(|error| unreadable(path, &error))?;
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Failure;

    fn directory(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(directory.path().join(name), "").unwrap();
        }
        directory
    }

    fn read(names: &[&str]) -> Result<Vec<String>, String> {
        let directory = directory(names);
        let files = migration_files(directory.path()).map_err(|error| error.to_string())?;
        let shown = files.iter().map(|file| match &file.down {
            Some(_) => format!("{} with down", file.name),
            None => file.name.clone(),
        });
        Ok(shown.collect())
    }

    #[test]
    fn migrations_come_by_number_each_with_what_undoes_it() {
        assert_eq!(
            read(&["10_b.sql", "9_a.sql", "9_a.down.sql", "README.md"]),
            Ok(vec!["9_a.sql with down".to_owned(), "10_b.sql".to_owned()])
        );
        let times = ["20260101120000_a.sql", "20260301120000_b.sql"];
        assert_eq!(read(&times).unwrap(), times);
    }

    #[test]
    fn names_that_leave_the_order_open_are_refused() {
        let table: [(&[&str], &str); 4] = [
            (
                &["003_a.sql", "003_b.sql"],
                "`003_a.sql` and `003_b.sql` have the same number 3",
            ),
            (
                &["001_a.sql", "002_b.sql", "004_d.sql"],
                "there is no migration 3 between `002_b.sql` and `004_d.sql`",
            ),
            (&["events.sql"], "its name must begin with a number"),
            (
                &["001_a.down.sql"],
                "`001_a.down.sql` undoes `001_a.sql`, which is not there",
            ),
        ];
        for (names, reason) in table {
            let error = read(names).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_undoes_a_file_that_is_gone_is_refused_with_a_way_out() {
        let directory = directory(&["001_a.down.sql"]);

        let failure = Failure::from(migration_files(directory.path()).unwrap_err());

        assert_eq!(
            failure.hints,
            ["bring that file back, as with `git restore`, or remove what undoes it too"]
        );
    }

    #[test]
    fn a_new_migration_has_the_next_number_in_the_same_form() {
        let names = |directory: &tempfile::TempDir| {
            new_migration(directory.path(), "Add pay, hourly", 20_261_123_204_500)
                .unwrap()
                .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        };

        assert_eq!(
            names(&directory(&[])),
            ["0001_add_pay__hourly.sql", "0001_add_pay__hourly.down.sql"]
        );
        assert_eq!(
            names(&directory(&["009_a.sql"]))[0],
            "010_add_pay__hourly.sql"
        );
        assert_eq!(
            names(&directory(&["20260101120000_a.sql"]))[0],
            "20261123204500_add_pay__hourly.sql"
        );
    }
}
