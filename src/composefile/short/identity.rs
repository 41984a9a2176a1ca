//! By what two items of a list are the same one: Compose's keys of merging.

use crate::composefile::node::Node;
use crate::composefile::scalar::text_of;

/// The item itself, as text.
pub(in crate::composefile) fn whole(node: &Node) -> String {
    text_of(&node.value).unwrap_or_default()
}

/// What stands before `=`.
pub(in crate::composefile) fn key_of_pair(node: &Node) -> String {
    let text = whole(node);
    text.split_once('=')
        .map_or(text.clone(), |(key, _)| key.to_owned())
}

/// The mount's target.
pub(in crate::composefile) fn target(node: &Node) -> String {
    node.get("target").map(whole).unwrap_or_default()
}

/// The file's path.
pub(in crate::composefile) fn path(node: &Node) -> String {
    node.get("path").map(whole).unwrap_or_default()
}

/// The network's subnet.
pub(in crate::composefile) fn subnet(node: &Node) -> String {
    node.get("subnet").map(whole).unwrap_or_default()
}

/// Where a config appears.
pub(in crate::composefile) fn config_target(node: &Node) -> String {
    file_target(node, "")
}

/// Where a secret appears.
pub(in crate::composefile) fn secret_target(node: &Node) -> String {
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
pub(in crate::composefile) fn port_key(node: &Node) -> String {
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
