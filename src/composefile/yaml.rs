//! YAML text to trees: aliases expanded under a budget, merge keys applied, duplicate keys refused.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use super::node::{Entry, Map, Node, Tag, Value};
use super::scalar::resolve;
use super::source::Place;

/// Deeper nesting than this is refused.
const DEEPEST: usize = 100;
/// More nodes than this made by aliases are refused.
const MOST_ALIASED: usize = 200_000;

/// A fault in YAML, with the places that show it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct YamlError {
    pub message: String,
    pub marks: Vec<(Place, String)>,
    pub help: Option<String>,
}

impl YamlError {
    fn new(message: impl Into<String>, place: Place, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            marks: vec![(place, label.into())],
            help: None,
        }
    }
}

/// What a file's YAML gives: its documents, and faults that left the rest readable.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub roots: Vec<Node>,
    pub errors: Vec<YamlError>,
}

/// Reads all documents of `text`, the file of number `source`.
pub(super) fn read(text: &str, source: u32) -> Documents {
    let mut options = Options::default();
    options.emit_comments = false;
    let mut builder = Builder {
        events: Parser::new_from_str_with_options(text, options),
        text,
        source,
        anchors: HashMap::new(),
        budget: MOST_ALIASED,
        errors: Vec::new(),
    };
    let mut roots = Vec::new();
    if let Err(error) = builder.documents(&mut roots) {
        builder.errors.push(error);
    }
    Documents {
        roots,
        errors: builder.errors,
    }
}

struct Builder<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    text: &'a str,
    source: u32,
    anchors: HashMap<usize, Node>,
    budget: usize,
    errors: Vec<YamlError>,
}

impl<'a> Builder<'a> {
    fn documents(&mut self, roots: &mut Vec<Node>) -> Result<(), YamlError> {
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) => self.anchors.clear(),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                event => roots.push(self.node(event, span, 0)?),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, YamlError> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => {
                let at = error
                    .marker()
                    .byte_offset()
                    .unwrap_or(self.text.len())
                    .min(self.text.len());
                let place = Place::new(self.source, at, (at + 1).min(self.text.len()).max(1));
                Err(YamlError::new(
                    format!("this is not valid YAML: {error}"),
                    place,
                    "",
                ))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let place = self.place(span);
        if depth > DEEPEST {
            return Err(YamlError::new(
                format!("this file nests more than {DEEPEST} levels deep"),
                place,
                "too deep",
            ));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let suffix = tag.as_deref().map(granit_parser::Tag::suffix);
                let value = match (style, suffix) {
                    (_, Some("str")) => Value::Text(text.into_owned()),
                    (ScalarStyle::Plain, _) | (_, Some("int" | "bool" | "float" | "null")) => {
                        resolve(&text)
                    }
                    _ => Value::Text(text.into_owned()),
                };
                Ok(self.finish(value, place, anchor, compose_tag(suffix)))
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = compose_tag(tag.as_deref().map(granit_parser::Tag::suffix));
                let (items, end) = self.items(depth)?;
                Ok(self.finish(Value::List(items), Self::until(place, end), anchor, tag))
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = compose_tag(tag.as_deref().map(granit_parser::Tag::suffix));
                let (map, end) = self.entries(depth)?;
                Ok(self.finish(Value::Map(map), Self::until(place, end), anchor, tag))
            }
            Event::Alias(id) => self.alias(id, place),
            _ => Err(YamlError::new(
                "this is not valid YAML: a value was expected",
                place,
                "",
            )),
        }
    }

    fn finish(&mut self, value: Value, place: Place, anchor: usize, tag: Tag) -> Node {
        let node = Node { value, place, tag };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        node
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<Node, YamlError> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(YamlError::new(
                "this alias stands inside the very node that it names",
                place,
                "a node can't hold itself",
            ));
        };
        let size = node.size();
        if size > self.budget {
            let message =
                format!("the aliases of this file expand to more than {MOST_ALIASED} values");
            let mut error = YamlError::new(message, place, "the limit is passed here");
            error.help = Some(
                "aliases of aliases multiply: write the values out, or use fewer of them"
                    .to_owned(),
            );
            return Err(error);
        }
        self.budget -= size;
        Ok(Node {
            place,
            ..node.clone()
        })
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Node>, Place), YamlError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, self.place(span)));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        Ok((items, Place::default()))
    }

    fn entries(&mut self, depth: usize) -> Result<(Map, Place), YamlError> {
        let mut map = Map::default();
        let mut known: HashMap<String, Place> = HashMap::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                let end = self.place(span);
                return Ok((Self::apply_merges(map, merged)?, end));
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let written = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            let key = self.node(event, span, depth + 1)?;
            let key_place = key.place;
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value = self.node(event, span, depth + 1)?;
            let Some(key) = written.or_else(|| key.as_text().map(str::to_owned)) else {
                self.errors.push(YamlError::new(
                    "a key must be a string",
                    key_place,
                    "not a string",
                ));
                continue;
            };
            if is_merge {
                merged.push((key_place, value));
            } else if let Some(first) = known.insert(key.clone(), key_place) {
                self.errors.push(YamlError {
                    message: format!("the key `{key}` is given twice"),
                    marks: vec![
                        (key_place, "again here".to_owned()),
                        (first, "first given here".to_owned()),
                    ],
                    help: Some("keep one of the two".to_owned()),
                });
            } else {
                map.0.push(Entry {
                    key,
                    key_place,
                    value,
                });
            }
        }
        Ok((map, Place::default()))
    }

    /// Applies `<<`: what the mapping itself says wins, then the first of a list of mappings.
    fn apply_merges(mut map: Map, merged: Vec<(Place, Node)>) -> Result<Map, YamlError> {
        for (key_place, node) in merged {
            let sources = match node.value {
                Value::List(items) => items,
                value => vec![Node { value, ..node }],
            };
            for source in sources {
                let Value::Map(source_map) = source.value else {
                    return Err(YamlError::new(
                        "`<<` takes a mapping or a list of mappings",
                        key_place,
                        "not a mapping",
                    ));
                };
                for entry in source_map.0 {
                    if map.get(&entry.key).is_none() {
                        map.0.push(entry);
                    }
                }
            }
        }
        Ok(map)
    }

    fn place(&self, span: Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        Place::new(self.source, range.start, range.end.max(range.start))
    }

    fn until(start: Place, end: Place) -> Place {
        Place {
            end: end.end.max(start.end),
            ..start
        }
    }
}

fn compose_tag(suffix: Option<&str>) -> Tag {
    match suffix {
        Some("reset") => Tag::Reset,
        Some("override") => Tag::Override,
        _ => Tag::None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::{Node, Value, read};

    fn one(text: &str) -> Node {
        let documents = read(text, 0);
        assert!(documents.errors.is_empty(), "{:?}", documents.errors);
        documents
            .roots
            .into_iter()
            .next()
            .expect("there is a document")
    }

    #[test]
    fn a_merge_key_gives_what_the_mapping_itself_leaves_open() {
        let root = one("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 9\n");

        let value = |key| root.at(&["c", key]).and_then(Node::as_int);
        assert_eq!(
            (value("x"), value("y"), value("z")),
            (Some(9), Some(1), Some(2))
        );
    }

    #[test]
    fn a_duplicate_key_is_refused_with_both_places() {
        let documents = read("a: 1\nb: 2\na: 3\n", 0);

        let marks: Vec<u32> = documents.errors[0]
            .marks
            .iter()
            .map(|(place, _)| place.start)
            .collect();
        assert_eq!(marks, [10, 0]);
    }

    #[test]
    fn a_billion_laughs_end_in_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(text, "a{level}: &a{level} [{aliases}]").expect("written to memory");
        }

        let documents = read(&text, 0);

        assert!(documents.errors[0].message.contains("expand to more than"));
    }

    #[test]
    fn a_node_that_holds_itself_is_refused() {
        assert!(!read("a: &a\n  <<: *a\n", 0).errors.is_empty());
        assert!(!read("a: &a [*a]\n", 0).errors.is_empty());
    }

    #[test]
    fn endless_nesting_is_refused() {
        assert!(!read(&"[".repeat(100_000), 0).errors.is_empty());
        assert!(!read(&"a: {".repeat(10_000), 0).errors.is_empty());
    }

    #[test]
    fn several_documents_are_read_in_order() {
        let documents = read("a: 1\n---\nb: 2\n...\n", 0);

        assert_eq!(documents.roots.len(), 2);
        assert_eq!(
            documents.roots[1].get("b").map(|node| &node.value),
            Some(&Value::Int(2))
        );
    }

    #[test]
    fn places_are_bytes_of_the_file() {
        let root = one("é: 1\nkey: value\n");

        let place = root.get("key").expect("it is there").place;
        assert_eq!(place.range(), 11..16);
    }
}
