//! `ports`, short and long.

use super::items;
use crate::composefile::check::Checker;
use crate::composefile::node::{Node, Value};
use crate::composefile::port;
use crate::composefile::scalar::text_of;

/// `ports` in its short form, ranges spread out.
pub(in crate::composefile) fn ports(node: Node, checker: &mut Checker) -> Node {
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
