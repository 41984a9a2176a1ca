//! What holds across the tree: every name that is mentioned exists, and nothing contradicts itself.

use super::loader::Loader;
use super::node::{Entry, Map, Node};
use super::scalar::text_of;
use super::suggest::closest;

/// What the specification lets stand in two places.
const LIMITS: [(&str, &[&str]); 5] = [
    ("scale", &["deploy", "replicas"]),
    ("cpus", &["deploy", "resources", "limits", "cpus"]),
    ("mem_limit", &["deploy", "resources", "limits", "memory"]),
    ("pids_limit", &["deploy", "resources", "limits", "pids"]),
    (
        "mem_reservation",
        &["deploy", "resources", "reservations", "memory"],
    ),
];

/// Checks the completed tree, its disabled services apart.
pub(super) fn check(root: &Node, disabled: &Map, loader: &mut Loader) {
    let was_faulty = loader.has_faults();
    for service in root.get("services").map(Node::entries).unwrap_or_default() {
        // Where a key was refused, it may well have been the image's.
        if !was_faulty {
            check_origin(service, loader);
        }
        check_service(root, service, disabled, loader);
    }
    check_circles(root, loader);
    for section in ["secrets", "configs"] {
        for object in root.get(section).map(Node::entries).unwrap_or_default() {
            let sources = ["file", "environment", "content", "external"];
            if !sources.iter().any(|key| object.value.get(key).is_some()) {
                let message = format!("`{section}.{}` says nowhere what it holds", object.key);
                loader.fault(
                    Some(object.key_place),
                    message,
                    "`file`, `environment` or `content` was expected",
                    None,
                );
            }
        }
    }
}

fn check_origin(entry: &Entry, loader: &mut Loader) {
    let origins = ["image", "build", "provider"];
    if origins.iter().all(|key| entry.value.get(key).is_none()) {
        let name = &entry.key;
        let message = format!("the service `{name}` has neither an `image` nor a `build`");
        loader.fault(
            Some(entry.key_place),
            message,
            "one of the two was expected",
            None,
        );
    }
}

fn check_service(root: &Node, entry: &Entry, disabled: &Map, loader: &mut Loader) {
    let (name, service) = (&entry.key, &entry.value);
    if let (Some(mode), Some(_)) = (service.get("network_mode"), service.get("networks")) {
        let message = format!("the service `{name}` gives both `network_mode` and `networks`");
        loader.fault(Some(mode.place), message, "leave out one of the two", None);
    }
    let replicas = service
        .get("scale")
        .or_else(|| service.at(&["deploy", "replicas"]))
        .and_then(Node::as_int);
    if let Some(container_name) = service
        .get("container_name")
        .filter(|_| replicas.unwrap_or(1) > 1)
    {
        let message = format!(
            "the service `{name}` has several containers, which can't share one `container_name`"
        );
        loader.fault(Some(container_name.place), message, "leave it out", None);
    }
    check_limits(name, service, loader);
    check_test(service, loader);
    check_references(root, entry, loader);
    check_dependencies(root, entry, disabled, loader);
    for rule in service
        .at(&["develop", "watch"])
        .map(Node::items)
        .unwrap_or_default()
    {
        check_watch(rule, loader);
    }
}

/// A limit that is given in both of its places must be the same in both.
fn check_limits(name: &str, service: &Node, loader: &mut Loader) {
    for (short, long) in LIMITS {
        let (Some(one), Some(other)) = (service.get(short), service.at(long)) else {
            continue;
        };
        let text = |node: &Node| text_of(&node.value).unwrap_or_default();
        let (is, was) = (text(one), text(other));
        let is_same = match (is.parse::<f64>(), was.parse::<f64>()) {
            (Ok(is), Ok(was)) => is.total_cmp(&was).is_eq(),
            _ => is == was,
        };
        if !is_same {
            let long = long.join(".");
            loader.fault(
                Some(one.place),
                format!("the service `{name}` gives `{short}` and `{long}` different values"),
                &format!("leave one out, or give both `{was}`"),
                None,
            );
        }
    }
}

fn check_test(service: &Node, loader: &mut Loader) {
    let Some(test) = service.at(&["healthcheck", "test"]) else {
        return;
    };
    let first = test
        .items()
        .first()
        .and_then(Node::as_text)
        .unwrap_or_default();
    if !["CMD", "CMD-SHELL", "NONE"].contains(&first) {
        let help = "write the test as one string, or start the list with `CMD`";
        loader.fault(
            Some(test.place),
            "a healthcheck's test starts with `CMD`, `CMD-SHELL` or `NONE`",
            "",
            Some(help),
        );
    }
}

fn check_watch(rule: &Node, loader: &mut Loader) {
    let action = rule
        .get("action")
        .and_then(Node::as_text)
        .unwrap_or_default();
    for key in ["path", "action"] {
        if rule.get(key).is_none() {
            loader.fault(
                Some(rule.place),
                format!("this watch rule has no `{key}`"),
                "",
                None,
            );
        }
    }
    if action.starts_with("sync") && rule.get("target").is_none() {
        loader.fault(
            Some(rule.place),
            format!("a watch rule that does `{action}` needs a `target`"),
            "",
            None,
        );
    }
}

/// Networks, volumes, secrets and configs that a service names.
fn check_references(root: &Node, entry: &Entry, loader: &mut Loader) {
    let service = &entry.value;
    for network in service
        .get("networks")
        .map(Node::entries)
        .unwrap_or_default()
    {
        refer(
            root,
            "networks",
            "network",
            &network.key,
            &network.value,
            entry,
            loader,
        );
    }
    for mount in service.get("volumes").map(Node::items).unwrap_or_default() {
        let is_volume = mount.get("type").and_then(Node::as_text) == Some("volume");
        if let Some(source) = mount
            .get("source")
            .and_then(Node::as_text)
            .filter(|_| is_volume)
        {
            refer(root, "volumes", "volume", source, mount, entry, loader);
        }
        if mount.get("target").is_none() {
            loader.fault(
                Some(mount.place),
                "this mount has no `target`",
                "`target` was expected",
                None,
            );
        }
    }
    let of_build = service
        .at(&["build", "secrets"])
        .map(Node::items)
        .unwrap_or_default();
    for secret in service
        .get("secrets")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .chain(of_build)
    {
        let source = secret
            .get("source")
            .and_then(Node::as_text)
            .unwrap_or_default();
        refer(root, "secrets", "secret", source, secret, entry, loader);
    }
    for config in service.get("configs").map(Node::items).unwrap_or_default() {
        let source = config
            .get("source")
            .and_then(Node::as_text)
            .unwrap_or_default();
        refer(root, "configs", "config", source, config, entry, loader);
    }
}

fn refer(
    root: &Node,
    section: &str,
    kind: &str,
    key: &str,
    at: &Node,
    service: &Entry,
    loader: &mut Loader,
) {
    if root.at(&[section, key]).is_some() {
        return;
    }
    let known = root.get(section).map(Node::entries).unwrap_or_default();
    let suggestion = closest(key, known.iter().map(|entry| entry.key.as_str()));
    let help = match suggestion {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it under `{section}:` at the top level"),
    };
    let place = if at.place.is_nowhere() {
        service.key_place
    } else {
        at.place
    };
    let message = format!(
        "the service `{}` uses the {kind} `{key}`, which is not defined",
        service.key
    );
    loader.fault(Some(place), message, "not defined", Some(&help));
}

fn check_dependencies(root: &Node, entry: &Entry, disabled: &Map, loader: &mut Loader) {
    for dependency in entry
        .value
        .get("depends_on")
        .map(Node::entries)
        .unwrap_or_default()
    {
        let is_required = dependency.value.get("required").and_then(Node::as_bool) != Some(false);
        let is_disabled = disabled.get(&dependency.key).is_some();
        if root.at(&["services", &dependency.key]).is_some() || (is_disabled && !is_required) {
            continue;
        }
        let place = [
            dependency.value.place,
            dependency.key_place,
            entry.key_place,
        ];
        let place = place.into_iter().find(|place| !place.is_nowhere());
        if let Some(service) = disabled.get(&dependency.key) {
            let profiles = service.get("profiles").map(Node::items).unwrap_or_default();
            let profile = profiles
                .first()
                .and_then(|profile| text_of(&profile.value))
                .unwrap_or_default();
            let message = format!(
                "the service `{}` depends on `{}`, which no active profile enables",
                entry.key, dependency.key
            );
            let help =
                format!("add `--profile {profile}`, or make the dependency `required: false`");
            loader.fault(place, message, "not enabled", Some(&help));
            continue;
        }
        let known = root.get("services").map(Node::entries).unwrap_or_default();
        let help = closest(
            &dependency.key,
            known.iter().map(|entry| entry.key.as_str()),
        )
        .map(|near| format!("did you mean `{near}`?"));
        let message = format!(
            "the service `{}` depends on `{}`, which is not defined",
            entry.key, dependency.key
        );
        loader.fault(place, message, "no such service", help.as_deref());
    }
}

/// Follows `depends_on` from every service; a way that comes back is a circle.
fn check_circles(root: &Node, loader: &mut Loader) {
    let Some(services) = root.get("services").and_then(Node::as_map) else {
        return;
    };
    let mut done: Vec<&str> = Vec::new();
    for entry in &services.0 {
        let mut way = Vec::new();
        if let Some(circle) = follow(services, &entry.key, &mut way, &mut done) {
            let message = format!(
                "services depend on each other in a circle: {}",
                circle.join(" -> ")
            );
            loader.fault(
                Some(entry.key_place),
                message,
                "a service of the circle",
                None,
            );
            return;
        }
    }
}

fn follow<'s>(
    services: &'s Map,
    name: &'s str,
    way: &mut Vec<&'s str>,
    done: &mut Vec<&'s str>,
) -> Option<Vec<String>> {
    if let Some(start) = way.iter().position(|known| *known == name) {
        let circle = way[start..].iter().copied().chain([name]);
        return Some(circle.map(|name| format!("`{name}`")).collect());
    }
    if done.contains(&name) {
        return None;
    }
    way.push(name);
    let dependencies = services
        .get(name)
        .and_then(|service| service.get("depends_on"))
        .map(Node::entries);
    for dependency in dependencies.unwrap_or_default() {
        let found = follow(services, &dependency.key, way, done);
        if found.is_some() {
            return found;
        }
    }
    way.pop();
    done.push(name);
    None
}
