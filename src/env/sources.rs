//! Where each value comes from, and what it overrides: the process, files, the schema's defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Document, Origin, Schema};
use crate::domain::Secret;
use crate::dotenv;

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The environment of the process.
    Process,
    /// A file, and the line in it.
    File {
        /// Its name, as the person knows it.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// The schema's default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("the shell's environment"),
            Self::File { name, line } => write!(f, "{name}, line {line}"),
            Self::Default => f.write_str("the schema's default"),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub source: Source,
    /// The value.
    pub value: Secret,
}

/// All places that give values.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    found: BTreeMap<String, Vec<Found>>,
}

impl Sources {
    /// Reads all places: the process overrides files, a later file an earlier one, and a file the schema's defaults.
    ///
    /// Of the process's variables only those count that the schema or a file knows.
    #[must_use]
    pub fn new(
        schema: &Schema,
        process: &BTreeMap<String, String>,
        files: &[(String, Document)],
    ) -> Self {
        let mut sources = Self::default();
        let mut keys: BTreeSet<&str> = files.iter().flat_map(|(_, file)| file.keys()).collect();
        keys.extend(schema.variables().map(|variable| variable.key.as_str()));
        for key in keys {
            let process = process.get(key).map(|value| Found {
                source: Source::Process,
                value: Secret::from(value.as_str()),
            });
            let files = files.iter().rev().filter_map(|(name, file)| {
                let entry = file.entry(key)?;
                Some(Found {
                    source: Source::File {
                        name: name.clone(),
                        line: entry.line,
                    },
                    value: Secret::from(entry.value.as_deref()?),
                })
            });
            let found: Vec<Found> = process.into_iter().chain(files).collect();
            if !found.is_empty() {
                sources.found.insert(key.to_owned(), found);
            }
        }
        // In the schema's order, so that a default sees the defaults above it.
        for variable in schema.variables() {
            if let Origin::Default(written) = &variable.origin
                && let Some(value) = sources.expand(written)
            {
                let found = sources.found.entry(variable.key.clone()).or_default();
                found.push(Found {
                    source: Source::Default,
                    value,
                });
            }
        }
        sources
    }

    /// All that gives `key` a value, the one that counts first.
    #[must_use]
    pub fn of(&self, key: &str) -> &[Found] {
        self.found.get(key).map_or(&[], Vec::as_slice)
    }

    /// The value that counts.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Secret> {
        self.of(key).first().map(|found| &found.value)
    }

    /// All values that count.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, Secret> {
        self.found
            .iter()
            .filter_map(|(key, found)| Some((key.clone(), found.first()?.value.clone())))
            .collect()
    }

    fn expand(&self, written: &str) -> Option<Secret> {
        let lookup = |name: &str| self.value(name).map(|value| value.expose().to_owned());
        let line = format!("VALUE={written}");
        let parsed = dotenv::parse(&line, &lookup).ok()?;
        let value = parsed.entry("VALUE")?.value.clone()?;
        Some(Secret::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_overrides_files_and_files_the_defaults() {
        let schema = Schema::parse(
            "s",
            "A=default\nPORT=5432\nURL=pg://localhost:${PORT}/\n# @optional\nE=\n",
        )
        .unwrap();
        let process = BTreeMap::from([
            ("A".to_owned(), "shell".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        let file = Document::parse("A=file\n\nPORT=6000\nX=1\n").unwrap();

        let sources = Sources::new(&schema, &process, &[(".env".to_owned(), file)]);

        let of_a: Vec<String> = sources
            .of("A")
            .iter()
            .map(|found| format!("{} from {}", found.value.expose(), found.source))
            .collect();
        assert_eq!(
            of_a,
            [
                "shell from the shell's environment",
                "file from .env, line 1",
                "default from the schema's default"
            ]
        );
        let values: Vec<(String, String)> = sources
            .values()
            .into_iter()
            .map(|(key, value)| (key, value.expose().to_owned()))
            .collect();
        let expected = [
            ("A", "shell"),
            ("PORT", "6000"),
            ("URL", "pg://localhost:6000/"),
            ("X", "1"),
        ];
        assert_eq!(
            values,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
