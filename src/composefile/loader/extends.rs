//! `extends`: a service with what it builds upon beneath it.

use super::{Layer, Loader};
use crate::composefile::merge::merge;
use crate::composefile::node::{Map, Node, Value};
use crate::composefile::path::{join, parent};
use crate::composefile::schema;
use crate::composefile::source::Place;

impl Loader<'_> {
    /// Replaces each service that extends another by what it comes to.
    pub(super) fn extend_services(&mut self, root: &mut Node, file: &str, layer: &Layer) {
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
}
