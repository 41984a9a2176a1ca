//! The merged tree completed: implicit defaults, env and label files, names, dependencies; then what nobody uses dropped.

use std::collections::BTreeSet;

use crate::dotenv;

use super::loader::{Loader, Variables};
use super::node::{Map, Node, Value};
use super::source::Place;

/// Completes the tree of `project` in `directory`.
pub(super) fn complete(
    root: &mut Node,
    project: &str,
    directory: &str,
    variables: &Variables,
    loader: &mut Loader,
) {
    let Some(map) = root.as_map_mut() else { return };
    map.set("name", Node::text(project, Place::default()));
    let mut uses_default = false;
    if let Some(services) = map.get_mut("services").and_then(Node::as_map_mut) {
        for entry in &mut services.0 {
            if entry.value.is_null() {
                entry.value.value = Value::Map(Map::default());
            }
            if let Some(service) = entry.value.as_map_mut() {
                uses_default |= complete_service(service, directory, variables, loader);
            }
        }
    }
    if uses_default {
        map.set_default("networks", || {
            Node::new(Value::Map(Map::default()), Place::default())
        });
        if let Some(networks) = map.get_mut("networks").and_then(Node::as_map_mut) {
            networks.set_default("default", || Node::null(Place::default()));
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        if let Some(objects) = map.get_mut(section).and_then(Node::as_map_mut) {
            objects
                .0
                .iter_mut()
                .for_each(|entry| name_object(&mut entry.value, &entry.key, project));
        }
    }
}

fn name_object(object: &mut Node, key: &str, project: &str) {
    if object.is_null() {
        object.value = Value::Map(Map::default());
    }
    let place = object.place;
    let Some(map) = object.as_map_mut() else {
        return;
    };
    let is_external = map.get("external").and_then(Node::as_bool) == Some(true);
    let name = if is_external {
        key.to_owned()
    } else {
        format!("{project}_{key}")
    };
    map.set_default("name", || Node::text(name, place));
}

/// Completes one service; says whether it stands in the default network.
fn complete_service(
    service: &mut Map,
    directory: &str,
    variables: &Variables,
    loader: &mut Loader,
) -> bool {
    load_variables(service, variables, loader);
    load_labels(service, loader);
    complete_build(service, directory, variables);
    if service.get("pull_policy").and_then(Node::as_text) == Some("if_not_present") {
        service.set("pull_policy", Node::text("missing", Place::default()));
    }
    for item in list_mut(service, "secrets") {
        let place = item.place;
        let source = item
            .get("source")
            .and_then(Node::as_text)
            .unwrap_or_default()
            .to_owned();
        if let Some(map) = item.as_map_mut() {
            map.set_default("target", || {
                Node::text(format!("/run/secrets/{source}"), place)
            });
        }
    }
    for item in list_mut(service, "devices") {
        let (place, source) = (item.place, item.get("source").cloned());
        if let (Some(map), Some(source)) = (item.as_map_mut(), source) {
            map.set_default("target", || source);
            map.set_default("permissions", || Node::text("rwm", place));
        }
    }
    let reserved = service.get_mut("deploy").and_then(|deploy| {
        let resources = deploy.as_map_mut()?.get_mut("resources")?.as_map_mut()?;
        resources.get_mut("reservations")?.as_map_mut()
    });
    if let Some(reservations) = reserved {
        count_devices(list_mut(reservations, "devices"));
    }
    count_devices(list_mut(service, "gpus"));
    list_mut(service, "extra_hosts").sort_by_key(super::short::key_of_pair);
    imply_dependencies(service);
    join_networks(service)
}

fn list_mut<'m>(map: &'m mut Map, key: &str) -> &'m mut [Node] {
    match map.get_mut(key).map(|node| &mut node.value) {
        Some(Value::List(items)) => items,
        _ => &mut [],
    }
}

fn count_devices(devices: &mut [Node]) {
    for device in devices {
        let place = device.place;
        if let Some(map) = device.as_map_mut()
            && map.get("device_ids").is_none()
        {
            map.set_default("count", || Node::new(Value::Int(-1), place));
        }
    }
}

fn join_networks(service: &mut Map) -> bool {
    if service.get("network_mode").is_some() {
        return false;
    }
    let named = service
        .get("networks")
        .and_then(Node::as_map)
        .filter(|map| !map.0.is_empty());
    if let Some(networks) = named {
        return networks.get("default").is_some();
    }
    let mut networks = Map::default();
    networks.set("default", Node::null(Place::default()));
    service.set(
        "networks",
        Node::new(Value::Map(networks), Place::default()),
    );
    true
}

fn complete_build(service: &mut Map, directory: &str, variables: &Variables) {
    let Some(build) = service.get_mut("build").and_then(Node::as_map_mut) else {
        return;
    };
    build.set_default("context", || Node::text(directory, Place::default()));
    if build.get("dockerfile_inline").is_none() {
        build.set_default("dockerfile", || Node::text("Dockerfile", Place::default()));
    }
    if let Some(arguments) = build.get_mut("args").and_then(Node::as_map_mut) {
        for entry in &mut arguments.0 {
            if entry.value.is_null()
                && let Some(value) = variables.get(&entry.key)
            {
                entry.value.value = Value::Text(value.clone());
            }
        }
        arguments.0.retain(|entry| !entry.value.is_null());
    }
}

/// Puts the variables of `env_file` under those of `environment`.
fn load_variables(service: &mut Map, variables: &Variables, loader: &mut Loader) {
    let own = service
        .get("environment")
        .and_then(Node::as_map)
        .cloned()
        .unwrap_or_default();
    let Some(files) = service.remove("env_file") else {
        return;
    };
    let mut read = Map::default();
    for file in files.items() {
        let Some(path) = file.get("path").and_then(Node::as_text) else {
            continue;
        };
        let is_required = file.get("required").and_then(Node::as_bool) != Some(false);
        let text = match loader.text_of_file(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_required => continue,
            Err(error) => {
                loader.fault(
                    Some(file.place),
                    format!("the env file `{path}` can't be read: {error}"),
                    "named here",
                    Some("create it, or allow for its absence with `required: false`"),
                );
                continue;
            }
        };
        let known = |name: &str| {
            let of_service = || own.get(name).and_then(Node::as_text).map(str::to_owned);
            let of_files = || read.get(name).and_then(Node::as_text).map(str::to_owned);
            variables
                .get(name)
                .cloned()
                .or_else(of_service)
                .or_else(of_files)
        };
        let parsed = match file.get("format").and_then(Node::as_text) {
            None => dotenv::parse(&text, &known),
            Some("raw") => dotenv::parse_raw(&text, &known),
            Some(other) => {
                let message = format!("`{other}` is no format of an env file");
                loader.fault(
                    Some(file.place),
                    message,
                    "`raw` or nothing was expected",
                    None,
                );
                continue;
            }
        };
        match parsed {
            Ok(parsed) => {
                for (key, value) in parsed.values() {
                    read.set(&key, Node::text(value, file.place));
                }
            }
            Err(error) => {
                let message = format!("{path}:{}: {}", error.line, error.fault);
                loader.fault(Some(file.place), message, "named here", None);
            }
        }
    }
    for entry in own.0 {
        read.set(&entry.key, entry.value);
    }
    if !read.0.is_empty() {
        service.set("environment", Node::new(Value::Map(read), files.place));
    }
}

/// Puts the labels of `label_file` under those of `labels`.
fn load_labels(service: &mut Map, loader: &mut Loader) {
    let Some(files) = service.remove("label_file") else {
        return;
    };
    let mut read = Map::default();
    for file in files.items() {
        let Some(path) = file.as_text() else { continue };
        let parsed = match loader.text_of_file(path) {
            Ok(text) => dotenv::parse(&text, &|_| None)
                .map_err(|error| format!("{path}:{}: {}", error.line, error.fault)),
            Err(error) => Err(format!("the label file `{path}` can't be read: {error}")),
        };
        match parsed {
            Ok(parsed) => {
                for (key, value) in parsed.values() {
                    read.set(&key, Node::text(value, file.place));
                }
            }
            Err(message) => loader.fault(Some(file.place), message, "named here", None),
        }
    }
    for entry in service
        .remove("labels")
        .and_then(|node| node.as_map().cloned())
        .unwrap_or_default()
        .0
    {
        read.set(&entry.key, entry.value);
    }
    service.set("labels", Node::new(Value::Map(read), files.place));
}

/// What links, shared namespaces and `volumes_from` imply for `depends_on`.
fn imply_dependencies(service: &mut Map) {
    let mut implied: Vec<(String, bool, Place)> = Vec::new();
    for link in list_mut(service, "links") {
        let text = link.as_text().unwrap_or_default();
        implied.push((
            text.split(':').next().unwrap_or_default().to_owned(),
            true,
            link.place,
        ));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let Some(node) = service.get(key) else {
            continue;
        };
        if let Some(name) = node
            .as_text()
            .and_then(|mode| mode.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), true, node.place));
        }
    }
    for source in list_mut(service, "volumes_from") {
        let text = source.as_text().unwrap_or_default();
        if !text.starts_with("container:") {
            implied.push((
                text.split(':').next().unwrap_or_default().to_owned(),
                false,
                source.place,
            ));
        }
    }
    if implied.is_empty() {
        return;
    }
    service.set_default("depends_on", || {
        Node::new(Value::Map(Map::default()), Place::default())
    });
    let Some(dependencies) = service.get_mut("depends_on").and_then(Node::as_map_mut) else {
        return;
    };
    for (name, restart, place) in implied {
        dependencies.set_default(&name, || {
            let condition = Value::Text("service_started".to_owned());
            let mut dependency = Node::record(
                place,
                [("condition", condition), ("required", Value::Bool(true))],
            );
            if restart && let Some(map) = dependency.as_map_mut() {
                map.set("restart", Node::new(Value::Bool(true), place));
            }
            dependency
        });
    }
}

/// Takes the services that no active profile enables out of the tree.
pub(super) fn split_disabled(root: &mut Node, profiles: &[String]) -> Map {
    let is_active = |name: &str| {
        profiles
            .iter()
            .any(|profile| profile == name || profile == "*")
    };
    let services = root
        .as_map_mut()
        .and_then(|map| map.get_mut("services"))
        .and_then(Node::as_map_mut);
    let Some(services) = services else {
        return Map::default();
    };
    let (enabled, disabled) = std::mem::take(&mut services.0)
        .into_iter()
        .partition(|entry| {
            let named = entry
                .value
                .get("profiles")
                .map(Node::items)
                .unwrap_or_default();
            named.is_empty()
                || named
                    .iter()
                    .any(|profile| is_active(profile.as_text().unwrap_or_default()))
        });
    services.0 = enabled;
    Map(disabled)
}

/// Drops networks, volumes, secrets and configs that no service uses.
pub(super) fn drop_unused(root: &mut Node) {
    let mut used: BTreeSet<(&str, String)> = BTreeSet::new();
    for service in root.get("services").map(Node::entries).unwrap_or_default() {
        let service = &service.value;
        for network in service
            .get("networks")
            .map(Node::entries)
            .unwrap_or_default()
        {
            used.insert(("networks", network.key.clone()));
        }
        for mount in service.get("volumes").map(Node::items).unwrap_or_default() {
            if mount.get("type").and_then(Node::as_text) == Some("volume") {
                let source = mount
                    .get("source")
                    .and_then(Node::as_text)
                    .unwrap_or_default();
                used.insert(("volumes", source.to_owned()));
            }
        }
        let of_build = service
            .at(&["build", "secrets"])
            .map(Node::items)
            .unwrap_or_default();
        for section in ["secrets", "configs"] {
            let mounts = service.get(section).map(Node::items).unwrap_or_default();
            let of_build = if section == "secrets" { of_build } else { &[] };
            for mount in mounts.iter().chain(of_build) {
                let source = mount
                    .get("source")
                    .and_then(Node::as_text)
                    .unwrap_or_default();
                used.insert((section, source.to_owned()));
            }
        }
    }
    let Some(map) = root.as_map_mut() else { return };
    for section in ["networks", "volumes", "secrets", "configs"] {
        if let Some(objects) = map.get_mut(section).and_then(Node::as_map_mut) {
            objects
                .0
                .retain(|entry| used.contains(&(section, entry.key.clone())));
            if objects.0.is_empty() {
                map.remove(section);
            }
        }
    }
}
