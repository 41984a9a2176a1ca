//! Reading canonical nodes: after the check, a key either holds its kind or is not there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::composefile::node::Node;
use crate::composefile::{duration, scalar};

/// The text under `key`.
pub(super) fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(|node| scalar::text_of(&node.value))
}

/// Whether the boolean under `key` is true.
pub(super) fn flag(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

/// The whole number under `key`.
pub(super) fn int(node: &Node, key: &str) -> Option<i64> {
    node.get(key).and_then(Node::as_int)
}

/// The number under `key`, where it fits.
pub(super) fn number<T: TryFrom<i64>>(node: &Node, key: &str) -> Option<T> {
    int(node, key).and_then(|value| T::try_from(value).ok())
}

/// The size in bytes under `key`.
pub(super) fn size(node: &Node, key: &str) -> Option<u64> {
    text(node, key).and_then(|digits| digits.parse().ok())
}

/// The duration under `key`.
pub(super) fn time(node: &Node, key: &str) -> Option<Duration> {
    text(node, key).and_then(|text| duration::parse(&text).ok())
}

/// The strings of a list.
pub(super) fn strings(node: &Node) -> Vec<String> {
    node.items()
        .iter()
        .filter_map(|item| scalar::text_of(&item.value))
        .collect()
}

/// The strings of a mapping under `key`.
pub(super) fn text_map(node: &Node, key: &str) -> BTreeMap<String, String> {
    let entries = node.get(key).map(Node::entries).unwrap_or_default();
    let pair = |entry: &crate::composefile::node::Entry| {
        Some((entry.key.clone(), scalar::text_of(&entry.value.value)?))
    };
    entries.iter().filter_map(pair).collect()
}
