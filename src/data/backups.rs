//! The backups of a directory: dumps, each with a manifest beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DataError;
use super::digest::unreadable;
use crate::domain::{DumpForm, Packing};

/// The manifest's version.
pub(super) const SCHEMA: u32 = 1;
/// How dumps' files end.
const ENDINGS: [&str; 5] = [".dump", ".dump.zst", ".sql", ".sql.gz", ".sql.zst"];

/// What is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's version.
    pub schema: u32,
    /// The project.
    pub project: String,
    /// The database.
    pub database: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The server's version, as `15.18`.
    pub server: String,
    /// The dump's size in bytes.
    pub bytes: u64,
    /// The dump's SHA-256, in hexadecimal.
    pub sha256: String,
}

/// A backup on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its name: the dump's, without the extension.
    pub name: String,
    /// The dump.
    pub path: PathBuf,
    /// What is known of it.
    pub manifest: Manifest,
}

/// The backups in `directory`, oldest first.
///
/// # Errors
/// Where the directory or a manifest can't be read.
pub fn backups(directory: &Path) -> Result<Vec<Backup>, DataError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        if name_of(&path).is_some() {
            found.extend(described(&path)?);
        }
    }
    found.sort_by(|one: &Backup, other| one.manifest.created.cmp(&other.manifest.created));
    Ok(found)
}

/// A dump with its manifest; `None` where it has none.
pub(super) fn described(path: &Path) -> Result<Option<Backup>, DataError> {
    let beside = manifest_of(path);
    let text = match fs::read_to_string(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&beside, &error)),
    };
    let manifest = serde_json::from_str(&text).map_err(|error| DataError::Input {
        path: beside.clone(),
        reason: format!("it is no manifest of a backup: {error}"),
    })?;
    let name = name_of(path).unwrap_or_default();
    Ok(Some(Backup {
        name: name.to_owned(),
        path: path.to_owned(),
        manifest,
    }))
}

/// A dump's name without its ending; `None` where the ending isn't a dump's.
pub(super) fn name_of(path: &Path) -> Option<&str> {
    let file = path.file_name()?.to_str()?;
    ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))
}

/// The manifest beside a dump.
#[must_use]
pub fn manifest_of(path: &Path) -> PathBuf {
    match name_of(path) {
        Some(name) => path.with_file_name(format!("{name}.json")),
        None => path.with_extension("json"),
    }
}

/// How a dump's file ends.
pub(super) const fn ending(form: DumpForm, packing: Packing) -> &'static str {
    match (form, packing) {
        (DumpForm::Custom, Packing::Gzip | Packing::None) => ".dump",
        (DumpForm::Custom, Packing::Zstd) => ".dump.zst",
        (DumpForm::Plain, Packing::None) => ".sql",
        (DumpForm::Plain, Packing::Gzip) => ".sql.gz",
        (DumpForm::Plain, Packing::Zstd) => ".sql.zst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_dump_is_known_by_its_ending_and_has_its_manifest_beside() {
        for form in [DumpForm::Custom, DumpForm::Plain] {
            for packing in [Packing::Gzip, Packing::Zstd, Packing::None] {
                let path = PathBuf::from(format!("/b/jobsprint-1{}", ending(form, packing)));
                assert_eq!(name_of(&path), Some("jobsprint-1"));
                assert_eq!(manifest_of(&path), Path::new("/b/jobsprint-1.json"));
            }
        }
        assert_eq!(name_of(Path::new("/b/README.md")), None);
    }
}
