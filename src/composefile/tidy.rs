//! The merged tree made ready to be read: items made unique, resets and empty values dropped.

use super::merge::unique;
use super::node::{Node, Tag, Value};
use super::shape::{Shape, Zero};

/// Tidies a canonical tree; `None` where nothing is left of it.
pub(super) fn tidy(node: Node, shape: &Shape) -> Option<Node> {
    if node.tag == Tag::Reset {
        return None;
    }
    let place = node.place;
    let value = match (node.value, shape) {
        (value, Shape::Short(_, long)) => return tidy(Node::new(value, place), long),
        (value @ Value::Map(_), Shape::Either(_, mapping)) => {
            return tidy(Node::new(value, place), mapping);
        }
        (Value::List(items), Shape::List(item, same)) => {
            let tidied = items
                .into_iter()
                .filter_map(|node| tidy(node, item))
                .collect();
            Value::List(unique(tidied, *same))
        }
        (Value::Map(mut map), _) => {
            map.0.retain(|entry| entry.value.tag != Tag::Reset);
            let entries = std::mem::take(&mut map.0);
            for mut entry in entries {
                let kept = match shape {
                    Shape::Map(value) => {
                        Some(tidy(entry.value, value).unwrap_or_else(|| Node::null(place)))
                    }
                    Shape::Record(fields) => {
                        match fields.iter().find(|field| field.name == entry.key) {
                            Some(field) => tidy(entry.value, field.shape).filter(|node| {
                                !node.is_null()
                                    && (field.zero == Zero::Kept || !is_zero(node, field.shape))
                            }),
                            None => Some(entry.value),
                        }
                    }
                    _ => Some(entry.value),
                };
                if let Some(value) = kept {
                    entry.value = value;
                    map.0.push(entry);
                }
            }
            Value::Map(map)
        }
        (value, _) => value,
    };
    Some(Node::new(value, place))
}

fn is_zero(node: &Node, shape: &Shape) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Int(value) => *value == 0,
        Value::Float(value) => *value == 0.0,
        Value::Text(text) => match shape {
            Shape::Size => text == "0",
            Shape::Duration => text == "0s",
            _ => text.is_empty(),
        },
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.0.is_empty(),
    }
}
