//! Compose's short forms, each rewritten into its long one.

mod identity;
mod ports;
mod volumes;

pub(super) use identity::{
    config_target, key_of_pair, path, port_key, secret_target, subnet, target, whole,
};
pub(super) use ports::ports;
pub(super) use volumes::volumes;

use super::check::{Checker, is_remote};
use super::node::{Map, Node, Value};
use super::scalar::text_of;
use super::words;

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
