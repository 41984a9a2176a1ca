//! The project at hand: its place on the disk, and its files read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment;
use super::files::{Disk, Noting};
use super::further::{Further, beside};
use super::ports::Remapped;
use super::session::Session;
use super::stand_in::stand_ins;
use crate::composefile::{self, Colour, Diagnostics, LoadRequest, Loaded};
use crate::domain::{Failure, FailureKind, Scope, Secret, Stack};
use crate::env::{Schema, Variable};
use crate::event::Event;
use crate::report;
use crate::store::StateDir;

/// Where a stack's own directory keeps its Compose file, beside `templates/` and `.env`.
const HOUSE_FILE: &str = "compose/docker-compose.yml";
/// The names that Compose looks for.
const STANDARD_FILES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

/// So many faults are shown: one screen or two, since a single slip in a shared anchor counts once a service.
const SHOWN: usize = 20;

/// Where a project lies, before any of its files is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The directory that holds `.env`, `templates/` and `.jobsprint/`.
    pub root: PathBuf,
    /// The Compose files; empty where the loader finds them by Compose's own rules.
    files: Vec<PathBuf>,
    /// The files of variables; empty for Compose's own rule.
    env_files: Vec<PathBuf>,
    /// Which stack of these files is meant.
    pub further: Further,
}

/// A project, loaded.
pub(super) struct Project {
    /// What should run.
    pub stack: Arc<Stack>,
    /// The directory that holds `.env` and `.jobsprint/`.
    pub root: PathBuf,
    /// The stack's own state.
    pub state: StateDir,
    /// What follows the program's name where this stack is meant: `--stack NAME `, or nothing.
    pub words: String,
    /// All that loading found out.
    pub loaded: Loaded,
    /// Whether every value is there that the files ask for.
    pub completeness: Completeness,
    /// The files that it was read from and those that were looked for, where it was loaded whole.
    pub files: BTreeSet<PathBuf>,
    schema: Option<Schema>,
    locks: PathBuf,
}

/// Whether a project's files have all values that they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    /// All are there.
    Whole,
    /// Some are missing, and others stand in for them: nothing may be started.
    StandIns,
}

impl Place {
    /// Finds the project that `scope` means.
    pub fn find(session: &Session, scope: &Scope) -> Self {
        let named = scope.files.first().map(|file| session.directory.join(file));
        let by_variable = session.environment.contains_key("COMPOSE_FILE");
        let file = match named {
            Some(file) => Some(file),
            None if by_variable => None,
            None => search(&session.directory),
        };
        let root = match &file {
            Some(file) => root_of(file),
            None => session.directory.clone(),
        };
        let is_house = file.as_deref() == Some(&root.join(HOUSE_FILE));
        let files = match (&file, scope.files.is_empty()) {
            (Some(file), true) if is_house => vec![file.clone()],
            _ => scope.files.clone(),
        };
        let own_env = root.join(".env");
        let env_files = if scope.env_files.is_empty() && is_house && own_env.exists() {
            vec![own_env]
        } else {
            scope.env_files.clone()
        };
        let mut place = Self {
            root,
            files,
            env_files,
            further: Further::default(),
        };
        let value_files = place.value_files();
        place.further = Further::of(session, scope, &place.root, &value_files);
        place
    }

    /// The state of the stack that is meant.
    pub fn state(&self) -> StateDir {
        self.further.state(&self.root)
    }

    /// What the loader is asked for, in this environment.
    pub fn request(
        &self,
        session: &Session,
        scope: &Scope,
        environment: BTreeMap<String, String>,
    ) -> LoadRequest {
        LoadRequest {
            files: self.files.clone(),
            project: scope.project.clone(),
            directory: scope.directory.clone(),
            env_files: self.env_files.clone(),
            profiles: scope.profiles.clone(),
            environment,
            current_dir: session.directory.clone(),
        }
    }
}

impl Place {
    /// The Compose files that are known by name: without one, those that Compose looks for.
    fn compose_files(&self) -> Vec<PathBuf> {
        if !self.files.is_empty() {
            return self.files.clone();
        }
        STANDARD_FILES.map(|name| self.root.join(name)).into()
    }

    /// The files that give values.
    fn value_files(&self) -> Vec<PathBuf> {
        if self.env_files.is_empty() {
            vec![self.root.join(".env")]
        } else {
            self.env_files.clone()
        }
    }
}

impl Project {
    /// Finds and loads the project that `scope` means; its secrets are masked from here on.
    ///
    /// # Errors
    /// All that is wrong with its files, in one failure.
    pub fn load(session: &Session, scope: &Scope) -> Result<Self, Failure> {
        let place = Place::find(session, scope);
        let environment = environment_of(session, &place);
        let disk = Noting::default();
        let loaded = composefile::load(&place.request(session, scope, environment), &disk)
            .map_err(|diagnostics| wrong(session, &diagnostics))?;
        let whole = Completeness::Whole;
        let loaded = beside(session, &place, scope, loaded, &disk, whole)?;
        let schema = environment::schema(&place.root)?;
        let mut project = Self::begin(session, place, loaded, schema, whole);
        project.files = disk.noted();
        Ok(project)
    }

    /// As [`Self::load`], for what starts nothing: values that are missing are told, and no hindrance.
    ///
    /// # Errors
    /// All else that is wrong with its files.
    pub fn load_to_look(session: &Session, scope: &Scope) -> Result<Self, Failure> {
        let place = Place::find(session, scope);
        let environment = environment_of(session, &place);
        let whole = Self::read(session, &place, scope, environment.clone());
        let schema = environment::schema(&place.root)?;
        let diagnostics = match whole {
            Ok(loaded) => {
                let whole = Completeness::Whole;
                let loaded = beside(session, &place, scope, loaded, &Disk, whole)?;
                return Ok(Self::begin(session, place, loaded, schema, whole));
            }
            Err(diagnostics) => diagnostics,
        };
        let (compose_files, env_files) = (place.compose_files(), place.value_files());
        let missing = stand_ins(&compose_files, &env_files, schema.as_ref(), &environment);
        let names: Vec<String> = missing.keys().cloned().collect();
        let environment = environment.into_iter().chain(missing).collect();
        let loaded = Self::read(session, &place, scope, environment)
            .map_err(|_| wrong(session, &diagnostics))?;
        let text = format!(
            "`.env` has no value for {}: what runs can be looked at and stopped; `jobsprint-dev setup` makes what is missing",
            report::words::list(&names)
        );
        session.events.tell(Event::Warning { text });
        let filled = Completeness::StandIns;
        let loaded = beside(session, &place, scope, loaded, &Disk, filled)?;
        Ok(Self::begin(session, place, loaded, schema, filled))
    }

    /// A project that is at hand: its secrets are masked, and its files' warnings told.
    fn begin(
        session: &Session,
        place: Place,
        mut loaded: Loaded,
        schema: Option<Schema>,
        completeness: Completeness,
    ) -> Self {
        let state = place.state();
        Remapped::recall(session, &state).apply(&mut loaded.stack);
        conceal(session, &loaded, schema.as_ref());
        for warning in &loaded.warnings {
            let text = warning.headline();
            session.events.tell(Event::Warning { text });
        }
        Self {
            stack: Arc::new(loaded.stack.clone()),
            loaded,
            completeness,
            schema,
            files: BTreeSet::new(),
            words: place.further.words(),
            state,
            root: place.root,
            locks: session.locks(),
        }
    }

    /// Reads the project's files in this environment as those of its plain stack, and does nothing else.
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub fn read(
        session: &Session,
        place: &Place,
        scope: &Scope,
        environment: BTreeMap<String, String>,
    ) -> Result<Loaded, Diagnostics> {
        composefile::load(&place.request(session, scope, environment), &Disk)
    }

    /// A copy of the project at `place` that `stack` stands for; its secrets are masked from here on.
    pub fn apart(
        session: &Session,
        place: &Place,
        loaded: Loaded,
        stack: Stack,
        schema: Option<Schema>,
    ) -> Self {
        conceal(session, &loaded, schema.as_ref());
        Self {
            stack: Arc::new(stack),
            loaded,
            completeness: Completeness::Whole,
            schema,
            root: place.root.clone(),
            state: place.state(),
            words: String::new(),
            files: BTreeSet::new(),
            locks: session.locks(),
        }
    }

    /// Whether the variable of this name holds a secret, as the schema says, else as its name does.
    pub fn is_sensitive(&self, name: &str) -> bool {
        is_sensitive(self.schema.as_ref(), name)
    }

    /// Whether the variable of this name is an address that the schema puts together of other variables.
    pub fn is_composed(&self, name: &str) -> bool {
        let described = self.schema.as_ref();
        described
            .and_then(|schema| schema.variable(name))
            .is_some_and(Variable::is_composed)
    }

    /// The directory of locks: beside all projects, since two checkouts may name the same one.
    pub fn locks(&self) -> PathBuf {
        self.locks.clone()
    }
}

/// The nearest Compose file, upwards.
fn search(start: &Path) -> Option<PathBuf> {
    start.ancestors().find_map(compose_file)
}

/// The Compose file of a directory: one of the standard names, or this tool's own place.
pub(super) fn compose_file(directory: &Path) -> Option<PathBuf> {
    STANDARD_FILES
        .iter()
        .chain([&HOUSE_FILE])
        .map(|name| directory.join(name))
        .find(|file| file.is_file())
}

/// The directory that a Compose file's project lies in: above `compose/`, where `templates/` is beside it.
fn root_of(file: &Path) -> PathBuf {
    let directory = file.parent().unwrap_or(Path::new("/"));
    let above = directory
        .parent()
        .filter(|above| directory.ends_with("compose") && above.join("templates").is_dir());
    above.unwrap_or(directory).to_owned()
}

/// The environment that the files are read in: the process's, over the ports that this checkout took.
fn environment_of(session: &Session, place: &Place) -> BTreeMap<String, String> {
    let mut environment = session.environment.clone();
    Remapped::recall(session, &place.state()).set(&mut environment);
    environment
}

/// Masks the values of sensitive variables in all that is shown.
fn conceal(session: &Session, loaded: &Loaded, schema: Option<&Schema>) {
    let sensitive: Vec<Secret> = loaded
        .environment
        .iter()
        .filter(|(name, value)| !value.is_empty() && is_sensitive(schema, name))
        .map(|(_, value)| Secret::new(value.clone()))
        .collect();
    session.conceal(&sensitive);
}

/// Whether a variable is sensitive; one that no schema describes is where it is named like a secret.
fn is_sensitive(schema: Option<&Schema>, name: &str) -> bool {
    let described = schema.and_then(|schema| schema.variable(name));
    described.map_or_else(
        || composefile::config::is_sensitive(name),
        Variable::is_sensitive,
    )
}

/// All faults of the files in one failure.
pub(super) fn wrong(session: &Session, diagnostics: &Diagnostics) -> Failure {
    let colour = match session.manner.colour {
        report::Colour::On => Colour::Ansi,
        report::Colour::Off => Colour::None,
    };
    let rendered = diagnostics
        .0
        .iter()
        .map(|diagnostic| diagnostic.render(colour));
    let lines = |text: &String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    match diagnostics.0.as_slice() {
        [only] => {
            // The headline says already what the excerpt's first line would say again.
            let excerpt = rendered.flat_map(|text| lines(&text)).skip(1);
            Failure::new(FailureKind::Project, only.headline()).details(excerpt)
        }
        all => {
            let message = format!("{} faults in the project's files", all.len());
            let more = all.len().checked_sub(SHOWN).filter(|more| *more > 0);
            let more = more.map(|more| format!("and {more} more, shown once these are mended"));
            let shown = rendered.take(SHOWN).flat_map(|text| lines(&text));
            Failure::new(FailureKind::Project, message).details(shown.chain(more))
        }
    }
}
