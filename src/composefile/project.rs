//! Where the project is: its files, its directory, its environment, its profiles.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dotenv;

use super::path::{clean, join, parent};
use super::{Diagnostic, Diagnostics, FileReader, LoadRequest, Severity};

const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A project found, before any of its files is read.
#[derive(Debug)]
pub(super) struct Project {
    /// The Compose files, absolute.
    pub files: Vec<String>,
    /// The directory that relative paths start from, absolute.
    pub directory: String,
    /// The environment for interpolation.
    pub environment: BTreeMap<String, String>,
    /// The profiles asked for.
    pub profiles: Vec<String>,
    /// Warnings met on the way.
    pub warnings: Vec<Diagnostic>,
}

/// Finds the project that `request` means.
pub(super) fn find(request: &LoadRequest, reader: &dyn FileReader) -> Result<Project, Diagnostics> {
    let current = clean(&request.current_dir.to_string_lossy());
    let absolute = |path: &Path| match path.to_str() {
        Some("-") => "-".to_owned(),
        _ => join(&current, &path.to_string_lossy()),
    };
    let mut project = Project {
        files: request.files.iter().map(|file| absolute(file)).collect(),
        directory: String::new(),
        environment: request.environment.clone(),
        profiles: request.profiles.clone(),
        warnings: Vec::new(),
    };
    let chosen = request.directory.as_deref().map(absolute);
    project.directory = directory_of(chosen.as_deref(), &project.files, &current);
    let env_files = env_files(request, &current);
    project.read_env(&env_files, reader)?;
    if project.files.is_empty() {
        project.files = project.files_of_environment(&current);
    }
    if project.files.is_empty() {
        let start = project.directory.clone();
        project.search(&start, reader)?;
    }
    project.directory = directory_of(chosen.as_deref(), &project.files, &current);
    if env_files.is_empty() {
        project.read_env(&[], reader)?;
    }
    if project.profiles.is_empty() {
        let named = project
            .environment
            .get("COMPOSE_PROFILES")
            .cloned()
            .unwrap_or_default();
        project.profiles = split(&named, ',');
    }
    Ok(project)
}

fn directory_of(chosen: Option<&str>, files: &[String], current: &str) -> String {
    let of_files = || {
        files
            .iter()
            .find(|file| *file != "-")
            .map(|file| parent(file))
    };
    chosen
        .map(str::to_owned)
        .or_else(of_files)
        .unwrap_or_else(|| current.to_owned())
}

fn env_files(request: &LoadRequest, current: &str) -> Vec<String> {
    let named = request
        .environment
        .get("COMPOSE_ENV_FILES")
        .cloned()
        .unwrap_or_default();
    let paths: Vec<String> = match request.env_files.as_slice() {
        [] => split(&named, ','),
        files => files
            .iter()
            .map(|file| file.to_string_lossy().into_owned())
            .collect(),
    };
    paths.iter().map(|path| join(current, path)).collect()
}

fn split(text: &str, separator: char) -> Vec<String> {
    text.split(separator)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Project {
    fn files_of_environment(&self, current: &str) -> Vec<String> {
        let separator = self
            .environment
            .get("COMPOSE_PATH_SEPARATOR")
            .and_then(|text| text.chars().next());
        let named = self
            .environment
            .get("COMPOSE_FILE")
            .cloned()
            .unwrap_or_default();
        let files = split(&named, separator.unwrap_or(':')).into_iter();
        files
            .map(|file| {
                if file == "-" {
                    file
                } else {
                    join(current, &file)
                }
            })
            .collect()
    }

    /// Looks for a Compose file in `start` and its parents, and for an override beside it.
    fn search(&mut self, start: &str, reader: &dyn FileReader) -> Result<(), Diagnostics> {
        let is_there = |directory: &str, names: &[&str]| -> Vec<String> {
            let paths = names.iter().map(|name| join(directory, name));
            paths
                .filter(|path| reader.is_file(Path::new(path)))
                .collect()
        };
        let mut directory = start.to_owned();
        loop {
            let found = is_there(&directory, &NAMES);
            if let Some(first) = found.first() {
                self.files.push(first.clone());
                self.warn_of_several(&found);
                let overrides = is_there(&directory, &OVERRIDES);
                self.files.extend(overrides.first().cloned());
                self.warn_of_several(&overrides);
                return Ok(());
            }
            let above = parent(&directory);
            if above == directory {
                let message = format!("no Compose file was found in `{start}` or above it");
                return Err(failure(
                    message,
                    Some("name one with `-f`, or go to the project's directory"),
                ));
            }
            directory = above;
        }
    }

    fn warn_of_several(&mut self, found: &[String]) {
        let [first, others @ ..] = found else { return };
        if others.is_empty() {
            return;
        }
        self.warnings.push(Diagnostic {
            severity: Severity::Warning,
            message: format!(
                "several Compose files were found: `{first}` is used, not `{}`",
                others.join("`, `")
            ),
            marks: Vec::new(),
            help: Some("name the file with `-f`, or remove the others".to_owned()),
        });
    }

    /// Reads env files under what is already set; without any, `.env` in the project's directory.
    fn read_env(&mut self, files: &[String], reader: &dyn FileReader) -> Result<(), Diagnostics> {
        let usual = join(&self.directory, ".env");
        let mut read = BTreeMap::new();
        if files.is_empty() && reader.is_file(Path::new(&usual)) {
            self.read_env_file(&usual, reader, &mut read)?;
        }
        for file in files {
            self.read_env_file(file, reader, &mut read)?;
        }
        for (key, value) in read {
            self.environment.entry(key).or_insert(value);
        }
        Ok(())
    }

    fn read_env_file(
        &mut self,
        file: &str,
        reader: &dyn FileReader,
        read: &mut BTreeMap<String, String>,
    ) -> Result<(), Diagnostics> {
        let text = reader.read(Path::new(file)).map_err(|error| {
            failure(
                format!("the env file `{file}` can't be read: {error}"),
                None,
            )
        })?;
        let known = |name: &str| {
            self.environment
                .get(name)
                .or_else(|| read.get(name))
                .cloned()
        };
        let parsed = dotenv::parse(&text, &known).map_err(|error| dotenv_failure(file, &error))?;
        for name in &parsed.unset {
            self.warnings.push(Diagnostic {
                severity: Severity::Warning,
                message: format!("the variable `{name}` is not set: `{file}` takes it as empty"),
                marks: Vec::new(),
                help: None,
            });
        }
        read.extend(parsed.values());
        Ok(())
    }
}

/// A failure that belongs to no line.
pub(super) fn failure(message: impl Into<String>, help: Option<&str>) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        severity: Severity::Error,
        message: message.into(),
        marks: Vec::new(),
        help: help.map(str::to_owned),
    }])
}

/// A fault of an env file: file, line and key, but never the line itself, which may hold a secret.
pub(super) fn dotenv_failure(file: &str, error: &dotenv::DotenvError) -> Diagnostics {
    failure(format!("{file}:{}: {}", error.line, error.fault), None)
}
