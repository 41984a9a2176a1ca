//! What is noted of a snapshot beside its parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::ProjectName;

/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 2;

/// How a volume is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A tar through zstd, checked by SHA-256: what format 1 has alone.
    #[default]
    Zstd,
    /// Its files, copied, checked by BLAKE3.
    Copy,
    /// As a copy, but the filesystem shares the blocks until they are written to.
    Clone,
}

impl Way {
    /// A phrase that tells it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Zstd => "packed with zstd",
            Self::Copy => "copied",
            Self::Clone => "cloned by the filesystem",
        }
    }
}

/// One volume of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The volume's key in the Compose file.
    pub volume: String,
    /// The services that mount it.
    pub services: Vec<String>,
    /// How it is kept.
    #[serde(default)]
    pub way: Way,
    /// The file or directory beside the manifest.
    pub file: String,
    /// Bytes of the volume's tar, or of its files.
    pub bytes: u64,
    /// Bytes that are kept.
    pub stored: u64,
    /// The checksum of what is kept, in hexadecimal.
    #[serde(alias = "sha256")]
    pub checksum: String,
}

/// What is known of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format's version.
    pub schema: u32,
    /// The project.
    pub project: String,
    /// The snapshot's name: its directory's, whatever stands in the file.
    #[serde(default)]
    pub name: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The git commit at the time.
    pub commit: Option<String>,
    /// The git branch at the time.
    pub branch: Option<String>,
    /// The verb before which the tool made it by itself; `None` for one that a person asked for.
    pub before: Option<String>,
    /// The state of the migrations: a hash of what the ledger says; `None` where nothing was applied or nobody could be asked.
    pub migrations: Option<String>,
    /// Each service's image, by the engine's id.
    pub images: BTreeMap<String, String>,
    /// Rows of each table, as the database estimates them.
    pub rows: BTreeMap<String, u64>,
    /// The volumes.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// A manifest of the newest format, still without parts.
    #[must_use]
    pub fn new(project: &ProjectName, name: &str, created: &str) -> Self {
        Self {
            schema: FORMAT,
            project: project.to_string(),
            name: name.to_owned(),
            created: created.to_owned(),
            commit: None,
            branch: None,
            before: None,
            migrations: None,
            images: BTreeMap::new(),
            rows: BTreeMap::new(),
            parts: Vec::new(),
        }
    }

    /// Reads the text of the manifest of the snapshot `name`.
    ///
    /// # Errors
    /// Why it can't be used, as a phrase that follows the name.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, String> {
        let broken = |error: serde_json::Error| format!("has a broken manifest: {error}");
        let value: serde_json::Value = serde_json::from_str(text).map_err(broken)?;
        let format = value.get("schema").and_then(serde_json::Value::as_u64);
        if format.is_some_and(|format| format > u64::from(FORMAT)) {
            let format = format.unwrap_or_default();
            return Err(format!(
                "is of format {format}, and this version of jobsprint-dev reads up to {FORMAT}"
            ));
        }
        let manifest: Self = serde_json::from_value(value).map_err(broken)?;
        Ok(Self {
            name: name.to_owned(),
            ..manifest
        })
    }

    /// Bytes that it takes on the disk.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.parts.iter().map(|part| part.stored).sum()
    }

    /// The services whose data it holds, each once.
    #[must_use]
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = self
            .parts
            .iter()
            .flat_map(|part| part.services.iter().map(String::as_str))
            .collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    /// The ways in which its volumes are kept, as words.
    #[must_use]
    pub fn ways(&self) -> Vec<String> {
        let mut ways: Vec<String> = Vec::new();
        for part in &self.parts {
            let words = part.way.words().to_owned();
            if !ways.contains(&words) {
                ways.push(words);
            }
        }
        ways
    }

    /// How `other` differs, a line each; empty where all that is noted is the same.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut told = Vec::new();
        let mut field = |what: &str, one: Option<&String>, two: Option<&String>| {
            if one != two {
                let word = |value: Option<&String>| value.map_or("-", |text| text).to_owned();
                told.push(format!("{what}: {} → {}", word(one), word(two)));
            }
        };
        field("commit", self.commit.as_ref(), other.commit.as_ref());
        field("branch", self.branch.as_ref(), other.branch.as_ref());
        field(
            "schema",
            self.migrations.as_ref(),
            other.migrations.as_ref(),
        );
        for service in keys(&self.images, &other.images) {
            let what = format!("image of {service}");
            field(&what, self.images.get(service), other.images.get(service));
        }
        for table in keys(&self.rows, &other.rows) {
            let rows = |manifest: &Self| manifest.rows.get(table).map(ToString::to_string);
            field(
                &format!("rows of {table}"),
                rows(self).as_ref(),
                rows(other).as_ref(),
            );
        }
        let sums = |manifest: &Self| -> BTreeMap<String, (String, String)> {
            let parts = manifest.parts.iter();
            parts
                .map(|part| {
                    let size = format!("{} bytes", part.bytes);
                    (part.volume.clone(), (part.checksum.clone(), size))
                })
                .collect()
        };
        let (one, two) = (sums(self), sums(other));
        for volume in keys(&one, &two) {
            if one.get(volume) != two.get(volume) {
                let size = |parts: &BTreeMap<String, (String, String)>| {
                    let found = parts.get(volume).map(|(_, size)| size.clone());
                    found.unwrap_or_else(|| "-".to_owned())
                };
                told.push(format!("volume {volume}: {} → {}", size(&one), size(&two)));
            }
        }
        told
    }
}

fn keys<'a, T>(one: &'a BTreeMap<String, T>, other: &'a BTreeMap<String, T>) -> Vec<&'a String> {
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let project = ProjectName::new("shop").unwrap();
        Manifest {
            rows: [("public.users".to_owned(), 3)].into(),
            ..Manifest::new(&project, "one", "2026-11-23T20:15:00Z")
        }
    }

    #[test]
    fn what_is_written_is_read_and_the_directory_names_it() {
        let text = serde_json::to_string(&manifest()).unwrap();

        let read = Manifest::read("other", &text).unwrap();

        assert_eq!(read.name, "other");
        assert_eq!(read.rows, manifest().rows);
    }

    #[test]
    fn a_part_of_the_first_format_is_a_packed_tar() {
        let old = r#"{"volume": "data", "services": [], "file": "data.tar.zst", "bytes": 9, "stored": 5, "sha256": "ab"}"#;

        let part: Part = serde_json::from_str(old).unwrap();

        assert_eq!((part.way, part.checksum.as_str()), (Way::Zstd, "ab"));
    }

    #[test]
    fn a_newer_format_is_refused_whatever_else_it_holds() {
        assert_eq!(
            Manifest::read("one", r#"{"schema": 3, "volumes": []}"#),
            Err("is of format 3, and this version of jobsprint-dev reads up to 2".to_owned())
        );
    }

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        let mut other = manifest();
        other.branch = Some("feature".to_owned());
        other.rows = [("public.users".to_owned(), 5)].into();

        assert_eq!(manifest().differences(&manifest()), Vec::<String>::new());
        assert_eq!(
            manifest().differences(&other),
            ["branch: - → feature", "rows of public.users: 3 → 5"]
        );
    }
}
