//! The key that n8n's volume keeps: read out of it before n8n starts, since n8n refuses another one.

use std::collections::BTreeMap;
use std::io::Read as _;

use futures_util::TryStreamExt;
use serde::Deserialize;

use crate::domain::{
    ContainerId, ContainerSettings, ContainerSpec, KeptCredential, Observed, Secret, Service, Stack,
};
use crate::engine::{Engine, Removal};
use crate::plan::{ONE_OFF, PROJECT, SERVICE};

/// n8n's own settings file: <https://docs.n8n.io/hosting/configuration/configuration-examples/encryption-key/>.
const FILE: &str = "config";

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "encryptionKey")]
    key: String,
}

/// The key in the volume of `credential`; `None` where it has none, or where no container can be made to look.
///
/// Looks through the service's container where there is one, else through one that is made for it and never started.
pub async fn key_in_volume(
    engine: &dyn Engine,
    stack: &Stack,
    observed: &Observed,
    service: &Service,
    credential: &KeptCredential,
) -> Option<Secret> {
    let volume = &stack.volumes.get(&credential.volume)?.name;
    let path = format!("{}/{FILE}", credential.target);
    let mut own = observed.of(&service.name);
    if let Some(found) = own.find(|found| found.volumes.get(&credential.target) == Some(volume)) {
        return read(engine, &found.id, &path).await;
    }
    let spec = looking_glass(stack, service, credential, volume);
    let name = ContainerId::new(spec.name.clone());
    // One that a killed run left behind; a missing one is no error.
    engine
        .remove_container(&name, Removal::WithVolumes)
        .await
        .ok()?;
    let container = engine.create_container(&spec).await.ok()?;
    let key = read(engine, &container, &path).await;
    let removed = engine
        .remove_container(&container, Removal::WithVolumes)
        .await;
    removed.ok().and(key)
}

/// A container that has the volume and nothing else.
fn looking_glass(
    stack: &Stack,
    service: &Service,
    credential: &KeptCredential,
    volume: &str,
) -> ContainerSpec {
    let mounts = service.container.mounts.iter();
    let labels = [
        (PROJECT, stack.project.as_str()),
        (SERVICE, service.name.as_str()),
        (ONE_OFF, "True"),
    ];
    ContainerSpec {
        name: format!("{}-{}-look", stack.project, service.name),
        image: service.image.reference.clone(),
        labels: labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        settings: ContainerSettings {
            mounts: mounts
                .filter(|mount| mount.target == credential.target)
                .cloned()
                .collect(),
            network_mode: Some("none".to_owned()),
            ..ContainerSettings::default()
        },
        network_names: BTreeMap::new(),
        volume_names: BTreeMap::from([(credential.volume.clone(), volume.to_owned())]),
        aliases: Vec::new(),
        inherited_volumes: BTreeMap::new(),
        unlisted: std::collections::BTreeSet::new(),
    }
}

async fn read(engine: &dyn Engine, container: &ContainerId, path: &str) -> Option<Secret> {
    let pieces = engine.download(container, path).await.ok()?;
    let tar: Vec<u8> = pieces
        .try_fold(Vec::new(), async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        })
        .await
        .ok()?;
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut file = archive.entries().ok()?.next()?.ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let config: Config = serde_json::from_str(&text).ok()?;
    Some(Secret::new(config.key)).filter(|key| !key.is_empty())
}
