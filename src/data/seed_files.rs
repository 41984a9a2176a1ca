//! The seed files of a store, in the order in which they are applied.

use std::fs;
use std::path::{Path, PathBuf};

use super::DataError;
use super::digest::unreadable;
use crate::domain::{Readiness, Service};

/// What a seed file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// SQL statements.
    Sql,
    /// Rows under a header, for the table that the file is named after.
    Csv,
    /// Commands for redis, one a line.
    Redis,
    /// What the broker is to have: users, queues, exchanges, bindings.
    Definitions,
}

/// A kind of store that can be seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    /// postgres.
    Postgres,
    /// redis.
    Redis,
    /// `RabbitMQ`.
    RabbitMq,
}

impl Store {
    /// What `service` is, where it is a store that can be seeded.
    pub(super) const fn of(service: &Service) -> Option<Self> {
        match service.ready {
            Readiness::Postgres => Some(Self::Postgres),
            Readiness::Redis => Some(Self::Redis),
            Readiness::Amqp => Some(Self::RabbitMq),
            _ => None,
        }
    }

    /// Its directory below the seeds'.
    pub(super) const fn directory(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::RabbitMq => "rabbitmq",
        }
    }

    fn format(self, extension: &str) -> Option<Format> {
        match (self, extension) {
            (Self::Postgres, "sql") => Some(Format::Sql),
            (Self::Postgres, "csv") => Some(Format::Csv),
            (Self::Redis, "redis") => Some(Format::Redis),
            (Self::RabbitMq, "json") => Some(Format::Definitions),
            _ => None,
        }
    }
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

/// The files of a store below `seeds`, and of its subdirectory `set` where one is asked for, ordered by name; a missing
/// directory has none.
pub(super) fn files(
    seeds: &Path,
    store: Store,
    set: Option<&str>,
) -> Result<Vec<SeedFile>, DataError> {
    let directory = seeds.join(store.directory());
    let mut files = listed(&directory, store, "")?;
    if let Some(set) = set {
        let stores = [Store::Postgres, Store::Redis, Store::RabbitMq];
        if !stores
            .iter()
            .any(|store| seeds.join(store.directory()).join(set).is_dir())
        {
            return Err(DataError::Input {
                path: directory.join(set),
                reason: "there is no such set of seeds".to_owned(),
            });
        }
        files.extend(listed(&directory.join(set), store, &format!("{set}/"))?);
    }
    Ok(files)
}

fn listed(directory: &Path, store: Store, prefix: &str) -> Result<Vec<SeedFile>, DataError> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let Some(format) = extension.and_then(|extension| store.format(extension)) else {
            continue;
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
        fs::create_dir_all(seeds.path().join("postgres/ci")).unwrap();
        fs::create_dir(seeds.path().join("redis")).unwrap();
        let all = [
            "postgres/020_b.csv",
            "postgres/010_a.sql",
            "postgres/README.md",
            "postgres/ci/001_c.sql",
            "redis/flags.redis",
            "redis/other.sql",
        ];
        for name in all {
            fs::write(seeds.path().join(name), "").unwrap();
        }
        let names = |store, set| {
            let found = files(seeds.path(), store, set).unwrap();
            let names = found.into_iter().map(|file| file.name);
            names.collect::<Vec<_>>().join(" ")
        };

        assert_eq!(
            names(Store::Postgres, Some("ci")),
            "010_a.sql 020_b.csv ci/001_c.sql"
        );
        assert_eq!(names(Store::Redis, Some("ci")), "flags.redis");
        assert_eq!(names(Store::RabbitMq, None), "");
        assert!(files(seeds.path(), Store::Redis, Some("nothing")).is_err());
    }
}
