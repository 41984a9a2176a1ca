//! How one tree overrides another, key by key, by the schema's rules.

use super::node::{Map, Node, Tag, Value};
use super::shape::{Field, Merge, Same, Shape, field};

static ANYTHING: Field = field("", &Shape::Any);

/// `over` on top of `base`; both canonical for `shape`.
pub(super) fn merge(base: Node, over: Node, shape: &Shape) -> Node {
    match shape {
        Shape::Short(_, long) => merge(base, over, long),
        Shape::Either(_, mapping) if is_map(&base) && is_map(&over) => merge(base, over, mapping),
        _ => merge_values(base, over, shape),
    }
}

fn merge_values(base: Node, over: Node, shape: &Shape) -> Node {
    if over.tag != Tag::None || base.is_null() {
        return over;
    }
    if over.is_null() {
        return base;
    }
    let (place, tag) = (over.place, base.tag);
    match (base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => {
            let map = merge_maps(base, over, |key| entry_rule(shape, key));
            Node {
                value: Value::Map(map),
                place,
                tag,
            }
        }
        (Value::List(mut items), Value::List(more)) => {
            items.extend(more);
            let same = if let Shape::List(_, same) = shape {
                *same
            } else {
                Same::Never
            };
            Node {
                value: Value::List(unique(items, same)),
                place,
                tag,
            }
        }
        (_, value) => Node { value, place, tag },
    }
}

/// The rule for a key of a mapping of this shape.
fn entry_rule<'s>(shape: &'s Shape, key: &str) -> (&'s Shape, Merge) {
    match shape {
        Shape::Record(fields) => {
            let known = fields
                .iter()
                .find(|field| field.name == key)
                .unwrap_or(&ANYTHING);
            (known.shape, known.merge)
        }
        Shape::Map(value) => (value, Merge::Deep),
        Shape::Pairs(_) => (&Shape::Any, Merge::Replace),
        _ => (&Shape::Any, Merge::Deep),
    }
}

fn merge_maps<'s>(mut base: Map, over: Map, rule: impl Fn(&str) -> (&'s Shape, Merge)) -> Map {
    for entry in over.0 {
        let (shape, how) = rule(&entry.key);
        match base.get_mut(&entry.key) {
            None => base.0.push(entry),
            Some(slot) => {
                let earlier = std::mem::replace(slot, Node::null(entry.value.place));
                *slot = match how {
                    Merge::Replace => entry.value,
                    Merge::Logging if drivers_differ(&earlier, &entry.value) => entry.value,
                    Merge::Deep | Merge::Logging => merge(earlier, entry.value, shape),
                };
            }
        }
    }
    base
}

fn drivers_differ(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| {
        node.get("driver")
            .and_then(Node::as_text)
            .map(str::to_owned)
    };
    matches!((driver(base), driver(over)), (Some(base), Some(over)) if base != over)
}

fn is_map(node: &Node) -> bool {
    matches!(node.value, Value::Map(_))
}

/// Keeps one of the items that are the same: the later one, in the earlier one's place.
pub(super) fn unique(items: Vec<Node>, same: Same) -> Vec<Node> {
    let Same::By(key_of) = same else { return items };
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<Node> = Vec::with_capacity(items.len());
    for item in items {
        match places.entry(key_of(&item)) {
            std::collections::hash_map::Entry::Occupied(at) => {
                let at: usize = *at.get();
                kept[at] = item;
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(kept.len());
                kept.push(item);
            }
        }
    }
    kept
}
