//! The seed files of a store, in the order in which they are applied.

use std::fs;
use std::path::{Path, PathBuf};

use super::DataError;
use super::digest::unreadable;

/// What a seed file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// SQL statements.
    Sql,
    /// Rows under a header, for the table that the file is named after.
    Csv,
}

/// A seed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeedFile {
    /// Its name below the store's directory: how the ledger knows it.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it holds.
    pub(super) format: Format,
}

/// The files of `directory`, and of its subdirectory `set` where one is asked for, ordered by name; a missing directory has none.
pub(super) fn files(directory: &Path, set: Option<&str>) -> Result<Vec<SeedFile>, DataError> {
    let mut files = listed(directory, "")?;
    if let Some(set) = set {
        let own = directory.join(set);
        if !own.is_dir() {
            return Err(DataError::Input {
                path: own,
                reason: "there is no such set of seeds".to_owned(),
            });
        }
        files.extend(listed(&own, &format!("{set}/"))?);
    }
    Ok(files)
}

fn listed(directory: &Path, prefix: &str) -> Result<Vec<SeedFile>, DataError> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("sql") => Format::Sql,
            Some("csv") => Format::Csv,
            _ => continue,
        };
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            let reason = "its name is not UTF-8".to_owned();
            return Err(DataError::Input { path, reason });
        };
        files.push(SeedFile {
            name: format!("{prefix}{name}"),
            format,
            path,
        });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// The table that a file of rows is meant for: `020_public.jobs.csv` is for `public.jobs`.
pub(super) fn table(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = name.strip_suffix(".csv").unwrap_or(name);
    let unnumbered = stem.trim_start_matches(|c: char| c.is_ascii_digit());
    match unnumbered.strip_prefix(['_', '-']) {
        Some(table) if unnumbered.len() < stem.len() => table,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_rows_is_for_the_table_that_it_is_named_after() {
        assert_eq!(table("jobs.csv"), "jobs");
        assert_eq!(table("020_jobs.csv"), "jobs");
        assert_eq!(table("ci/020-public.jobs.csv"), "public.jobs");
        assert_eq!(table("_odd.csv"), "_odd");
    }

    #[test]
    fn files_come_by_name_and_a_sets_files_after_all_others() {
        let seeds = tempfile::tempdir().unwrap();
        fs::create_dir(seeds.path().join("ci")).unwrap();
        for name in ["020_b.csv", "010_a.sql", "README.md", "ci/001_c.sql"] {
            fs::write(seeds.path().join(name), "").unwrap();
        }

        let found = files(seeds.path(), Some("ci")).unwrap();

        let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["010_a.sql", "020_b.csv", "ci/001_c.sql"]);
        assert_eq!(files(&seeds.path().join("nothing"), None).unwrap(), []);
    }
}
