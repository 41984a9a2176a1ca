//! What a template was made of: the same again needs nothing more, and one whose migrations go on can go on from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::data::DataError;
use crate::data::command::Declared;
use crate::data::digest::Digest;
use crate::data::migration_files::migration_files;
use crate::data::seed_files::{Store, files};
use crate::domain::{
    ImageId, ImageRef, Migrate, MountSource, Phase, Role, Secret, Service, ServiceName, Stack,
};

/// All that decides what a set-up puts into the stores, as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Images, commands, variables and mounts of the services that keep data.
    settings: String,
    /// By service: each migration in order.
    migrations: BTreeMap<String, Vec<String>>,
    /// By store, or by the service whose command it is: each seed in order.
    seeds: BTreeMap<String, Vec<String>>,
}

/// A set-up that is asked for.
pub struct Wanted<'a> {
    /// The stack as its files say it, without a copy's own names and ports.
    pub stack: &'a Stack,
    /// The services that are brought up.
    pub names: &'a BTreeSet<ServiceName>,
    /// The images that are here.
    pub images: &'a BTreeMap<ImageRef, ImageId>,
    /// Values that are made anew for each stack, by their names.
    pub generated: &'a BTreeMap<String, Secret>,
    /// Whether it is migrated.
    pub migrate: Phase,
    /// Whether it is seeded.
    pub seed: Phase,
}

impl Inputs {
    /// The inputs of a set-up; `None` where it makes nothing that could be kept, or an image isn't here yet.
    ///
    /// # Errors
    /// Where an input can't be read.
    pub fn of(wanted: &Wanted) -> Result<Option<Self>, DataError> {
        let services = || {
            let all = wanted.stack.services.values();
            all.filter(|service| wanted.names.contains(&service.name))
        };
        let keeps = |service: &Service| service.role == Role::Data || has_volume(service);
        let has_store = services().any(|service| service.role == Role::Data);
        if !has_store || services().any(|service| service.replicas > 1) {
            return Ok(None);
        }
        let mut digest = Digest::new();
        for service in services() {
            digest.part(service.name.as_str().as_bytes());
            let image = wanted.images.get(&service.image.reference);
            let counts = keeps(service) || image_counts(service);
            match image {
                None => return Ok(None),
                Some(image) if counts => digest.part(image.as_str().as_bytes()),
                Some(_) => continue,
            }
            if keeps(service) {
                settings(&mut digest, service, wanted.generated)?;
            }
        }
        let mut inputs = Self {
            settings: digest.finish(),
            migrations: BTreeMap::new(),
            seeds: BTreeMap::new(),
        };
        for service in services() {
            let name = service.name.to_string();
            if let (Some(migrate), Phase::Do) = (&service.migrate, wanted.migrate) {
                inputs.migrations.insert(name.clone(), migrations(migrate)?);
            }
            if wanted.seed == Phase::Do {
                inputs.seeds.insert(name, seeds(wanted.stack, service)?);
            }
        }
        Ok(Some(inputs))
    }

    /// One hash of it all: the template's name.
    ///
    /// # Panics
    /// Never: text and lists can be written as JSON.
    #[must_use]
    pub fn key(&self) -> String {
        let mut digest = Digest::new();
        let text = serde_json::to_vec(self).expect("text and lists");
        digest.part(&text);
        digest.finish()[..24].to_owned()
    }

    /// How many migrations `later` has beyond these; `None` where it isn't these that it goes on from.
    ///
    /// Seeds must be the same: one that was changed would be applied over what its earlier self left.
    #[must_use]
    pub fn behind(&self, later: &Self) -> Option<usize> {
        let is_same = self.settings == later.settings && self.seeds == later.seeds;
        if !is_same || self.migrations.len() != later.migrations.len() {
            return None;
        }
        let mut behind = 0;
        for (service, migrations) in &self.migrations {
            let all = later.migrations.get(service)?;
            behind += all.strip_prefix(migrations.as_slice())?.len();
        }
        Some(behind)
    }
}

fn has_volume(service: &Service) -> bool {
    service.container.mounts.iter().any(is_volume)
}

fn is_volume(mount: &crate::domain::Mount) -> bool {
    matches!(
        mount.source,
        MountSource::Named { .. } | MountSource::Anonymous { .. }
    )
}

/// Whether a service without data of its own may write into the stores as only its image tells: at its start, or by
/// a command that names no inputs.
fn image_counts(service: &Service) -> bool {
    let by_command = match &service.migrate {
        None => !service.depends_on.is_empty(),
        Some(Migrate::Command { inputs, .. }) => inputs.is_empty(),
        Some(Migrate::Directory(_)) => false,
    };
    let seed = service.seed.as_ref();
    by_command || seed.is_some_and(|seed| seed.inputs.is_empty())
}

/// What a service that keeps data is started with.
fn settings(
    digest: &mut Digest,
    service: &Service,
    generated: &BTreeMap<String, Secret>,
) -> Result<(), DataError> {
    let container = &service.container;
    let nameless = |value: &str| {
        // The longest first: a value may be part of another.
        let mut secrets: Vec<(&String, &Secret)> = generated.iter().collect();
        secrets.sort_by_key(|(name, value)| (std::cmp::Reverse(value.expose().len()), *name));
        let known = secrets
            .iter()
            .filter(|(_, value)| !value.expose().is_empty());
        known.fold(value.to_owned(), |text, (name, value)| {
            text.replace(value.expose(), &format!("${{{name}}}"))
        })
    };
    let words = [&container.entrypoint, &container.command];
    for word in words.into_iter().flatten().flatten() {
        digest.part(nameless(word).as_bytes());
    }
    for (name, value) in container.environment.iter() {
        digest.part(name.as_bytes());
        digest.part(nameless(value.expose()).as_bytes());
    }
    for file in &container.files {
        digest.part(file.target.as_os_str().as_encoded_bytes());
        digest.part(nameless(file.content.expose()).as_bytes());
    }
    for text in [&container.user, &container.hostname] {
        digest.part(text.as_deref().unwrap_or_default().as_bytes());
    }
    for mount in &container.mounts {
        digest.part(mount.target.as_bytes());
        if let (MountSource::Bind { source, .. }, Role::Data) = (&mount.source, service.role) {
            // As scripts of a first start are.
            digest.path(source)?;
        }
    }
    Ok(())
}

fn migrations(migrate: &Migrate) -> Result<Vec<String>, DataError> {
    match migrate {
        Migrate::Directory(directory) => migration_files(directory)?
            .into_iter()
            .map(|file| {
                let mut digest = Digest::new();
                digest.part(file.name.as_bytes());
                digest.path(&file.path)?;
                Ok(digest.finish())
            })
            .collect(),
        Migrate::Command { run, inputs } => {
            let mut digest = Digest::new();
            for word in run {
                digest.part(word.as_bytes());
            }
            let mut all = vec![digest.finish()];
            for input in inputs {
                all.extend(Digest::of_each(input)?);
            }
            Ok(all)
        }
    }
}

fn seeds(stack: &Stack, service: &Service) -> Result<Vec<String>, DataError> {
    let mut all = Vec::new();
    if let (Some(seeds), Some(store)) = (&stack.seeds, Store::of(service)) {
        for file in files(seeds, store, None)? {
            let mut digest = Digest::new();
            digest.part(file.name.as_bytes());
            digest.path(&file.path)?;
            all.push(digest.finish());
        }
    }
    if let Some(seed) = Declared::seed(service) {
        let mut digest = Digest::new();
        for word in seed.run {
            digest.part(word.as_bytes());
        }
        for input in seed.inputs {
            digest.path(input)?;
        }
        all.push(digest.finish());
    }
    Ok(all)
}

/// Inputs for the tests of this room.
#[cfg(test)]
pub(super) fn sample(migrations: &[&str]) -> Inputs {
    tests::inputs("s", migrations, &["a"])
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn inputs(settings: &str, migrations: &[&str], seeds: &[&str]) -> Inputs {
        let list = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
        Inputs {
            settings: settings.to_owned(),
            migrations: BTreeMap::from([("api".to_owned(), list(migrations))]),
            seeds: BTreeMap::from([("postgres".to_owned(), list(seeds))]),
        }
    }

    #[test]
    fn more_migrations_at_the_end_go_on_from_a_template() {
        let template = inputs("s", &["1", "2"], &["a"]);

        assert_eq!(template.behind(&inputs("s", &["1", "2"], &["a"])), Some(0));
        assert_eq!(
            template.behind(&inputs("s", &["1", "2", "3", "4"], &["a"])),
            Some(2)
        );
    }

    #[test]
    fn nothing_else_does() {
        let template = inputs("s", &["1", "2"], &["a"]);

        for other in [
            inputs("s", &["1"], &["a"]),
            inputs("s", &["1", "x", "2"], &["a"]),
            inputs("s", &["1", "2"], &["a", "b"]),
            inputs("t", &["1", "2"], &["a"]),
        ] {
            assert_eq!(template.behind(&other), None, "{other:?}");
        }
    }
}
