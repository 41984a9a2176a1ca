//! The whole of what should run, as the files say it: resolved, merged and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{ImageRef, Network, ProjectName, Secret, Service, ServiceName, Volume};

/// How a base image is made where no registry has it (`x-jobsprint.bases`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseImage {
    /// Bootstrapped from the distribution's packages: the suite, as `bookworm`.
    Bootstrap {
        /// The distribution's suite.
        suite: String,
    },
    /// Built from a recipe.
    Build(Box<super::Build>),
}

/// Where a config's or a secret's content comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// An absolute file of the host.
    File(PathBuf),
    /// Given in the file or by the environment.
    Content(Secret),
    /// Kept by the engine (`external`): an engine outside a swarm has none.
    External(String),
}

/// A config or secret at the file's top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileObject {
    /// Where the content comes from.
    pub source: FileSource,
}

/// A stack: services and what they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The project's name.
    pub project: ProjectName,
    /// The project directory, absolute.
    pub working_dir: PathBuf,
    /// The Compose files, absolute, in merge order.
    pub config_files: Vec<PathBuf>,
    /// The enabled services.
    pub services: BTreeMap<ServiceName, Service>,
    /// Services that profiles leave out.
    pub disabled: BTreeMap<ServiceName, Service>,
    /// Networks by key.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Base images that recipes build upon, by reference.
    pub bases: BTreeMap<ImageRef, BaseImage>,
    /// The directory of seed data by store (`x-jobsprint.seeds`), absolute.
    pub seeds: Option<PathBuf>,
}

impl Stack {
    /// The service of this name, if it is enabled.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.get(name)
    }
}
