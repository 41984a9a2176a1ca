//! `volumes` of a service, short and long.

use super::items;
use crate::composefile::check::Checker;
use crate::composefile::node::{Map, Node, Value};
use crate::composefile::{path, volume};

/// `volumes` in its short form; long ones tidied, and their paths made absolute.
pub(in crate::composefile) fn volumes(node: Node, checker: &mut Checker) -> Node {
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
