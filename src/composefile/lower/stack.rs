//! The stack itself: its networks, volumes, bases and what its services share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::domain::{
    BaseImage, Build, Calling, Condition, Dependency, FileObject, FileSource, ImageRef, Network,
    Ownership, ProjectName, Role, Secret, Service, ServiceName, Stack, Subnet, Volume,
};

use super::super::loader::{Loader, Variables};
use super::super::node::{Entry, Map, Node};
use super::read::{flag, strings, text, text_map};

/// What the lowering of every part needs to know of the whole.
pub(in crate::composefile) struct Lowering<'a, 'r> {
    /// The project's name.
    pub project: &'a ProjectName,
    /// The tree.
    pub root: &'a Node,
    /// The environment, for configs and secrets that come from it.
    pub variables: &'a Variables,
    /// Where faults are recorded.
    pub loader: &'a mut Loader<'r>,
}

impl Lowering<'_, '_> {
    /// The stack that the tree means.
    pub(in crate::composefile) fn stack(
        mut self,
        disabled: &Map,
        working_dir: &str,
        config_files: &[String],
    ) -> Stack {
        let enabled = self.services(
            self.root
                .get("services")
                .map(Node::entries)
                .unwrap_or_default(),
        );
        let disabled = self.services(&disabled.0);
        let words = self.root.get("x-jobsprint");
        let mut stack = Stack {
            project: self.project.clone(),
            working_dir: working_dir.into(),
            config_files: config_files.iter().map(PathBuf::from).collect(),
            services: enabled,
            disabled,
            networks: entries(self.root, "networks", network),
            volumes: entries(self.root, "volumes", volume),
            bases: words.map(bases).unwrap_or_default(),
            seeds: words
                .and_then(|words| text(words, "seeds"))
                .map(PathBuf::from),
        };
        depend_on_data(&mut stack, self.root);
        stack
    }

    fn services(&mut self, entries: &[Entry]) -> BTreeMap<ServiceName, Service> {
        let mut services = BTreeMap::new();
        for entry in entries {
            match ServiceName::new(entry.key.as_str()) {
                Ok(name) => {
                    services.insert(name.clone(), self.service(name, &entry.value));
                }
                Err(invalid) => self.loader.fault(
                    Some(entry.key_place),
                    invalid.to_string(),
                    "not a service's name",
                    None,
                ),
            }
        }
        services
    }

    /// A config or secret of the file's top level.
    pub(super) fn file_object(&self, section: &str, key: &str) -> Option<FileObject> {
        let node = self.root.at(&[section, key])?;
        let source = if flag(node, "external") {
            FileSource::External(text(node, "name").unwrap_or_else(|| key.to_owned()))
        } else if let Some(file) = text(node, "file") {
            FileSource::File(file.into())
        } else if let Some(content) = text(node, "content") {
            FileSource::Content(Secret::new(content))
        } else {
            let variable = text(node, "environment")?;
            FileSource::Content(Secret::new(
                self.variables.get(&variable).cloned().unwrap_or_default(),
            ))
        };
        Some(FileObject { source })
    }
}

fn entries<T>(root: &Node, section: &str, lower: impl Fn(&Entry) -> T) -> BTreeMap<String, T> {
    let entries = root.get(section).map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), lower(entry)))
        .collect()
}

fn ownership(node: &Node) -> Ownership {
    if flag(node, "external") {
        Ownership::External
    } else {
        Ownership::Project
    }
}

fn network(entry: &Entry) -> Network {
    let node = &entry.value;
    let ipam = node.get("ipam");
    let pools = ipam
        .and_then(|ipam| ipam.get("config"))
        .map(Node::items)
        .unwrap_or_default();
    Network {
        name: text(node, "name").unwrap_or_default(),
        ownership: ownership(node),
        calling: Calling::ByService,
        driver: text(node, "driver"),
        driver_opts: text_map(node, "driver_opts"),
        labels: text_map(node, "labels"),
        internal: flag(node, "internal"),
        attachable: flag(node, "attachable"),
        enable_ipv6: flag(node, "enable_ipv6"),
        ipam_driver: ipam.and_then(|ipam| text(ipam, "driver")),
        subnets: pools.iter().map(subnet).collect(),
    }
}

fn subnet(node: &Node) -> Subnet {
    Subnet {
        subnet: text(node, "subnet"),
        ip_range: text(node, "ip_range"),
        gateway: text(node, "gateway"),
        aux_addresses: text_map(node, "aux_addresses"),
    }
}

fn volume(entry: &Entry) -> Volume {
    let node = &entry.value;
    Volume {
        name: text(node, "name").unwrap_or_default(),
        ownership: ownership(node),
        driver: text(node, "driver"),
        driver_opts: text_map(node, "driver_opts"),
        labels: text_map(node, "labels"),
    }
}

fn bases(words: &Node) -> BTreeMap<ImageRef, BaseImage> {
    let entries = words
        .get("bases")
        .map(Node::entries)
        .unwrap_or_default()
        .iter();
    let base = |entry: &Entry| match text(&entry.value, "bootstrap") {
        Some(suite) => BaseImage::Bootstrap { suite },
        None => BaseImage::Build(Box::new(Build {
            context: text(&entry.value, "build").unwrap_or_default().into(),
            ..Build::default()
        })),
    };
    entries
        .map(|entry| (ImageRef::new(entry.key.as_str()), base(entry)))
        .collect()
}

/// An app without `depends_on` waits for every data service to be ready; an empty `depends_on` waits for none.
fn depend_on_data(stack: &mut Stack, root: &Node) {
    let ready = Dependency {
        condition: Condition::Healthy,
        ..Dependency::default()
    };
    let data: Vec<ServiceName> = stack
        .services
        .values()
        .filter(|service| service.role == Role::Data)
        .map(|service| service.name.clone())
        .collect();
    for service in stack.services.values_mut() {
        if service.role == Role::App
            && root
                .at(&["services", service.name.as_str(), "depends_on"])
                .is_none()
        {
            service.depends_on = data.iter().map(|name| (name.clone(), ready)).collect();
        }
    }
}

/// The strings of a list under `key`.
pub(super) fn list(node: &Node, key: &str) -> Vec<String> {
    node.get(key).map(strings).unwrap_or_default()
}
