//! The backups of a directory: dumps, each with a manifest beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DataError;
use super::digest::unreadable;
use super::whole::read_whole;
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

/// A backup whose manifest can't be read: its dump may be as good as any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the backup `{}` can't be judged: {reason}", .path.display())]
pub struct Broken {
    /// The manifest.
    pub path: PathBuf,
    /// Why, in words.
    pub reason: String,
}

/// What is kept in a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The backups, oldest first.
    pub backups: Vec<Backup>,
    /// Those that can't be judged: they are left alone.
    pub broken: Vec<Broken>,
}

impl Kept {
    /// What was found, in order.
    pub(super) fn of(found: Vec<Result<Backup, Broken>>) -> Self {
        let mut kept = Self::default();
        for found in found {
            match found {
                Ok(backup) => kept.backups.push(backup),
                Err(broken) => kept.broken.push(broken),
            }
        }
        kept.backups
            .sort_by(|one, other| one.manifest.created.cmp(&other.manifest.created));
        kept.broken.sort_by(|one, other| one.path.cmp(&other.path));
        kept
    }
}

/// The backups in `directory`.
///
/// # Errors
/// Where the directory can't be read.
pub fn backups(directory: &Path) -> Result<Kept, DataError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        if name_of(&path).is_some() {
            found.extend(read_beside(&path).transpose());
        }
    }
    Ok(Kept::of(found))
}

/// The manifest in this text, of the file `path`.
pub(super) fn parsed(path: &Path, text: &str) -> Result<Manifest, Broken> {
    let broken = |reason: String| Broken {
        path: path.to_owned(),
        reason,
    };
    let wrong = |error: serde_json::Error| broken(format!("it is no manifest: {error}"));
    let value: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema > u64::from(SCHEMA) => Err(broken(format!(
            "it is of version {schema}, and this jobsprint-dev reads up to {SCHEMA}"
        ))),
        _ => serde_json::from_value(value).map_err(wrong),
    }
}

fn read_beside(path: &Path) -> Result<Option<Backup>, Broken> {
    let beside = manifest_of(path);
    let read = read_whole(&beside).map_err(|reason| Broken {
        path: beside.clone(),
        reason,
    });
    let Some(text) = read? else {
        return Ok(None);
    };
    Ok(Some(Backup {
        name: name_of(path).unwrap_or_default().to_owned(),
        path: path.to_owned(),
        manifest: parsed(&beside, &text)?,
    }))
}

/// A dump with its manifest; `None` where it has none.
pub(super) fn described(path: &Path) -> Result<Option<Backup>, DataError> {
    read_beside(path).map_err(|Broken { path, reason }| {
        let shown = path.display();
        let hint = format!(
            "to go without what it says, put it aside: `mv {shown} {shown}.broken`, and run this again"
        );
        DataError::Record {
            path,
            reason,
            hints: vec![hint],
        }
    })
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
