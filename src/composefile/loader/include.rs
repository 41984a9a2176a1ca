//! `include`: other files' services beside the file's own, each in its own directory and environment.

use std::path::Path;

use super::{Layer, Loader, Variables};
use crate::composefile::check::Finding;
use crate::composefile::diagnostic::Severity;
use crate::composefile::node::{Map, Node, Value};
use crate::composefile::path::{join, parent};
use crate::composefile::source::Place;

impl Loader<'_> {
    /// Brings in what `include` names, each in its own directory and environment.
    pub(super) fn include(&mut self, root: &mut Node, file: &str, layer: &Layer) {
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
