//! From a service to the container that it asks for.

use super::{hash, labels};
use crate::domain::{
    Calling, ContainerSpec, MountSource, ObservedContainer, Service, Stack, first_start_secrets,
};

/// The specification of a service's `number`th container, taking over what `before` leaves.
pub(super) fn specify(
    stack: &Stack,
    service: &Service,
    number: u32,
    before: Option<&ObservedContainer>,
) -> ContainerSpec {
    let name = container_name(stack, service, number);
    let short = service.name.to_string();
    let mut aliases = vec![short];
    if service.container_name.is_none() {
        aliases.push(name.clone());
    }
    let mut spec = ContainerSpec {
        name,
        image: service.image.reference.clone(),
        labels: labels::of_container(stack, service, number),
        settings: service.container.clone(),
        network_names: service
            .container
            .networks
            .keys()
            .filter_map(|key| Some((key.clone(), stack.networks.get(key)?.name.clone())))
            .collect(),
        volume_names: named_volumes(service)
            .filter_map(|key| Some((key.to_owned(), stack.volumes.get(key)?.name.clone())))
            .collect(),
        aliases,
        unlisted: unlisted(stack, service),
        inherited_volumes: std::collections::BTreeMap::new(),
    };
    // The hash is of what the file says: neither labels of the tool's own nor what is taken over belong to it.
    // Nor does what only a volume's first start reads: a new password is told the store in place.
    let mut hashed = spec.clone();
    for name in first_start_secrets(service) {
        hashed.settings.environment.unset(name);
    }
    let hash = hash::config_hash(&hashed);
    let parts: Vec<String> = hash::parts(&hashed)
        .into_iter()
        .map(|(part, hash)| format!("{part}={hash}"))
        .collect();
    spec.labels.insert(labels::CONFIG_HASH.to_owned(), hash);
    spec.labels
        .insert(labels::PARTS.to_owned(), parts.join("\n"));
    if let Some(before) = before {
        spec.inherited_volumes = anonymous_volumes(service, before);
    }
    spec
}

/// The hash of a service's configuration: another one makes its containers be replaced.
#[must_use]
pub fn service_hash(stack: &Stack, service: &Service) -> String {
    let mut spec = specify(stack, service, 1, None);
    spec.labels.remove(labels::CONFIG_HASH).unwrap_or_default()
}

/// The name of a service's `number`th container.
#[must_use]
pub fn container_name(stack: &Stack, service: &Service, number: u32) -> String {
    match &service.container_name {
        Some(name) => name.clone(),
        None => format!("{}-{}-{number}", stack.project, service.name),
    }
}

/// Keys of the networks in which a service's container isn't found by the service's name.
fn unlisted(stack: &Stack, service: &Service) -> std::collections::BTreeSet<String> {
    let is_unlisted = |key: &&String| {
        let network = stack.networks.get(*key);
        network.is_some_and(|network| network.calling == Calling::Unlisted)
    };
    let keys = service.container.networks.keys();
    keys.filter(is_unlisted).cloned().collect()
}

/// Keys of the named volumes that a service mounts.
pub(super) fn named_volumes(service: &Service) -> impl Iterator<Item = &str> {
    service
        .container
        .mounts
        .iter()
        .filter_map(|mount| match &mount.source {
            MountSource::Named { volume, .. } => Some(volume.as_str()),
            _ => None,
        })
}

fn anonymous_volumes(
    service: &Service,
    before: &ObservedContainer,
) -> std::collections::BTreeMap<String, String> {
    let mounted_by_file = |target: &str| {
        service.container.mounts.iter().any(|mount| {
            mount.target == target && !matches!(mount.source, MountSource::Anonymous { .. })
        })
    };
    before
        .volumes
        .iter()
        .filter(|(target, _)| !mounted_by_file(target))
        .map(|(target, volume)| (target.clone(), volume.clone()))
        .collect()
}
