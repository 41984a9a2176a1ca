//! What a person asked for of the environment.

use std::path::PathBuf;

use super::{Consent, Scope, Secret};

/// `env VERB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvRequest {
    /// The project.
    pub scope: Scope,
    /// What to do.
    pub verb: EnvVerb,
}

/// The verbs of `env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvVerb {
    /// Make `.env`, or add what it lacks.
    Init(Consent),
    /// Tell all that is wrong.
    Check,
    /// Tell all about one key.
    Explain(String),
    /// Print one value.
    Get(String),
    /// Give keys values.
    Set {
        /// Keys and values; a value that is not given is read from stdin.
        pairs: Vec<(String, Option<Secret>)>,
        /// Whether a running stack takes it over.
        apply: Apply,
    },
    /// Take keys out.
    Unset {
        /// The keys.
        keys: Vec<String>,
        /// Whether a running stack takes it over.
        apply: Apply,
    },
    /// Print all values.
    List {
        /// How.
        format: EnvFormat,
        /// Whether sensitive values are shown.
        sight: Sight,
    },
    /// Make new secrets.
    Rotate {
        /// Which.
        which: Rotation,
        /// Whether a running stack takes them over.
        apply: Apply,
        /// `--no-snapshot`: whether the stores' data is kept first.
        keep: super::Phase,
    },
    /// Compare schema, file and running containers.
    Diff,
    /// Print what somebody sees.
    Print {
        /// `host`, or a service.
        reader: String,
        /// How.
        format: EnvFormat,
    },
    /// Write the values that people share, encrypted with a passphrase; `None` for stdout.
    Export(Option<PathBuf>),
    /// Take over values that a teammate exported.
    Import(PathBuf),
}

/// Whether a running stack takes a change over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Apply {
    /// At once.
    #[default]
    Now,
    /// With the next `up`.
    Later,
}

/// How variables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvFormat {
    /// `KEY=value`.
    #[default]
    Env,
    /// A JSON object.
    Json,
    /// A YAML mapping.
    Yaml,
    /// `export KEY='value'`.
    Shell,
}

/// Whether sensitive values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sight {
    /// As `***`.
    #[default]
    Masked,
    /// As they are.
    Revealed,
}

/// Which secrets are made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// These.
    Keys(Vec<String>),
    /// All that can be.
    All,
}
