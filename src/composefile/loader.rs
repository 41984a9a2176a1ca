//! Files to one merged tree: read, interpolated, checked, extended, included, overridden.

mod extends;
mod include;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use crate::dotenv::Template;

use super::check::{Checker, Finding};
use super::diagnostic::Severity;
use super::interpolate::Interpolator;
use super::merge::merge;
use super::node::{Map, Node, Value};
use super::source::Place;
use super::{Diagnostic, FileReader, Mark, Source, schema, yaml};

/// Names of variables and their values.
pub(super) type Variables = BTreeMap<String, String>;

/// Reads files into trees and remembers what was found wrong.
pub(super) struct Loader<'a> {
    reader: &'a dyn FileReader,
    home: Option<String>,
    sources: Vec<Arc<Source>>,
    documents: HashMap<String, Vec<Node>>,
    warned: BTreeSet<String>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// A set of files with the directory and the environment they are read in.
#[derive(Clone)]
pub(super) struct Layer {
    /// The directory that relative paths start from.
    pub base: String,
    /// The environment for interpolation.
    pub environment: Variables,
    /// The files that include this layer, outermost first.
    pub trail: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(reader: &'a dyn FileReader, home: Option<String>) -> Self {
        Self {
            reader,
            home,
            sources: Vec::new(),
            documents: HashMap::new(),
            warned: BTreeSet::new(),
            findings: Vec::new(),
        }
    }

    /// The project's name as the files give it, the last one that does.
    pub(super) fn name(&mut self, files: &[String], environment: &Variables) -> Option<String> {
        let mut name = None;
        for file in files {
            for root in self.documents(file) {
                let given = root
                    .get("name")
                    .and_then(Node::as_text)
                    .map(|text| expanded(text, environment));
                name = given.filter(|text| !text.is_empty()).or(name);
            }
        }
        name
    }

    /// Reads and merges these files, each on top of those before it.
    pub(super) fn load(&mut self, files: &[String], layer: &Layer) -> Node {
        let mut merged = Node::new(Value::Map(Map::default()), Place::default());
        for file in files {
            for root in self.documents(file) {
                let mut root = self.checked(root, layer);
                self.extend_services(&mut root, file, layer);
                self.include(&mut root, file, layer);
                merged = merge(merged, root, &schema::FILE);
            }
        }
        merged
    }

    /// The raw documents of a file, read once.
    fn documents(&mut self, file: &str) -> Vec<Node> {
        if let Some(known) = self.documents.get(file) {
            return known.clone();
        }
        let roots = self.read(file);
        self.documents.insert(file.to_owned(), roots.clone());
        roots
    }

    fn read(&mut self, file: &str) -> Vec<Node> {
        let text = match self.reader.read(Path::new(file)) {
            Ok(text) => text,
            Err(error) => {
                self.fault(None, format!("`{file}` can't be read: {error}"), "", None);
                return Vec::new();
            }
        };
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let documents = yaml::read(&text, number);
        self.sources.push(Arc::new(Source {
            path: file.into(),
            text,
        }));
        for error in documents.errors {
            self.findings.push(Finding {
                severity: Severity::Error,
                message: error.message,
                marks: error.marks,
                help: error.help,
            });
        }
        let mut roots = Vec::new();
        for root in documents.roots {
            match root.value {
                Value::Map(_) => roots.push(root),
                Value::Null => {}
                _ => self.fault(
                    Some(root.place),
                    "the top level of a Compose file is a mapping",
                    "not a mapping",
                    None,
                ),
            }
        }
        roots
    }

    fn checked(&mut self, mut root: Node, layer: &Layer) -> Node {
        self.interpolate(&mut root, &layer.environment);
        if let Some(version) = root.as_map_mut().and_then(|map| map.remove("version")) {
            self.findings.push(Finding {
                severity: Severity::Warning,
                message: "`version` is obsolete and has no effect".to_owned(),
                marks: vec![(version.place, "remove it".to_owned())],
                help: None,
            });
        }
        let mut checker = Checker {
            base: &layer.base,
            home: self.home.as_deref(),
            findings: &mut self.findings,
        };
        checker.check(root, &schema::FILE)
    }

    fn interpolate(&mut self, node: &mut Node, environment: &Variables) {
        let text = self.sources.get(node.place.source as usize).cloned();
        let lookup = |name: &str| environment.get(name).cloned();
        let mut interpolator = Interpolator {
            text: text.as_ref().map_or("", |source| source.text.as_str()),
            lookup: &lookup,
            warned: &mut self.warned,
            findings: &mut self.findings,
        };
        interpolator.interpolate(node);
    }

    /// Records a fault at a place, or at none.
    pub(super) fn fault(
        &mut self,
        place: Option<Place>,
        message: impl Into<String>,
        label: &str,
        help: Option<&str>,
    ) {
        let marks = place
            .filter(|place| !place.is_nowhere())
            .map(|place| (place, label.to_owned()));
        self.findings.push(Finding {
            severity: Severity::Error,
            message: message.into(),
            marks: marks.into_iter().collect(),
            help: help.map(str::to_owned),
        });
    }

    /// Records a warning at a place.
    pub(super) fn warning(&mut self, place: Place, message: String) {
        let marks = (!place.is_nowhere()).then(|| (place, String::new()));
        self.findings.push(Finding {
            severity: Severity::Warning,
            message,
            marks: marks.into_iter().collect(),
            help: None,
        });
    }

    /// Whether anything is wrong so far.
    pub(super) fn has_faults(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// The text of a file that the project names, or the reason it can't be had.
    pub(super) fn text_of_file(&self, path: &str) -> std::io::Result<String> {
        self.reader.read(Path::new(path))
    }

    /// The findings with their files' texts, each once, errors apart from warnings.
    pub(super) fn diagnostics(self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let sources = self.sources;
        let mut seen: Vec<Finding> = Vec::new();
        for finding in self.findings {
            if !seen.contains(&finding) {
                seen.push(finding);
            }
        }
        // A person goes through a file from its top, whichever step found what.
        seen.sort_by_key(|finding| {
            finding
                .marks
                .first()
                .map(|(place, _)| (place.source, place.start))
        });
        let with_text = |finding: Finding| Diagnostic {
            severity: finding.severity,
            message: finding.message,
            marks: finding
                .marks
                .into_iter()
                .filter_map(|(place, label)| {
                    let source = sources.get(place.source as usize)?.clone();
                    Some(Mark {
                        source,
                        span: place.range(),
                        label,
                    })
                })
                .collect(),
            help: finding.help,
        };
        seen.into_iter()
            .map(with_text)
            .partition(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The text with variables put in; what is wrong with it is found when the file is read for good.
fn expanded(text: &str, environment: &Variables) -> String {
    let lookup = |name: &str| environment.get(name).cloned();
    let expansion = Template::parse(text).and_then(|template| template.expand(&lookup));
    expansion.map_or_else(|_| text.to_owned(), |expansion| expansion.text)
}

/// Gives variables without a value the environment's, where it has one.
pub(super) fn resolve_environment(root: &mut Node, environment: &Variables) {
    let services = root
        .as_map_mut()
        .and_then(|map| map.get_mut("services"))
        .and_then(Node::as_map_mut);
    for service in services.map(|map| map.0.as_mut_slice()).unwrap_or_default() {
        let variables = service
            .value
            .as_map_mut()
            .and_then(|map| map.get_mut("environment"))
            .and_then(Node::as_map_mut);
        for variable in variables
            .map(|map| map.0.as_mut_slice())
            .unwrap_or_default()
        {
            if variable.value.is_null()
                && let Some(value) = environment.get(&variable.key)
            {
                variable.value.value = Value::Text(value.clone());
            }
        }
    }
}
