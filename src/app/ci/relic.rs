//! What a capsule keeps of a run so that it can be brought up again: `replay.json`, and the secrets made for that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::pins::Pins;
use crate::app::randomness::SystemRandomness;
use crate::composefile::ROOT;
use crate::domain::{Failure, FailureKind, Secret};
use crate::dotenv::{self, Template};
use crate::env::{Document, Recipe};
use crate::store::{Privacy, write};

/// The file beside the model.
pub(super) const FILE: &str = "replay.json";
/// The model.
pub(super) const MODEL: &str = "model.yaml";
/// The version of the file.
const SCHEMA: u32 = 1;

/// A run, without what is anybody's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Relic {
    /// The version of the file.
    pub schema: u32,
    /// Why it failed, in a sentence.
    pub failed: String,
    /// The command.
    pub command: Vec<String>,
    /// The project's root where it ran.
    pub root: PathBuf,
    /// The commit that was checked out there.
    pub commit: Option<String>,
    /// The services that were asked for; none for all.
    pub services: Vec<String>,
    /// Whether it was migrated.
    pub migrated: bool,
    /// Whether it was seeded.
    pub seeded: bool,
    /// The variables of the model that stand for secrets.
    pub secrets: BTreeSet<String>,
    /// The addresses that the schema declares, with the model's ports and such variables; capsules of earlier versions
    /// have none.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// The images.
    pub images: Pins,
}

impl Relic {
    /// One of this version.
    pub fn new(failed: String, root: PathBuf, images: Pins) -> Self {
        Self {
            schema: SCHEMA,
            failed,
            command: Vec::new(),
            root,
            commit: None,
            services: Vec::new(),
            migrated: true,
            seeded: true,
            secrets: BTreeSet::new(),
            addresses: BTreeMap::new(),
            images,
        }
    }

    /// Reads that of a capsule.
    ///
    /// # Errors
    /// Where there is none, or one of another version.
    pub fn read(capsule: &Path) -> Result<Self, Failure> {
        let path = capsule.join(FILE);
        let wrong = |message: String| {
            Failure::new(FailureKind::Usage, message).hint(
                "name the directory that a failed `jobsprint-dev ci` told of, as `target/jobsprint-ci/NAME`",
            )
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            let capsule = capsule.display();
            wrong(format!("`{capsule}` is no capsule: `{FILE}`: {error}"))
        })?;
        let read: Option<Self> = serde_json::from_str(&text).ok();
        read.filter(|read| read.schema == SCHEMA).ok_or_else(|| {
            wrong(format!(
                "`{}` is not one that this version reads",
                path.display()
            ))
        })
    }

    /// Values for the model's variables: fresh ones for secrets, the same ones each time the capsule is brought up.
    /// They stand in the capsule's own `.env`, so that other verbs find them beside the model.
    ///
    /// # Errors
    /// Where that can't be written.
    pub fn values(&self, capsule: &Path, root: &Path) -> Result<BTreeMap<String, Secret>, Failure> {
        let path = capsule.join(".env");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = Document::parse(&text).map(|known| known.values());
        let mut before = before.unwrap_or_default();
        let mut values: BTreeMap<String, Secret> = self
            .secrets
            .iter()
            .map(|name| {
                let known = before.remove(name).filter(|known| !known.is_empty());
                let value = known.map_or_else(
                    || Recipe::Alphanumeric(32).make(&mut SystemRandomness),
                    Secret::new,
                );
                (name.clone(), value)
            })
            .collect();
        values.insert(ROOT.to_owned(), Secret::new(root.display().to_string()));
        let lines = values.iter().filter_map(|(name, value)| {
            let value = dotenv::quote(value.expose()).ok()?;
            Some(format!("{name}={value}\n"))
        });
        let text: String = lines.collect();
        write(&path, text.as_bytes(), Privacy::Private).map_err(Failure::from)?;
        Ok(values)
    }

    /// What the schema declared, with these values for the model's variables.
    pub fn declared(&self, values: &BTreeMap<String, Secret>) -> BTreeMap<String, Secret> {
        let lookup = |name: &str| values.get(name).map(|value| value.expose().to_owned());
        let addresses = self.addresses.iter().filter_map(|(name, text)| {
            // What a hand has spoilt is left out.
            let template = Template::parse(text).ok()?;
            let address = template.expand(&lookup).ok()?.text;
            Some((name.clone(), Secret::new(address)))
        });
        addresses.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_for_a_capsule_and_kept_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let capsule = tempfile::tempdir().unwrap();
        let mut relic = Relic::new("x".to_owned(), PathBuf::from("/ci"), Pins::default());
        relic.secrets = BTreeSet::from(["DB_PASSWORD".to_owned()]);

        let first = relic
            .values(capsule.path(), Path::new("/home/ada"))
            .unwrap();
        let second = relic
            .values(capsule.path(), Path::new("/home/ben"))
            .unwrap();

        assert_eq!(first["DB_PASSWORD"], second["DB_PASSWORD"]);
        assert_eq!(first["DB_PASSWORD"].expose().len(), 32);
        assert_eq!(second[ROOT].expose(), "/home/ben");
        let file = capsule.path().join(".env").metadata().unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn declared_addresses_get_the_secrets_of_the_replay() {
        let mut relic = Relic::new("x".to_owned(), PathBuf::from("/ci"), Pins::default());
        let texts = [
            ("API_URL", "http://localhost:4000/$$x"),
            (
                "DATABASE_URL",
                "postgres://me:${DB_PASSWORD}@localhost/shop",
            ),
            ("SPOILT_URL", "http://${"),
        ];
        relic.addresses = texts.map(|(name, text)| (name.into(), text.into())).into();
        let values = BTreeMap::from([("DB_PASSWORD".to_owned(), Secret::new("fresh"))]);

        let declared = relic.declared(&values);

        let declared: Vec<_> = declared
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(
            declared,
            [
                ("API_URL", "http://localhost:4000/$x"),
                ("DATABASE_URL", "postgres://me:fresh@localhost/shop"),
            ]
        );
    }

    #[test]
    fn a_capsule_of_an_earlier_version_declares_no_address() {
        let capsule = tempfile::tempdir().unwrap();
        let relic = Relic::new("x".to_owned(), PathBuf::from("/ci"), Pins::default());
        let mut written = serde_json::to_value(&relic).unwrap();
        written.as_object_mut().unwrap().remove("addresses");
        fs::write(capsule.path().join(FILE), written.to_string()).unwrap();

        assert_eq!(Relic::read(capsule.path()).unwrap(), relic);
    }

    #[test]
    fn a_directory_that_is_no_capsule_is_told_so() {
        let home = tempfile::tempdir().unwrap();

        let failure = Relic::read(home.path()).unwrap_err();

        assert_eq!(failure.kind, FailureKind::Usage);
        assert!(failure.message.contains("is no capsule"), "{failure}");
    }
}
