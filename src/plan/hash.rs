//! The fingerprint of a container's settings, whole and by parts.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::labels::SUPERVISOR;
use crate::domain::ContainerSpec;

/// Hash of all that would make another container of this specification; SHA-256 in hexadecimal.
#[must_use]
pub fn config_hash(spec: &ContainerSpec) -> String {
    let mut whole = Sha256::new();
    for (part, content) in canonical(spec) {
        whole.update(part.as_bytes());
        whole.update([0]);
        whole.update(content.as_bytes());
        whole.update([0]);
    }
    hexadecimal(&whole.finalize())
}

/// Sixteen bits of each part's hash: enough to name what changed, too few to tell a value.
///
/// Environment variables are a part each, as `environment: NAME`.
#[must_use]
pub fn parts(spec: &ContainerSpec) -> BTreeMap<String, String> {
    canonical(spec)
        .into_iter()
        .map(|(part, content)| {
            let hash = hexadecimal(&Sha256::digest(content.as_bytes()));
            (part, hash[..4].to_owned())
        })
        .collect()
}

/// The parts, written out by one rule; values of secrets are in them, so they never leave this file.
fn canonical(spec: &ContainerSpec) -> BTreeMap<String, String> {
    let settings = &spec.settings;
    let mut parts = BTreeMap::new();
    let mut part = |name: &str, value: &dyn std::fmt::Debug| {
        parts.insert(name.to_owned(), format!("{value:?}"));
    };

    part("image", &spec.image);
    part("name", &spec.name);
    part("command", &settings.command);
    part("entrypoint", &settings.entrypoint);
    part("ports", &(&settings.ports, &settings.expose));
    part("volumes", &(&settings.mounts, &spec.volume_names));
    part(
        "networks",
        &(
            &settings.networks,
            &spec.network_names,
            &settings.network_mode,
            &spec.aliases,
        ),
    );
    part("healthcheck", &settings.healthcheck);
    part("labels", &settings.labels);
    part("resources", &settings.resources);
    // Of the supervisor, whether it is there and which: never what a verb does with it.
    if let Some(version) = spec.labels.get(SUPERVISOR) {
        part("supervisor", version);
    }

    // Everything else stands together: all fields but those that have a part of their own.
    let mut rest = settings.clone();
    rest.command = None;
    rest.entrypoint = None;
    rest.ports.clear();
    rest.expose.clear();
    rest.mounts.clear();
    rest.networks.clear();
    rest.network_mode = None;
    rest.healthcheck = None;
    rest.labels.clear();
    rest.resources = crate::domain::Resources::default();
    rest.environment = crate::domain::Environment::default();
    rest.files.clear();
    part("settings", &rest);

    for (name, value) in settings.environment.iter() {
        parts.insert(format!("environment: {name}"), value.expose().to_owned());
    }
    for file in &settings.files {
        let content = format!(
            "{}:{}:{:o}:{}",
            file.uid,
            file.gid,
            file.mode,
            file.content.expose()
        );
        parts.insert(format!("file: {}", file.target.display()), content);
    }
    parts
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String can't fail");
        text
    })
}
