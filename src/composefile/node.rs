//! The tree that a YAML file becomes: typed scalars, every node with its place.

use super::source::Place;

/// What stands at a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Map),
}

/// Compose's own tags, which say how a node meets the one it overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tag {
    #[default]
    None,
    /// `!reset`: what the earlier files said is dropped, and so is this.
    Reset,
    /// `!override`: what the earlier files said is replaced whole.
    Override,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
    pub tag: Tag,
}

/// A mapping, its entries in the file's order, each key once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Map(pub Vec<Entry>);

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

impl Node {
    pub(super) fn new(value: Value, place: Place) -> Self {
        Self {
            value,
            place,
            tag: Tag::None,
        }
    }

    pub(super) fn text(text: impl Into<String>, place: Place) -> Self {
        Self::new(Value::Text(text.into()), place)
    }

    pub(super) fn null(place: Place) -> Self {
        Self::new(Value::Null, place)
    }

    /// A mapping of these entries, all at `place`.
    pub(super) fn record<const N: usize>(place: Place, entries: [(&str, Value); N]) -> Self {
        let mut map = Map::default();
        for (key, value) in entries {
            map.set(key, Self::new(value, place));
        }
        Self::new(Value::Map(map), place)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(super) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value of `key`, where this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// The node under these keys, one below the other.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        self.as_map().map_or(&[], |map| &map.0)
    }

    /// What kind of value this is, with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Nodes in this tree, itself included.
    pub(super) fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(map) => map.0.iter().map(|entry| entry.value.size()).sum(),
            _ => 0,
        }
    }
}

impl Map {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0
            .iter_mut()
            .find(|entry| entry.key == key)
            .map(|entry| &mut entry.value)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Sets `key`, in the place of an earlier value if there is one.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        match self.get_mut(key) {
            Some(earlier) => *earlier = value,
            None => self.0.push(Entry {
                key: key.to_owned(),
                key_place: value.place,
                value,
            }),
        }
    }

    /// Sets `key` where it is not set.
    pub(super) fn set_default(&mut self, key: &str, value: impl FnOnce() -> Node) {
        if self.get(key).is_none() {
            self.set(key, value());
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(at).value)
    }
}
