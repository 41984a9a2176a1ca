//! Which stack of a project's files is meant: the plain one, or one beside it, by git worktree or by `--stack`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::block::Block;
use super::git::Worktree;
use super::project::{Completeness, Place, wrong};
use super::session::Session;
use crate::composefile::{self, FileReader, Loaded};
use crate::domain::{Failure, ProjectName, Scope};
use crate::dotenv;
use crate::isolate::{
    Apartness, KIND, NAMED, Relocation, STACK, WORKTREE, set_beside, stack_project,
};
use crate::store::StateDir;

/// The variable by which Compose names a project.
const NAME: &str = "COMPOSE_PROJECT_NAME";

/// What sets a stack apart from the plain one of its files; nothing for the plain one itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Further {
    worktree: Option<Worktree>,
    stack: Option<ProjectName>,
}

impl Further {
    /// What is meant at `root`.
    ///
    /// `-p` and `COMPOSE_PROJECT_NAME`, in the shell or in `.env`, name a project outright, as with Compose: then
    /// no worktree does. `name:` in the file is in every worktree the same, and so only the beginning of each one's.
    pub fn of(session: &Session, scope: &Scope, root: &Path, value_files: &[PathBuf]) -> Self {
        if scope.project.is_some() {
            return Self::default();
        }
        let in_shell = session
            .environment
            .get(NAME)
            .is_some_and(|name| !name.is_empty());
        let is_named = in_shell || value_files.iter().any(|file| names_a_project(file));
        Self {
            worktree: if is_named { None } else { Worktree::of(root) },
            stack: scope.stack.clone(),
        }
    }

    /// Whether it is the plain stack.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Where the stack's state is. A worktree is a directory of its own, with a state of its own.
    pub fn state(&self, root: &Path) -> StateDir {
        match &self.stack {
            Some(name) => StateDir::of_stack(root, name.as_str()),
            None => StateDir::of(root),
        }
    }

    /// The stack's project, where the plain one's is `base`.
    pub fn project(&self, base: &ProjectName) -> ProjectName {
        let worktree = self.worktree.iter().map(|worktree| worktree.name.as_str());
        let stack = self.stack.iter().map(ProjectName::as_str);
        worktree
            .chain(stack)
            .fold(base.clone(), |base, name| stack_project(&base, name))
    }

    /// The states of all stacks of this repository's checkouts but the plain ones and this one.
    pub fn others(&self, root: &Path) -> Vec<StateDir> {
        let mut roots = vec![root.to_owned()];
        if let Some(worktree) = &self.worktree {
            let within = root.strip_prefix(&worktree.top).unwrap_or(Path::new(""));
            roots.extend(worktree.siblings().into_iter().map(|top| top.join(within)));
        }
        let own = self.state(root);
        let states = roots.iter().flat_map(|root| {
            let plain = StateDir::of(root);
            let named = fs::read_dir(plain.path().join("stacks"));
            let named: Vec<StateDir> = named
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .map(|name| StateDir::of_stack(root, &name))
                .collect();
            std::iter::once(plain).chain(named)
        });
        states.filter(|state| *state != own).collect()
    }

    /// What follows the program's name where this stack is meant: `--stack NAME `, or nothing.
    pub fn words(&self) -> String {
        let stack = self.stack.as_ref();
        stack.map_or_else(String::new, |name| format!("--stack {name} "))
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let kind = if self.stack.is_some() {
            NAMED
        } else {
            WORKTREE
        };
        let mut labels = BTreeMap::from([(KIND.to_owned(), kind.to_owned())]);
        if let Some(name) = &self.stack {
            labels.insert(STACK.to_owned(), name.to_string());
        }
        labels
    }
}

fn names_a_project(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    // A file that breaks the grammar is told of by whoever loads it.
    let parsed = dotenv::parse(&text, &|_| None);
    let value = parsed.ok().and_then(|parsed| parsed.values().remove(NAME));
    value.is_some_and(|name| !name.is_empty())
}

/// The stack that is meant, from what the files say of the plain one; that one itself where it is meant.
///
/// # Errors
/// Where the files are wrong under the stack's name, no ports are free, or the choice can't be remembered.
pub(super) fn beside(
    session: &Session,
    place: &Place,
    scope: &Scope,
    plain: Loaded,
    reader: &dyn FileReader,
    completeness: Completeness,
) -> Result<Loaded, Failure> {
    let further = &place.further;
    if further.is_plain() {
        return Ok(plain);
    }
    let mut block = Block::recall(session, &place.state());
    if block.complete(session, place, scope, &plain)? && completeness == Completeness::Whole {
        block.keep(session, &place.state())?;
    }
    let effect = block.effect(&plain.environment, &session.environment);
    let mut environment = match completeness {
        // Without the files' values, so that these are read anew over the ports.
        Completeness::Whole => session.environment.clone(),
        Completeness::StandIns => plain.environment.clone(),
    };
    environment.extend(effect.variables);
    let mut request = place.request(session, scope, environment);
    request.project = Some(further.project(&plain.stack.project).to_string());
    let mut loaded =
        composefile::load(&request, reader).map_err(|diagnostics| wrong(session, &diagnostics))?;
    let apart = Apartness {
        ports: effect.fixed,
        texts: Relocation {
            ports: effect.moved,
            ..Relocation::default()
        },
        labels: further.labels(),
    };
    set_beside(&mut loaded.stack, &apart);
    Ok(loaded)
}
