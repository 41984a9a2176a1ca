//! A stack's interests: all that is watched, for whom and for what.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::change::Presence;
use super::duties::{Duties, MANIFESTS};
use super::ignored::{GitRules, Ignored};
use super::interest::{Interest, Purpose, Word};
use super::work::Replacement;
use crate::domain::{Migrate, MountSource, Role, Service, ServiceName, Stack, Watching};

/// Files that say what is watched.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".dockerignore"];

/// What of a project is watched besides what its stack says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The project's directory: a mount from outside it is no source.
    pub home: PathBuf,
    /// The files that the project was read from.
    pub model: BTreeSet<PathBuf>,
    /// The services to watch; empty for all.
    pub chosen: BTreeSet<ServiceName>,
}

/// The interests of a stack.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    interests: Vec<Interest>,
}

impl Rules {
    /// What `stack` asks to be watched. Reads ignore files, and looks at what mounts are.
    #[must_use]
    pub fn of(stack: &Stack, around: &Surroundings) -> Self {
        let mut survey = Survey {
            stack,
            around,
            git: Arc::default(),
            interests: Vec::new(),
        };
        for file in &around.model {
            survey.add(file, Purpose::Model, None);
        }
        let chosen = |name: &ServiceName| around.chosen.is_empty() || around.chosen.contains(name);
        for (name, service) in &stack.services {
            if service.watching == Watching::On && chosen(name) {
                survey.service(service);
            }
        }
        if let Some(seeds) = &stack.seeds {
            for store in ["postgres", "redis", "rabbitmq"] {
                survey.add(&seeds.join(store), Purpose::SeedFiles, None);
            }
        }
        Self {
            interests: survey.interests,
        }
    }

    /// All interests.
    #[must_use]
    pub fn interests(&self) -> &[Interest] {
        &self.interests
    }

    /// The services whose running code a change of a file can touch.
    #[must_use]
    pub fn services(&self) -> BTreeSet<ServiceName> {
        let services = self.interests.iter().filter_map(|interest| {
            let is_source = matches!(
                interest.purpose,
                Purpose::Rule { .. }
                    | Purpose::MountedDirectory { .. }
                    | Purpose::MountedFile { .. }
            );
            interest.purpose.service().filter(|_| is_source)
        });
        services.cloned().collect()
    }

    /// The files and directories that are watched, none below another.
    #[must_use]
    pub fn roots(&self) -> BTreeSet<&Path> {
        self.interests
            .iter()
            .map(|interest| interest.root.as_path())
            .collect()
    }

    /// Whether a change of the file at `path` may mean anything.
    #[must_use]
    pub fn wants(&self, path: &Path) -> bool {
        let counts = |interest: &Interest| interest.on(path) == Word::Counts;
        is_ignore_file(path) || self.interests.iter().any(counts)
    }

    /// Whether the directory at `path` may hold something that counts.
    #[must_use]
    pub fn reach_into(&self, path: &Path) -> bool {
        self.interests
            .iter()
            .any(|interest| interest.reaches_into(path))
    }

    /// What these changes ask for, seen first at `began` and at rest by `settled`.
    #[must_use]
    pub fn duties(
        &self,
        found: &[(PathBuf, Presence)],
        began: Instant,
        settled: Instant,
    ) -> Duties {
        let mut duties = Duties::default();
        for (path, presence) in found {
            if is_ignore_file(path) {
                duties.model.insert(path.clone());
            }
            let counting = self
                .interests
                .iter()
                .filter(|interest| interest.on(path) == Word::Counts);
            for interest in counting {
                duties.add(interest, path, *presence, (began, settled));
            }
        }
        duties
    }

    /// What is copied at the start: the files of rules with `initial_sync`. A container that was made from an older
    /// image began without them: where a save of them asks for a restart, their arrival does.
    #[must_use]
    pub fn initial(&self, files: &[PathBuf], now: Instant) -> Duties {
        let mut duties = Duties::default();
        let initial = self.interests.iter().filter(|interest| {
            matches!(
                interest.purpose,
                Purpose::Rule {
                    initial_sync: true,
                    ..
                }
            )
        });
        for interest in initial {
            let counting = files
                .iter()
                .filter(|file| interest.on(file) == Word::Counts);
            for file in counting {
                duties.add(interest, file, Presence::Present, (now, now));
            }
        }
        for work in duties.services.values_mut() {
            work.replacement = match work.replacement {
                Replacement::Restart => Replacement::RestartWhereNew,
                _ => Replacement::Keep,
            };
            work.hooks.clear();
        }
        duties
    }

    /// What each interest that concerns `path` says of it.
    pub fn words_on<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = (&'a Interest, Word)> {
        self.interests
            .iter()
            .map(move |interest| (interest, interest.on(path)))
            .filter(|(_, word)| *word != Word::Elsewhere)
    }
}

fn is_ignore_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| IGNORE_FILES.contains(&name))
}

/// Goes through a stack and notes what is of interest.
struct Survey<'a> {
    stack: &'a Stack,
    around: &'a Surroundings,
    git: Arc<GitRules>,
    interests: Vec<Interest>,
}

impl Survey<'_> {
    fn service(&mut self, service: &Service) {
        let name = || service.name.clone();
        let context = service.image.build.as_ref();
        let context = context.map(|build| build.context.as_path());
        for rule in &service.watch {
            let ignored = Ignored::below(&rule.path, context, &self.git)
                .with_patterns(&rule.ignore, &rule.include);
            self.interests.push(Interest {
                root: rule.path.clone(),
                purpose: Purpose::Rule {
                    service: name(),
                    action: rule.action.clone(),
                    initial_sync: rule.initial_sync,
                },
                ignored,
            });
        }
        self.mounts(service, context);
        if let Some(build) = &service.image.build
            && !service.image.named
        {
            let dockerfile = build.dockerfile.clone();
            let dockerfile = dockerfile.unwrap_or_else(|| build.context.join("Dockerfile"));
            self.add(&dockerfile, Purpose::Recipe { service: name() }, None);
            for manifest in MANIFESTS {
                let file = build.context.join(manifest);
                self.add(&file, Purpose::Packages { service: name() }, None);
            }
        }
        for input in service.migrate.iter().flat_map(Migrate::inputs) {
            self.add(input, Purpose::Migrations { service: name() }, context);
        }
        for input in service.seed.iter().flat_map(|seed| &seed.inputs) {
            self.add(input, Purpose::Seed { service: name() }, context);
        }
    }

    /// Mounted directories count where the service has no rule, mounted files always.
    fn mounts(&mut self, service: &Service, context: Option<&Path>) {
        for mount in &service.container.mounts {
            let MountSource::Bind { source, .. } = &mount.source else {
                continue;
            };
            let is_source = source.starts_with(&self.around.home)
                && service.role == Role::App
                && !self.is_data(service, source);
            let service_name = service.name.clone();
            if source.is_file() && source.starts_with(&self.around.home) {
                let purpose = Purpose::MountedFile {
                    service: service_name,
                };
                self.add(source, purpose, context);
            } else if is_source && service.watch.is_empty() {
                let purpose = Purpose::MountedDirectory {
                    service: service_name,
                };
                self.add(source, purpose, context);
            }
        }
    }

    /// Whether a mount holds input of migrations or seeds: those have a road of their own.
    fn is_data(&self, service: &Service, source: &Path) -> bool {
        let migrations = service.migrate.iter().flat_map(Migrate::inputs);
        let seeds = service.seed.iter().flat_map(|seed| &seed.inputs);
        let mut inputs = migrations.chain(seeds).chain(&self.stack.seeds);
        inputs.any(|input| input == source)
    }

    fn add(&mut self, root: &Path, purpose: Purpose, context: Option<&Path>) {
        self.interests.push(Interest {
            root: root.to_owned(),
            purpose,
            ignored: Ignored::below(root, context, &self.git),
        });
    }
}

#[cfg(test)]
mod tests;
