//! A raw tree against the schema: kinds, unknown keys, and everything into its canonical form.

use super::diagnostic::Severity;
use super::node::{Entry, Map, Node, Tag, Value};
use super::scalar::{boolean, float_text, text_of};
use super::shape::{Blank, Field, Shape};
use super::source::Place;
use super::suggest::closest;
use super::{duration, path};
use crate::domain::{parse_size, whole_bytes};

/// A fault or warning with places, before the file's text is put to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub severity: Severity,
    pub message: String,
    pub marks: Vec<(Place, String)>,
    pub help: Option<String>,
}

/// Checks one file's tree, for paths relative to one directory.
pub(super) struct Checker<'a> {
    /// The directory that relative paths start from.
    pub base: &'a str,
    /// The home directory, for `~`.
    pub home: Option<&'a str>,
    /// What was found.
    pub findings: &'a mut Vec<Finding>,
}

impl Checker<'_> {
    /// The canonical form of `node`; what is wrong in it becomes null and a finding.
    pub(super) fn check(&mut self, node: Node, shape: &Shape) -> Node {
        if node.is_null() || node.tag == Tag::Reset {
            return node;
        }
        let (place, tag) = (node.place, node.tag);
        let checked = match shape {
            Shape::Any => node,
            Shape::Text | Shape::Scalar => self.text(node, shape),
            Shape::Bool => self.convert(&node, "a boolean", |value| match value {
                Value::Bool(value) => Some(Value::Bool(*value)),
                Value::Text(text) => boolean(text).map(Value::Bool),
                _ => None,
            }),
            Shape::Int => self.convert(&node, "a whole number", whole_number),
            Shape::Float => self.convert(&node, "a number", number),
            Shape::Mode => self.convert(&node, "a file mode", mode),
            Shape::Duration => self.grammar(&node, "a duration such as `1m30s`", |text| {
                duration::parse(text).map(duration::format)
            }),
            Shape::Size => self.size(&node),
            Shape::Word(words) => self.word(node, words),
            Shape::Path => self.path(&node),
            Shape::Context => self.context(node),
            Shape::List(item, _) => self.list(node, item),
            Shape::Map(value) => self.map(node, value),
            Shape::Pairs(blank) => self.pairs(node, *blank),
            Shape::Record(fields) => self.record(node, fields),
            Shape::Short(expand, long) => {
                let expanded = expand(node, self);
                self.check(expanded, long)
            }
            Shape::Either(scalar, mapping) => match node.value {
                Value::Map(_) => self.check(node, mapping),
                _ => self.check(node, scalar),
            },
        };
        Node {
            place,
            tag,
            ..checked
        }
    }

    /// An absolute path of one that may be relative or start at home.
    pub(super) fn absolute(&self, written: &str) -> String {
        let expanded = path::expand_home(written, self.home);
        let is_drive = expanded.as_bytes().get(1) == Some(&b':');
        if is_drive || expanded.starts_with("\\\\") || expanded.starts_with('/') {
            return expanded;
        }
        path::join(self.base, &expanded)
    }

    fn text(&mut self, node: Node, shape: &Shape) -> Node {
        match (&node.value, shape) {
            (Value::Text(_), _) => node,
            (Value::Bool(_) | Value::Int(_) | Value::Float(_), Shape::Scalar) => {
                let text = text_of(&node.value).unwrap_or_default();
                Node::text(text, node.place)
            }
            (Value::Bool(_) | Value::Int(_) | Value::Float(_), _) => {
                self.expected(&node, "a string", Some("put it in quotes"))
            }
            _ => self.expected(&node, "a string", None),
        }
    }

    fn convert(
        &mut self,
        node: &Node,
        what: &str,
        convert: impl Fn(&Value) -> Option<Value>,
    ) -> Node {
        match convert(&node.value) {
            Some(value) => Node::new(value, node.place),
            None => self.expected(node, what, None),
        }
    }

    fn grammar(
        &mut self,
        node: &Node,
        what: &str,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Node {
        let Some(text) = node.as_text() else {
            let help = matches!(node.value, Value::Int(_)).then_some("give it a unit, as in `10s`");
            return self.expected(node, what, help);
        };
        match read(text) {
            Ok(normal) => Node::text(normal, node.place),
            Err(why) => {
                self.error(node, why, format!("{what} was expected"), None);
                Node::null(node.place)
            }
        }
    }

    fn size(&mut self, node: &Node) -> Node {
        match &node.value {
            Value::Int(bytes) => Node::text(bytes.to_string(), node.place),
            Value::Float(bytes) => match whole_bytes(*bytes) {
                Some(bytes) => Node::text(bytes.to_string(), node.place),
                None => self.expected(node, "a size", None),
            },
            // How `config` writes "no limit"; Compose does not read its own output here.
            Value::Text(text) if text == "-1" => node.clone(),
            _ => self.grammar(node, "a size such as `64m`", |text| {
                parse_size(text).map(|bytes| bytes.to_string())
            }),
        }
    }

    fn word(&mut self, node: Node, words: &[&str]) -> Node {
        let Some(text) = node.as_text() else {
            return self.expected(&node, &one_of(words), None);
        };
        if words.contains(&text) {
            return node;
        }
        let help =
            closest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        self.error(
            &node,
            format!("`{text}` is not known here"),
            format!("{} was expected", one_of(words)),
            help.as_deref(),
        );
        Node::null(node.place)
    }

    fn path(&mut self, node: &Node) -> Node {
        match node.as_text() {
            Some(written) => Node::text(self.absolute(written), node.place),
            None => self.expected(node, "a path", None),
        }
    }

    fn context(&mut self, node: Node) -> Node {
        match node.as_text() {
            Some(written) if is_remote(written) => node,
            Some(written) => Node::text(self.absolute(written), node.place),
            None => self.expected(&node, "a path", None),
        }
    }

    fn list(&mut self, node: Node, shape: &Shape) -> Node {
        let Value::List(items) = node.value else {
            return self.expected(&node, "a list", None);
        };
        let kept = items.into_iter().filter(|item| item.tag != Tag::Reset);
        let checked: Vec<Node> = kept.map(|item| self.check(item, shape)).collect();
        Node::new(Value::List(checked), node.place)
    }

    fn map(&mut self, node: Node, shape: &Shape) -> Node {
        let Value::Map(map) = node.value else {
            return self.expected(&node, "a mapping", None);
        };
        let entries = map.0.into_iter();
        let check = |entry: Entry| Entry {
            value: self.check(entry.value, shape),
            ..entry
        };
        Node::new(Value::Map(Map(entries.map(check).collect())), node.place)
    }

    fn pairs(&mut self, node: Node, blank: Blank) -> Node {
        let empty = |place| match blank {
            Blank::Null => Node::null(place),
            Blank::Empty => Node::text("", place),
        };
        let mut pairs = Map::default();
        match node.value {
            Value::Map(map) => {
                for entry in map.0 {
                    let place = entry.value.place;
                    let tag = entry.value.tag;
                    let value = match text_of(&entry.value.value) {
                        Some(text) => Node::text(text, place),
                        None if entry.value.is_null() => empty(place),
                        None => self.expected(&entry.value, "a string", None),
                    };
                    pairs.0.push(Entry {
                        value: Node { tag, ..value },
                        ..entry
                    });
                }
            }
            Value::List(items) => {
                for item in items {
                    let Some(text) = item.as_text() else {
                        self.expected(&item, "`KEY=VALUE`", None);
                        continue;
                    };
                    let (key, value) = match text.split_once('=') {
                        Some((key, value)) => (key.to_owned(), Node::text(value, item.place)),
                        None => (text.to_owned(), empty(item.place)),
                    };
                    pairs.set(
                        &key,
                        Node {
                            tag: item.tag,
                            ..value
                        },
                    );
                }
            }
            _ => return self.expected(&node, "a mapping or a list of `KEY=VALUE`", None),
        }
        Node::new(Value::Map(pairs), node.place)
    }

    fn record(&mut self, node: Node, fields: &'static [Field]) -> Node {
        let Value::Map(map) = node.value else {
            return self.expected(&node, "a mapping", None);
        };
        let mut checked = Map::default();
        for entry in map.0 {
            match fields.iter().find(|field| field.name == entry.key) {
                Some(field) => {
                    let value = self.check(entry.value, field.shape);
                    checked.0.push(Entry { value, ..entry });
                }
                None if entry.key.starts_with("x-") => checked.0.push(entry),
                None => self.unknown_key(&entry, fields),
            }
        }
        Node::new(Value::Map(checked), node.place)
    }

    fn unknown_key(&mut self, entry: &Entry, fields: &[Field]) {
        let suggestion = closest(&entry.key, fields.iter().map(|field| field.name));
        let help = suggestion.map(|name| format!("did you mean `{name}`?"));
        let message = format!("the key `{}` is not known here", entry.key);
        self.error_at(entry.key_place, message, "unknown key", help.as_deref());
    }

    fn expected(&mut self, node: &Node, what: &str, help: Option<&str>) -> Node {
        self.error(
            node,
            format!("{what} was expected, not {}", node.kind()),
            format!("not {what}"),
            help,
        );
        Node::null(node.place)
    }

    /// Records a fault at a node.
    pub(super) fn error(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<&str>,
    ) {
        self.error_at(node.place, message, label, help);
    }

    /// Records a fault at a place.
    pub(super) fn error_at(
        &mut self,
        place: Place,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<&str>,
    ) {
        self.find(Severity::Error, place, message.into(), label.into(), help);
    }

    /// Records a warning at a node.
    pub(super) fn warn(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<&str>,
    ) {
        self.find(
            Severity::Warning,
            node.place,
            message.into(),
            label.into(),
            help,
        );
    }

    fn find(
        &mut self,
        severity: Severity,
        place: Place,
        message: String,
        label: String,
        help: Option<&str>,
    ) {
        let marks = if place.is_nowhere() {
            Vec::new()
        } else {
            vec![(place, label)]
        };
        self.findings.push(Finding {
            severity,
            message,
            marks,
            help: help.map(str::to_owned),
        });
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", quoted.join(", "))
}

fn whole_number(value: &Value) -> Option<Value> {
    match value {
        Value::Int(number) => Some(Value::Int(*number)),
        Value::Float(number) if number.fract() == 0.0 => {
            float_text(*number).parse().ok().map(Value::Int)
        }
        Value::Text(text) => text.parse().ok().map(Value::Int),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Float(number) => Some(Value::Float(*number)),
        Value::Int(number) => number.to_string().parse().ok().map(Value::Float),
        Value::Text(text) => text.parse().ok().map(Value::Float),
        _ => None,
    }
}

/// A mode as octal digits: a number is taken by its value, a string by its digits.
fn mode(value: &Value) -> Option<Value> {
    let bits = match value {
        Value::Int(number) => u32::try_from(*number).ok()?,
        Value::Text(text) => u32::from_str_radix(text.trim_start_matches("0o"), 8).ok()?,
        _ => return None,
    };
    Some(Value::Text(format!("0{bits:o}")))
}

/// Whether a build context is an address rather than a directory.
pub(super) fn is_remote(context: &str) -> bool {
    let has_scheme = [
        "http://",
        "https://",
        "git://",
        "ssh://",
        "git@",
        "github.com/",
        "docker-image://",
        "oci-layout://",
        "service:",
        "target:",
    ];
    has_scheme.iter().any(|prefix| context.starts_with(prefix))
}
