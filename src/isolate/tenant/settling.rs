//! A tenant moves in: its stores become parts of the shared ones, and its apps are told so.

use std::collections::{BTreeMap, BTreeSet};

use super::lodger::{Lodger, Lodging, hosts, is_store, told};
use crate::domain::{
    Calling, Home, HostPort, MountSource, Network, NetworkAttachment, Ownership, ReadFile, Secret,
    Service, Stack,
};
use crate::isolate::KIND;

/// The key of the shared stores' network.
const NETWORK: &str = "jobsprint-dev-shared";

/// From each host port that a store of `stack` asks for to the one that the shared store has.
#[must_use]
pub fn shared_ports(stack: &Stack, shared: &Stack) -> BTreeMap<u16, u16> {
    let stores = stack.services.values().filter(|service| is_store(service));
    let ports = stores.flat_map(|store| {
        let there = shared.services.get(&store.name);
        let there = there.map(|there| there.container.ports.as_slice());
        let same = move |container: u16| {
            let mut ports = there.unwrap_or_default().iter();
            ports.find(|port| port.container == container)
        };
        store.container.ports.iter().filter_map(move |port| {
            let (HostPort::Fixed(asked) | HostPort::Range(asked, _)) = port.host else {
                return None;
            };
            let HostPort::Fixed(chosen) = same(port.container)?.host else {
                return None;
            };
            Some((asked, chosen))
        })
    });
    ports.collect()
}

/// Makes the stores of `copy`, a copy of `stack`, parts of the `shared` ones; gives these parts.
pub fn settle(
    copy: &mut Stack,
    stack: &Stack,
    shared: &Stack,
    lodging: &Lodging,
    read: ReadFile,
) -> Vec<Lodger> {
    let mut lodgers = Vec::new();
    let mut volumes = BTreeSet::new();
    for store in copy.services.values_mut().filter(|one| is_store(one)) {
        let original = &stack.services[&store.name];
        lodging.furnish(store, read);
        store.home = Home::Shared;
        store.container_name = Some(format!("{}-{}-1", shared.project, store.name));
        store.container.networks.clear();
        store.container.mounts.clear();
        store.container.files.clear();
        lodgers.push(Lodger::of(store, hosts(original)));
    }
    let names: BTreeSet<_> = copy
        .services
        .values()
        .filter(|one| is_store(one))
        .map(|store| store.name.clone())
        .collect();
    for app in copy.services.values_mut().filter(|one| !is_store(one)) {
        let is_told = tell(app, &lodgers);
        let depends = app.depends_on.keys().any(|name| names.contains(name));
        if (is_told || depends) && app.container.network_mode.is_none() {
            let networks = &mut app.container.networks;
            networks.insert(NETWORK.to_owned(), NetworkAttachment::default());
        }
        volumes.extend(app.container.mounts.iter().filter_map(|mount| {
            if let MountSource::Named { volume, .. } = &mount.source {
                return Some(volume.clone());
            }
            None
        }));
    }
    copy.volumes.retain(|key, _| volumes.contains(key));
    let network = Network {
        name: format!("{}_default", shared.project),
        ownership: Ownership::External,
        calling: Calling::Unlisted,
        ..Network::default()
    };
    copy.networks.insert(NETWORK.to_owned(), network);
    lodgers
}

/// Tells an app of the tenant's logins; says whether it names a store at all.
fn tell(app: &mut Service, lodgers: &[Lodger]) -> bool {
    let container = &mut app.container;
    let mut is_named = false;
    let mut changes: Vec<(String, Secret)> = Vec::new();
    for (name, value) in container.environment.iter() {
        is_named |= lodgers
            .iter()
            .any(|lodger| lodger.is_named_in(value.expose()));
        let text = told(lodgers, value.expose()).text;
        if text != value.expose() {
            changes.push((name.to_owned(), text.into()));
        }
        let variables = lodgers
            .iter()
            .find_map(|lodger| lodger.variables(name, value.expose()));
        let variables = variables.into_iter().flatten();
        changes.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    }
    for (name, value) in changes {
        container.environment.set(name, value);
    }
    for words in [&mut container.command, &mut container.entrypoint] {
        for word in words.iter_mut().flatten() {
            is_named |= lodgers.iter().any(|lodger| lodger.is_named_in(word));
            *word = told(lodgers, word).text;
        }
    }
    is_named
}

/// Says on every object of a stack of what kind it is.
pub fn mark(stack: &mut Stack, kind: &str) {
    let services = stack.services.values_mut();
    let labels = services.map(|service| &mut service.container.labels);
    let networks = stack
        .networks
        .values_mut()
        .map(|network| &mut network.labels);
    let volumes = stack.volumes.values_mut().map(|volume| &mut volume.labels);
    for labels in labels.chain(networks).chain(volumes) {
        labels.insert(KIND.to_owned(), kind.to_owned());
    }
}
