//! `config`: what of the resolved Compose file is shown, and how.

use super::Scope;

/// The notation of the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notation {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// What of the resolved file is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aspect {
    /// The whole file.
    Model(Notation),
    /// `--services`: the names of the services.
    Services,
    /// `--volumes`: the keys of the volumes.
    Volumes,
    /// `--images`: the images that services run from.
    Images,
    /// `--profiles`: every profile that a service names.
    Profiles,
    /// `--hash`: each service's name and the hash of its configuration; of one service, where one is named.
    Hash(Option<String>),
    /// `--environment`: the variables that interpolation saw.
    Environment,
}

/// Whether secrets are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disclosure {
    /// As `***`.
    #[default]
    Masked,
    /// `--show-secrets`: as they are.
    Shown,
}

/// `config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The project.
    pub scope: Scope,
    /// What is shown.
    pub aspect: Aspect,
    /// Whether secrets are.
    pub secrets: Disclosure,
}
