//! What the specification knows and this tool does not apply: each use is named in a warning.

use super::loader::Loader;
use super::node::Node;
use super::shape::Shape;

/// Warns of each key below `node` that has no effect.
pub(super) fn warn_of_unapplied(node: &Node, shape: &Shape, loader: &mut Loader) {
    match shape {
        Shape::Short(_, long) => warn_of_unapplied(node, long, loader),
        Shape::Either(_, mapping) if node.as_map().is_some() => {
            warn_of_unapplied(node, mapping, loader);
        }
        Shape::List(item, _) => node
            .items()
            .iter()
            .for_each(|node| warn_of_unapplied(node, item, loader)),
        Shape::Map(value) => node
            .entries()
            .iter()
            .for_each(|entry| warn_of_unapplied(&entry.value, value, loader)),
        Shape::Record(fields) => {
            for entry in node.entries() {
                let Some(field) = fields.iter().find(|field| field.name == entry.key) else {
                    continue;
                };
                match field.unapplied {
                    Some(why) => loader.warning(
                        entry.key_place,
                        format!("`{}` has no effect: {why}", entry.key),
                    ),
                    None => warn_of_unapplied(&entry.value, field.shape, loader),
                }
            }
        }
        _ => {}
    }
}
