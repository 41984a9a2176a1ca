//! Files to one merged tree: read, interpolated, checked, extended, included, overridden.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use crate::dotenv::Template;

use super::check::{Checker, Finding};
use super::diagnostic::Severity;
use super::interpolate::Interpolator;
use super::merge::merge;
use super::node::{Map, Node, Value};
use super::path::{join, parent};
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

    fn extend_services(&mut self, root: &mut Node, file: &str, layer: &Layer) {
        let Some(services) = root.get("services").and_then(Node::as_map).cloned() else {
            return;
        };
        if !services
            .0
            .iter()
            .any(|entry| entry.value.get("extends").is_some())
        {
            return;
        }
        for entry in &services.0 {
            let mut trail = Vec::new();
            let extended = self.extended(&entry.key, &services, file, layer, &mut trail);
            if let (Some(extended), Some(map)) = (
                extended,
                root.as_map_mut().and_then(|map| map.get_mut("services")),
            ) && let Some(map) = map.as_map_mut()
            {
                map.set(&entry.key, extended);
            }
        }
    }

    /// A service with what it extends beneath it, and what that extends beneath that.
    fn extended(
        &mut self,
        name: &str,
        services: &Map,
        file: &str,
        layer: &Layer,
        trail: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let mut service = services.get(name)?.clone();
        let extends = service.as_map_mut().and_then(|map| map.remove("extends"));
        let Some(extends) = extends.filter(|node| !node.is_null()) else {
            return Some(service);
        };
        trail.push((file.to_owned(), name.to_owned()));
        let base_name = extends
            .get("service")
            .and_then(Node::as_text)
            .unwrap_or_default()
            .to_owned();
        let base_file = extends
            .get("file")
            .and_then(Node::as_text)
            .map(|path| join(&layer.base, path));
        let base = match base_file.filter(|path| path != file) {
            None => {
                let key = (file.to_owned(), base_name.clone());
                if self.is_cycle(&key, trail, extends.place) {
                    return Some(service);
                }
                self.extended(&base_name, services, file, layer, trail)
            }
            Some(path) => {
                let key = (path.clone(), base_name.clone());
                if self.is_cycle(&key, trail, extends.place) {
                    return Some(service);
                }
                let inner = Layer {
                    base: parent(&path),
                    ..layer.clone()
                };
                let services = self.services_of(&path, &inner);
                self.extended(&base_name, &services, &path, &inner, trail)
            }
        };
        if let Some(base) = base {
            return Some(merge(base, service, &schema::SERVICE));
        }
        let message = format!("`{name}` extends `{base_name}`, which is not defined");
        self.fault(Some(extends.place), message, "no such service", None);
        Some(service)
    }

    fn is_cycle(
        &mut self,
        key: &(String, String),
        trail: &[(String, String)],
        place: Place,
    ) -> bool {
        if !trail.contains(key) {
            return false;
        }
        let shown = trail
            .iter()
            .chain([key])
            .map(|(file, name)| format!("`{name}` in {file}"));
        let message = format!(
            "services extend each other in a circle: {}",
            shown.collect::<Vec<_>>().join(" extends ")
        );
        self.fault(Some(place), message, "the circle closes here", None);
        true
    }

    fn services_of(&mut self, file: &str, layer: &Layer) -> Map {
        let mut merged = Node::new(Value::Map(Map::default()), Place::default());
        for root in self.documents(file) {
            let root = self.checked(root, layer);
            merged = merge(merged, root, &schema::FILE);
        }
        merged
            .get("services")
            .and_then(Node::as_map)
            .cloned()
            .unwrap_or_default()
    }

    /// Brings in what `include` names, each in its own directory and environment.
    fn include(&mut self, root: &mut Node, file: &str, layer: &Layer) {
        let Some(list) = root.as_map_mut().and_then(|map| map.remove("include")) else {
            return;
        };
        for item in list.items() {
            let Some((files, inner)) = self.included_layer(item, file, layer) else {
                continue;
            };
            let imported = self.load(&files, &inner);
            self.import(root, imported, item.place);
        }
    }

    fn included_layer(
        &mut self,
        item: &Node,
        file: &str,
        layer: &Layer,
    ) -> Option<(Vec<String>, Layer)> {
        let texts = |node: Option<&Node>| -> Vec<String> {
            let Some(node) = node else { return Vec::new() };
            let one = std::slice::from_ref(node);
            let items = if matches!(node.value, Value::List(_)) {
                node.items()
            } else {
                one
            };
            items
                .iter()
                .filter_map(Node::as_text)
                .map(str::to_owned)
                .collect()
        };
        let paths = if item.as_map().is_some() {
            texts(item.get("path"))
        } else {
            texts(Some(item))
        };
        let files: Vec<String> = paths.iter().map(|path| join(&layer.base, path)).collect();
        let Some(first) = files.first() else {
            self.fault(
                Some(item.place),
                "`include` takes a path, or a mapping with `path`",
                "no path",
                None,
            );
            return None;
        };
        let trail: Vec<String> = layer
            .trail
            .iter()
            .cloned()
            .chain([file.to_owned()])
            .collect();
        if trail.contains(first) {
            let circle = trail
                .iter()
                .chain([first])
                .map(|file| format!("`{file}`"))
                .collect::<Vec<_>>();
            let message = format!(
                "files include each other in a circle: {}",
                circle.join(" includes ")
            );
            self.fault(Some(item.place), message, "the circle closes here", None);
            return None;
        }
        let directory = item.get("project_directory").and_then(Node::as_text);
        let base = directory.map_or_else(|| parent(first), |path| join(&layer.base, path));
        let given = texts(item.get("env_file"));
        let env_files: Vec<String> = if given.is_empty() {
            let usual = join(&base, ".env");
            self.reader
                .is_file(Path::new(&usual))
                .then_some(usual)
                .into_iter()
                .collect()
        } else {
            given
                .iter()
                .filter(|path| *path != "/dev/null")
                .map(|path| join(&layer.base, path))
                .collect()
        };
        let environment = self.included_environment(&env_files, item.place, &layer.environment);
        Some((
            files,
            Layer {
                base,
                environment,
                trail,
            },
        ))
    }

    fn included_environment(
        &mut self,
        files: &[String],
        place: Place,
        outer: &Variables,
    ) -> Variables {
        let mut environment = outer.clone();
        let mut read = Variables::new();
        for file in files {
            let text = match self.reader.read(Path::new(file)) {
                Ok(text) => text,
                Err(error) => {
                    self.fault(
                        Some(place),
                        format!("the env file `{file}` can't be read: {error}"),
                        "",
                        None,
                    );
                    continue;
                }
            };
            let known = |name: &str| outer.get(name).or_else(|| read.get(name)).cloned();
            match crate::dotenv::parse(&text, &known) {
                Ok(parsed) => read.extend(parsed.values()),
                Err(error) => {
                    let message = format!("{file}:{}: {}", error.line, error.fault);
                    self.fault(Some(place), message, "included with this file", None);
                }
            }
        }
        for (key, value) in read {
            environment.entry(key).or_insert(value);
        }
        environment
    }

    /// Puts included services, networks and the like beside the file's own; the same name twice must mean the same.
    fn import(&mut self, root: &mut Node, imported: Node, place: Place) {
        let Value::Map(imported) = imported.value else {
            return;
        };
        for section in imported.0 {
            if ![
                "services", "networks", "volumes", "secrets", "configs", "models",
            ]
            .contains(&section.key.as_str())
            {
                continue;
            }
            let Some(map) = root.as_map_mut() else { return };
            map.set_default(&section.key, || {
                Node::new(Value::Map(Map::default()), place)
            });
            let Value::Map(entries) = section.value.value else {
                continue;
            };
            for entry in entries.0 {
                let Some(own) = map.get_mut(&section.key).and_then(Node::as_map_mut) else {
                    continue;
                };
                match own.get(&entry.key) {
                    None => own.0.push(entry),
                    Some(known) if same(known, &entry.value) => {}
                    Some(known) => {
                        let message = format!(
                            "`{}.{}` is defined here and in an included file",
                            section.key, entry.key
                        );
                        let marks = vec![
                            (known.place, "defined here".to_owned()),
                            (entry.key_place, "and included".to_owned()),
                        ];
                        self.findings.push(Finding {
                            severity: Severity::Error,
                            message,
                            marks,
                            help: None,
                        });
                    }
                }
            }
        }
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

/// Whether two trees say the same, wherever they stand.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.value, &right.value) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.0.len() == right.0.len()
                && left.0.iter().all(|entry| {
                    right
                        .get(&entry.key)
                        .is_some_and(|other| same(&entry.value, other))
                })
        }
        (left, right) => left == right,
    }
}
