//! A service's `image`, `build` and `pull_policy` to the domain's [`ImageSource`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::{Build, ImageRef, ImageSource, PullPolicy, Secret, ServiceName};

use super::read::{flag, size, text, text_map};
use super::{Lowering, list};
use crate::composefile::check::is_remote;
use crate::composefile::node::Node;
use crate::domain::FileSource;

impl Lowering<'_, '_> {
    pub(super) fn image(&mut self, name: &ServiceName, node: &Node) -> ImageSource {
        let named = text(node, "image");
        let built = || format!("{}-{name}", self.project);
        ImageSource {
            reference: ImageRef::new(named.clone().unwrap_or_else(built)),
            named: named.is_some(),
            build: node.get("build").map(|build| self.build(build)),
            pull: self.pull_policy(node),
        }
    }

    fn pull_policy(&mut self, node: &Node) -> PullPolicy {
        let Some(policy) = node.get("pull_policy") else {
            return PullPolicy::Missing;
        };
        match policy.as_text().unwrap_or_default() {
            "always" => PullPolicy::Always,
            "never" => PullPolicy::Never,
            "build" => PullPolicy::Build,
            "missing" | "if_not_present" => PullPolicy::Missing,
            other => {
                let message = format!(
                    "`pull_policy: {other}` is taken as `missing`: images are not refreshed by age"
                );
                self.loader.warning(policy.place, message);
                PullPolicy::Missing
            }
        }
    }

    fn build(&mut self, node: &Node) -> Build {
        let context = text(node, "context").unwrap_or_default();
        if is_remote(&context) {
            let place = node
                .get("context")
                .map_or(node.place, |context| context.place);
            self.loader.warning(
                place,
                format!("the build context `{context}` is remote and can't be built here"),
            );
        }
        let dockerfile = text(node, "dockerfile").filter(|file| file != "Dockerfile");
        Build {
            dockerfile: dockerfile.map(|file| Path::new(&context).join(file)),
            dockerfile_inline: text(node, "dockerfile_inline"),
            args: text_map(node, "args")
                .into_iter()
                .map(|(key, value)| (key, Secret::new(value)))
                .collect(),
            target: text(node, "target"),
            cache_from: list(node, "cache_from"),
            network: text(node, "network"),
            platforms: list(node, "platforms"),
            labels: text_map(node, "labels"),
            extra_hosts: super::container::hosts(node),
            additional_contexts: text_map(node, "additional_contexts"),
            secrets: self.build_secrets(node),
            shm_size: size(node, "shm_size"),
            no_cache: flag(node, "no_cache"),
            pull: flag(node, "pull"),
            context: context.into(),
        }
    }

    fn build_secrets(&mut self, node: &Node) -> BTreeMap<String, PathBuf> {
        let mut secrets = BTreeMap::new();
        for mount in node.get("secrets").map(Node::items).unwrap_or_default() {
            let key = text(mount, "source").unwrap_or_default();
            match self
                .file_object("secrets", &key)
                .map(|object| object.source)
            {
                Some(FileSource::File(file)) => {
                    secrets.insert(text(mount, "target").unwrap_or(key), file);
                }
                Some(_) => {
                    let message = format!("the build secret `{key}` has no file and is left out");
                    self.loader.warning(mount.place, message);
                }
                None => {}
            }
        }
        secrets
    }
}
