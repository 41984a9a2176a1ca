//! The resolved file as data: what `config` prints and what a hash is taken of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map as Object, Number, Value as Json};

use super::node::{Map, Node, Value};

/// The resolved, merged and completed Compose file.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    root: Json,
    profiles: BTreeSet<String>,
}

/// Order of the sections at the top; what is not listed follows by name.
const SECTIONS: [&str; 6] = [
    "name", "services", "networks", "volumes", "secrets", "configs",
];

impl Model {
    pub(super) fn new(root: &Node, disabled: &Map) -> Self {
        let enabled = root.get("services").map(Node::entries).unwrap_or_default();
        let named = enabled
            .iter()
            .chain(&disabled.0)
            .filter_map(|entry| entry.value.get("profiles"));
        let profiles = named
            .flat_map(Node::items)
            .filter_map(Node::as_text)
            .map(str::to_owned)
            .collect();
        let Json::Object(mut unordered) = json(&root.value) else {
            return Self {
                root: Json::Null,
                profiles,
            };
        };
        for service in unordered
            .get_mut("services")
            .and_then(Json::as_object_mut)
            .into_iter()
            .flat_map(Object::values_mut)
        {
            if service.get("depends_on") == Some(&Json::Object(Object::new())) {
                service
                    .as_object_mut()
                    .map(|service| service.shift_remove("depends_on"));
            }
        }
        let mut ordered = Object::new();
        for section in SECTIONS {
            if let Some(value) = unordered.shift_remove(section) {
                ordered.insert(section.to_owned(), value);
            }
        }
        ordered.extend(unordered);
        Self {
            root: Json::Object(ordered),
            profiles,
        }
    }

    /// The whole as JSON, with single `$` (a file doubles them).
    #[must_use]
    pub fn as_json(&self) -> &Json {
        &self.root
    }

    /// Every profile that a service names, disabled services included.
    #[must_use]
    pub fn profiles(&self) -> &BTreeSet<String> {
        &self.profiles
    }

    /// The section's keys and values.
    pub(super) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Json)> {
        let entries = self
            .root
            .get(name)
            .and_then(Json::as_object)
            .into_iter()
            .flatten();
        entries.map(|(key, value)| (key.as_str(), value))
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::Number((*value).into()),
        Value::Float(value) => float(*value),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(|item| json(&item.value)).collect()),
        Value::Map(map) => {
            let sorted: BTreeMap<&str, &Node> = map
                .0
                .iter()
                .map(|entry| (entry.key.as_str(), &entry.value))
                .collect();
            Json::Object(
                sorted
                    .into_iter()
                    .map(|(key, node)| (key.to_owned(), json(&node.value)))
                    .collect(),
            )
        }
    }
}

/// A number without a fraction is written without one.
fn float(value: f64) -> Json {
    let text = super::scalar::float_text(value);
    let whole = text.parse::<i64>().ok().map(Number::from);
    whole
        .or_else(|| Number::from_f64(value))
        .map_or(Json::String(text), Json::Number)
}
