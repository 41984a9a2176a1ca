//! Compose's short forms, each rewritten into its long one; and which list items are the same one.

use super::check::{Checker, is_remote};
use super::node::{Map, Node, Value};
use super::scalar::text_of;
use super::{path, port, volume, words};

/// A scalar where a list may stand.
pub(super) fn one_or_list(node: Node, _: &mut Checker) -> Node {
    match node.value {
        Value::Text(_) => list(vec![node]),
        _ => node,
    }
}

fn list(items: Vec<Node>) -> Node {
    let place = items.first().map(|item| item.place).unwrap_or_default();
    Node::new(Value::List(items), place)
}

/// A command line as one string.
pub(super) fn command(node: Node, checker: &mut Checker) -> Node {
    let Some(line) = node.as_text() else {
        return node;
    };
    let Some(cut) = words::split(line) else {
        checker.error(
            &node,
            "this command line leaves a quote, an escape or a bracket open",
            "",
            Some("write the command as a list"),
        );
        return Node::null(node.place);
    };
    if let Some(at) = cut.dropped_from {
        let sign = &line[at..=at];
        checker.warn(
            &node,
            format!("Compose runs no shell here: the command ends before `{sign}`"),
            "the rest is dropped",
            Some("use `sh -c '…'` for a shell's work"),
        );
    }
    let items = cut
        .words
        .into_iter()
        .map(|word| Node::text(word, node.place))
        .collect();
    Node {
        value: Value::List(items),
        ..node
    }
}

/// A healthcheck's test as one string is a shell's.
pub(super) fn health_test(node: Node, _: &mut Checker) -> Node {
    match node.value {
        Value::Text(line) => list(vec![
            Node::text("CMD-SHELL", node.place),
            Node::text(line, node.place),
        ]),
        _ => node,
    }
}

/// `build: PATH`.
pub(super) fn build(node: Node, _: &mut Checker) -> Node {
    match node.value {
        Value::Text(_) => Node::record(node.place, [("context", node.value)]),
        _ => node,
    }
}

/// `extends: NAME`.
pub(super) fn extends(node: Node, _: &mut Checker) -> Node {
    match node.value {
        Value::Text(_) => Node::record(node.place, [("service", node.value)]),
        _ => node,
    }
}

/// A base image's recipe: a directory as one string.
pub(super) fn base(node: Node, _: &mut Checker) -> Node {
    match node.value {
        Value::Text(_) => Node::record(node.place, [("build", node.value)]),
        _ => node,
    }
}

/// A list of names where a mapping may stand.
pub(super) fn names(node: Node, _: &mut Checker) -> Node {
    named(node, Node::null)
}

/// `depends_on` as a list of names.
pub(super) fn depends_on(node: Node, checker: &mut Checker) -> Node {
    let started = |place| {
        let condition = Value::Text("service_started".to_owned());
        Node::record(
            place,
            [("condition", condition), ("required", Value::Bool(true))],
        )
    };
    let mut node = named(node, started);
    for entry in node
        .as_map_mut()
        .map(|map| map.0.as_mut_slice())
        .unwrap_or_default()
    {
        let place = entry.value.place;
        if let Some(dependency) = entry.value.as_map_mut() {
            if dependency.get("condition").is_none() {
                checker.error_at(
                    entry.key_place,
                    format!("the dependency on `{}` has no `condition`", entry.key),
                    "`condition` was expected below this",
                    Some("write `condition: service_started`, or list the names alone"),
                );
            }
            dependency.set_default("required", || Node::new(Value::Bool(true), place));
        }
    }
    node
}

fn named(node: Node, value: impl Fn(super::source::Place) -> Node) -> Node {
    let Value::List(items) = &node.value else {
        return node;
    };
    let mut map = Map::default();
    for item in items {
        // What is no string is left for the check to refuse.
        let Some(name) = item.as_text() else {
            return node;
        };
        map.set(name, value(item.place));
    }
    Node {
        value: Value::Map(map),
        ..node
    }
}

/// `env_file` as a path, or as a list of paths.
pub(super) fn env_files(node: Node, checker: &mut Checker) -> Node {
    items(one_or_list(node, checker), |item| {
        let place = item.place;
        let mut long = match item.value {
            Value::Text(_) => Node::record(place, [("path", item.value)]),
            _ => item,
        };
        if let Some(map) = long.as_map_mut() {
            map.set_default("required", || Node::new(Value::Bool(true), place));
        }
        vec![long]
    })
}

/// `configs` and `secrets` of a service as names.
pub(super) fn file_mounts(node: Node, _: &mut Checker) -> Node {
    items(node, |item| {
        vec![match item.value {
            Value::Text(_) => Node::record(item.place, [("source", item.value)]),
            _ => item,
        }]
    })
}

fn items(node: Node, expand: impl FnMut(Node) -> Vec<Node>) -> Node {
    match node.value {
        Value::List(items) => {
            let items = items.into_iter().flat_map(expand).collect();
            Node {
                value: Value::List(items),
                ..node
            }
        }
        _ => node,
    }
}

/// `devices` as `HOST[:CONTAINER[:PERMISSIONS]]`.
pub(super) fn devices(node: Node, _: &mut Checker) -> Node {
    items(node, |item| {
        let Some(text) = item.as_text() else {
            return vec![item];
        };
        let mut parts = text.splitn(3, ':');
        let source = parts.next().unwrap_or_default().to_owned();
        let target = parts.next().unwrap_or(&source).to_owned();
        let permissions = parts.next().unwrap_or("rwm").to_owned();
        let texts = [
            ("source", source),
            ("target", target),
            ("permissions", permissions),
        ];
        vec![Node::record(
            item.place,
            texts.map(|(key, text)| (key, Value::Text(text))),
        )]
    })
}

/// `extra_hosts` in any of its forms, as `HOST=ADDRESS`.
pub(super) fn extra_hosts(node: Node, checker: &mut Checker) -> Node {
    let mut hosts = Vec::new();
    match &node.value {
        Value::Map(map) => {
            for entry in &map.0 {
                let one = std::slice::from_ref(&entry.value);
                let addresses = if entry.value.items().is_empty() {
                    one
                } else {
                    entry.value.items()
                };
                for address in addresses {
                    let text = address.as_text().unwrap_or_default();
                    hosts.push(Node::text(
                        format!("{}={}", entry.key, bare_address(text)),
                        address.place,
                    ));
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let text = item.as_text().unwrap_or_default();
                let pair = text.split_once('=').or_else(|| text.split_once(':'));
                let Some((host, address)) =
                    pair.filter(|(host, address)| !host.is_empty() && !address.is_empty())
                else {
                    checker.error(
                        item,
                        format!("`{text}` is no host: `NAME=ADDRESS` was expected"),
                        "",
                        None,
                    );
                    continue;
                };
                hosts.push(Node::text(
                    format!("{}={}", host.trim(), bare_address(address.trim())),
                    item.place,
                ));
            }
        }
        _ => return node,
    }
    Node {
        value: Value::List(hosts),
        ..node
    }
}

fn bare_address(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text)
}

/// `gpus: all`.
pub(super) fn gpus(node: Node, _: &mut Checker) -> Node {
    match node.as_text() {
        Some("all") => list(vec![Node::record(node.place, [("count", Value::Int(-1))])]),
        _ => node,
    }
}

/// `count: all`.
pub(super) fn device_count(node: Node, _: &mut Checker) -> Node {
    match node.as_text() {
        Some("all") => Node::new(Value::Int(-1), node.place),
        _ => node,
    }
}

/// `build.ssh` as a word, a list or a mapping.
pub(super) fn ssh(node: Node, checker: &mut Checker) -> Node {
    let Value::Map(map) = &node.value else {
        return one_or_list(node, checker);
    };
    let entries = map.0.iter().map(|entry| {
        let text = match text_of(&entry.value.value) {
            Some(value) if !value.is_empty() => format!("{}={value}", entry.key),
            _ => entry.key.clone(),
        };
        Node::text(text, entry.value.place)
    });
    Node::new(Value::List(entries.collect()), node.place)
}

/// `external: {name: …}` of older files.
pub(super) fn external(mut node: Node, _: &mut Checker) -> Node {
    let Some(map) = node.as_map_mut() else {
        return node;
    };
    let Some(external) = map.get("external") else {
        return node;
    };
    let place = external.place;
    if let Some(name) = external.as_map().map(|inner| inner.get("name").cloned()) {
        if let Some(name) = name {
            map.set_default("name", || name);
        }
        map.set("external", Node::new(Value::Bool(true), place));
    }
    node
}

/// A volume at the top level: `external` as above, and a bound device's path made absolute.
pub(super) fn volume_object(node: Node, checker: &mut Checker) -> Node {
    let mut node = external(node, checker);
    let options = node
        .as_map_mut()
        .and_then(|map| map.get_mut("driver_opts"))
        .and_then(Node::as_map_mut);
    if let Some(options) = options
        && options.get("o").and_then(Node::as_text) == Some("bind")
        && let Some(device) = options.get_mut("device")
        && let Some(written) = device.as_text()
    {
        device.value = Value::Text(checker.absolute(written));
    }
    node
}

/// `additional_contexts`: paths made absolute, addresses kept.
pub(super) fn contexts(mut node: Node, checker: &mut Checker) -> Node {
    let absolute = |written: &str| {
        if is_remote(written) {
            written.to_owned()
        } else {
            checker.absolute(written)
        }
    };
    match &mut node.value {
        Value::Map(map) => {
            for entry in &mut map.0 {
                if let Value::Text(written) = &mut entry.value.value {
                    *written = absolute(written);
                }
            }
        }
        Value::List(items) => {
            for item in items {
                if let Value::Text(pair) = &mut item.value
                    && let Some((name, written)) = pair.split_once('=')
                {
                    *pair = format!("{name}={}", absolute(written));
                }
            }
        }
        _ => {}
    }
    node
}

/// `ports` in its short form, ranges spread out.
pub(super) fn ports(node: Node, checker: &mut Checker) -> Node {
    items(node, |item| {
        let written = match &item.value {
            Value::Map(_) => return vec![long_port(item)],
            value => text_of(value).unwrap_or_default(),
        };
        match port::parse(&written) {
            Ok(ports) => ports
                .into_iter()
                .map(|port| from_short_port(port, &item))
                .collect(),
            Err(why) => {
                let label = "`[[IP:]HOST:]CONTAINER[/PROTOCOL]` was expected";
                checker.error(&item, why, label, None);
                Vec::new()
            }
        }
    })
}

fn from_short_port(port: port::ShortPort, item: &Node) -> Node {
    let mut long = Node::record(
        item.place,
        [
            ("mode", Value::Text("ingress".to_owned())),
            ("target", Value::Int(i64::from(port.target))),
            ("protocol", Value::Text(port.protocol)),
        ],
    );
    let map = long.as_map_mut().expect("a record is a mapping");
    for (key, text) in [("host_ip", port.host_ip), ("published", port.published)] {
        if let Some(text) = text {
            map.set(key, Node::text(text, item.place));
        }
    }
    long
}

fn long_port(mut item: Node) -> Node {
    let place = item.place;
    if let Some(map) = item.as_map_mut() {
        map.set_default("mode", || Node::text("ingress", place));
        map.set_default("protocol", || Node::text("tcp", place));
    }
    item
}

/// `volumes` in its short form; long ones tidied, and their paths made absolute.
pub(super) fn volumes(node: Node, checker: &mut Checker) -> Node {
    items(node, |item| {
        let Some(text) = item.as_text() else {
            return vec![long_volume(item, checker)];
        };
        match volume::parse(text) {
            Ok(short) => {
                for option in &short.unknown {
                    checker.warn(
                        &item,
                        format!("the volume option `{option}` has no effect"),
                        "",
                        None,
                    );
                }
                vec![from_short_volume(short, &item, checker)]
            }
            Err(why) => {
                checker.error(&item, why, "", None);
                Vec::new()
            }
        }
    })
}

fn from_short_volume(short: volume::ShortVolume, item: &Node, checker: &Checker) -> Node {
    let place = item.place;
    let is_bind = short.is_bind();
    let mut options = Map::default();
    let text = |text: String| Node::text(text, place);
    if is_bind {
        options.set("create_host_path", Node::new(Value::Bool(true), place));
        short
            .propagation
            .into_iter()
            .for_each(|word| options.set("propagation", text(word)));
        short
            .selinux
            .into_iter()
            .for_each(|word| options.set("selinux", text(word)));
    } else if short.no_copy {
        options.set("nocopy", Node::new(Value::Bool(true), place));
    }
    let kind = if is_bind { "bind" } else { "volume" };
    let mut long = Node::record(
        place,
        [
            ("type", Value::Text(kind.to_owned())),
            ("target", Value::Text(path::clean(&short.target))),
        ],
    );
    let map = long.as_map_mut().expect("a record is a mapping");
    if let Some(source) = short.source {
        let source = if is_bind {
            checker.absolute(&source)
        } else {
            source
        };
        map.set("source", text(source));
    }
    // As Compose has it: a target of two characters is a volume without options, not even empty ones.
    if item.as_text().is_some_and(|written| written.len() > 2) {
        map.set(kind, Node::new(Value::Map(options), place));
    }
    if short.read_only {
        map.set("read_only", Node::new(Value::Bool(true), place));
    }
    long
}

fn long_volume(mut item: Node, checker: &Checker) -> Node {
    let place = item.place;
    let is_bind = item.get("type").and_then(Node::as_text) == Some("bind");
    let Some(map) = item.as_map_mut() else {
        return item;
    };
    if let Some(target) = map.get("target").and_then(Node::as_text).map(path::clean) {
        map.set("target", Node::text(target, place));
    }
    if is_bind {
        if let Some(source) = map
            .get("source")
            .and_then(Node::as_text)
            .map(|source| checker.absolute(source))
        {
            map.set("source", Node::text(source, place));
        }
        if let Some(bind) = map.get_mut("bind").and_then(Node::as_map_mut) {
            bind.set_default("create_host_path", || Node::new(Value::Bool(true), place));
        }
    }
    item
}

/// The item itself, as text.
pub(super) fn whole(node: &Node) -> String {
    text_of(&node.value).unwrap_or_default()
}

/// What stands before `=`.
pub(super) fn key_of_pair(node: &Node) -> String {
    let text = whole(node);
    text.split_once('=')
        .map_or(text.clone(), |(key, _)| key.to_owned())
}

/// The mount's target.
pub(super) fn target(node: &Node) -> String {
    node.get("target").map(whole).unwrap_or_default()
}

/// The file's path.
pub(super) fn path(node: &Node) -> String {
    node.get("path").map(whole).unwrap_or_default()
}

/// The network's subnet.
pub(super) fn subnet(node: &Node) -> String {
    node.get("subnet").map(whole).unwrap_or_default()
}

/// Where a config appears.
pub(super) fn config_target(node: &Node) -> String {
    file_target(node, "")
}

/// Where a secret appears.
pub(super) fn secret_target(node: &Node) -> String {
    file_target(node, "/run/secrets")
}

fn file_target(node: &Node, directory: &str) -> String {
    let source = || {
        format!(
            "{directory}/{}",
            node.get("source").map(whole).unwrap_or_default()
        )
    };
    node.get("target").map_or_else(source, whole)
}

/// Address, published and target port, protocol.
pub(super) fn port_key(node: &Node) -> String {
    let part = |key| node.get(key).map(whole).unwrap_or_default();
    let host = node
        .get("host_ip")
        .map_or_else(|| "0.0.0.0".to_owned(), whole);
    format!(
        "{host}:{}:{}/{}",
        part("published"),
        part("target"),
        part("protocol")
    )
}
