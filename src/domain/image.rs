//! What a container is made from: an image's reference, and how to get it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::Secret;

/// An image reference as a person writes it: `postgres:15-alpine`, `host:5000/team/app@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef(String);

impl ImageRef {
    /// Takes a reference, adding `:latest` where it names neither tag nor digest.
    pub fn new(reference: impl Into<String>) -> Self {
        let text = reference.into();
        let last = text.rsplit('/').next().unwrap_or_default();
        if last.contains(':') || last.contains('@') {
            Self(text)
        } else {
            Self(format!("{text}:latest"))
        }
    }

    /// The reference as text, tag or digest included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The registry's host as Docker reads it: the first part if it looks like a host, else `docker.io`.
    #[must_use]
    pub fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((first, _))
                if first.contains('.') || first.contains(':') || first == "localhost" =>
            {
                first
            }
            _ => "docker.io",
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// When an image is pulled (Compose's `pull_policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// Pull where the image is missing; build where it can't be pulled and a build is given.
    #[default]
    Missing,
    /// Pull each time.
    Always,
    /// Never pull: local or an error.
    Never,
    /// Build each time, never pull.
    Build,
}

/// How a service's image is named and obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource {
    /// The reference the container is created from; `{project}-{service}` where the file names none.
    pub reference: ImageRef,
    /// Whether the file itself named the image (so that a registry may have it).
    pub named: bool,
    /// How to build it, where the file says.
    pub build: Option<Build>,
    /// When to pull it.
    pub pull: PullPolicy,
}

impl ImageSource {
    /// An image that the file names and has no recipe for.
    pub fn named(reference: impl Into<String>) -> Self {
        Self {
            reference: ImageRef::new(reference),
            named: true,
            build: None,
            pull: PullPolicy::default(),
        }
    }
}

/// Compose's `build` section, with absolute paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// The context: a directory.
    pub context: PathBuf,
    /// The Dockerfile, absolute; `None` for `Dockerfile` in the context.
    pub dockerfile: Option<PathBuf>,
    /// The Dockerfile's text, where the file holds it inline.
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, Secret>,
    /// The stage to build; `None` for the last.
    pub target: Option<String>,
    /// Images whose layers may serve as cache.
    pub cache_from: Vec<String>,
    /// The network mode of RUN steps.
    pub network: Option<String>,
    /// The platforms to build for, as `os/arch`.
    pub platforms: Vec<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Hosts added to /etc/hosts of RUN steps, as `name:address`.
    pub extra_hosts: Vec<String>,
    /// Further contexts by name (directories or references).
    pub additional_contexts: BTreeMap<String, String>,
    /// Build secrets: id to absolute file, BuildKit only.
    pub secrets: BTreeMap<String, PathBuf>,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<u64>,
    /// Whether the cache is left aside.
    pub no_cache: bool,
    /// Whether base images are pulled anew.
    pub pull: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_tag_means_latest() {
        assert_eq!(ImageRef::new("redis").as_str(), "redis:latest");
        assert_eq!(ImageRef::new("h:5000/a/b").as_str(), "h:5000/a/b:latest");
        assert_eq!(ImageRef::new("redis:7").as_str(), "redis:7");
    }

    #[test]
    fn the_registry_is_the_first_part_only_where_it_looks_like_a_host() {
        assert_eq!(ImageRef::new("n8nio/n8n").registry(), "docker.io");
        assert_eq!(
            ImageRef::new("localhost:5000/x").registry(),
            "localhost:5000"
        );
    }
}
