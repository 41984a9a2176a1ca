//! Which paths are left aside: what `.gitignore`, `.dockerignore` and a rule's own patterns name, and what no source ever is.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::images::IgnoreRules;

/// Directories that hold no source of the project's own.
const NEVER: [&str; 7] = [
    ".git",
    ".hg",
    ".svn",
    ".jobsprint",
    "node_modules",
    "__pycache__",
    ".idea",
];

/// The mark of directories that a tool can make again (<https://bford.info/cachedir/>), as cargo's `target`.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// Files that editors make beside the one that is saved, in `.dockerignore` syntax.
const EDITORS: &str = "\
**/*~
**/#*#
**/.#*
**/.*.sw?
**/.*.sw?x
**/4913
**/*___jb_tmp___
**/*___jb_old___
**/*.kate-swp
**/.goutputstream-*
**/.DS_Store
**/.nfs????????????????????????";

/// Whether something is a directory: patterns may tell the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// A directory.
    Directory,
    /// Anything else.
    File,
}

/// Why a path is left aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It lies in a directory of this name.
    Never(&'static str),
    /// It lies in a directory that is marked as a cache.
    Cache(PathBuf),
    /// It is an editor's own file.
    Editor,
    /// A pattern of this file names it.
    File(PathBuf),
    /// The rule's `ignore` names it.
    Rule,
    /// The rule's `include` doesn't name it.
    NotIncluded,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never(name) => write!(f, "it lies in `{name}`, which is never watched"),
            Self::Cache(place) => write!(
                f,
                "`{}` is a cache: it holds a {CACHE_MARK}",
                place.display()
            ),
            Self::Editor => f.write_str("it is an editor's own temporary file"),
            Self::File(file) => write!(f, "`{}` names it", file.display()),
            Self::Rule => f.write_str("the rule's `ignore` names it"),
            Self::NotIncluded => f.write_str("the rule's `include` does not name it"),
        }
    }
}

/// The `.gitignore` files of the disk, each read once.
#[derive(Debug, Default)]
pub struct GitRules {
    read: Mutex<HashMap<PathBuf, Option<Arc<Gitignore>>>>,
}

impl GitRules {
    /// The `.gitignore` that leaves `path` aside, if one below `top` does; the nearest one that says something decides.
    fn excludes(&self, top: &Path, path: &Path, nature: Nature) -> Option<PathBuf> {
        let directories = path
            .ancestors()
            .skip(1)
            .take_while(|directory| directory.starts_with(top));
        for directory in directories {
            let Some(rules) = self.of(directory) else {
                continue;
            };
            let is_directory = nature == Nature::Directory;
            let matched = rules.matched_path_or_any_parents(path, is_directory);
            if matched.is_ignore() {
                return Some(directory.join(".gitignore"));
            }
            if matched.is_whitelist() {
                return None;
            }
        }
        None
    }

    fn of(&self, directory: &Path) -> Option<Arc<Gitignore>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(directory) {
            return known.clone();
        }
        let file = directory.join(".gitignore");
        let rules = file.is_file().then(|| {
            let mut builder = GitignoreBuilder::new(directory);
            // A line that is no pattern is left aside; the others hold.
            drop(builder.add(&file));
            builder.build().ok().map(Arc::new)
        });
        let rules = rules.flatten();
        read.insert(directory.to_owned(), rules.clone());
        rules
    }
}

/// What is left aside below one root.
#[derive(Debug, Clone)]
pub struct Ignored {
    root: PathBuf,
    /// The repository's top, where `.gitignore` files begin to count; `None` where they don't count at all.
    repository: Option<PathBuf>,
    git: Arc<GitRules>,
    docker: Option<(PathBuf, IgnoreRules)>,
    own: IgnoreRules,
    included: Option<IgnoreRules>,
    editors: IgnoreRules,
}

impl Ignored {
    /// What is left aside below `root`, which is built from `context` where it is built at all.
    #[must_use]
    pub fn below(root: &Path, context: Option<&Path>, git: &Arc<GitRules>) -> Self {
        let docker = context
            .filter(|context| root.starts_with(context))
            .and_then(|context| {
                let text = fs::read_to_string(context.join(".dockerignore")).ok()?;
                Some((context.to_owned(), IgnoreRules::parse(&text)))
            });
        let repository = root
            .ancestors()
            .find(|directory| directory.join(".git").exists())
            .unwrap_or(root);
        // A root that git itself leaves aside was named by a person all the same: then git has no say in it.
        let is_named = git.excludes(repository, root, Nature::Directory).is_none();
        Self {
            root: root.to_owned(),
            repository: is_named.then(|| repository.to_owned()),
            git: Arc::clone(git),
            docker,
            own: IgnoreRules::default(),
            included: None,
            editors: IgnoreRules::parse(EDITORS),
        }
    }

    /// The same with a rule's own patterns, in `.dockerignore` syntax and relative to the root.
    #[must_use]
    pub fn with_patterns(mut self, ignore: &[String], include: &[String]) -> Self {
        self.own = IgnoreRules::parse(&ignore.join("\n"));
        self.included = (!include.is_empty()).then(|| IgnoreRules::parse(&include.join("\n")));
        self
    }

    /// Why the file at `path` is left aside; `None` where it counts. The root itself always counts.
    #[must_use]
    pub fn why(&self, path: &Path) -> Option<Reason> {
        self.leaves_aside(path, Nature::File).or_else(|| {
            let included = self.included.as_ref()?;
            let relative = text(path.strip_prefix(&self.root).ok()?);
            let counts = relative.is_empty() || included.excludes(&relative);
            (!counts).then_some(Reason::NotIncluded)
        })
    }

    /// Whether the directory at `path` holds nothing that counts: it needn't be watched.
    #[must_use]
    pub fn prunes(&self, path: &Path) -> bool {
        match self.leaves_aside(path, Nature::Directory) {
            None => false,
            Some(Reason::Rule) => !self.own.may_include_beneath(),
            Some(Reason::File(file)) if file.ends_with(".dockerignore") => self
                .docker
                .as_ref()
                .is_none_or(|(_, rules)| !rules.may_include_beneath()),
            Some(_) => true,
        }
    }

    fn leaves_aside(&self, path: &Path, nature: Nature) -> Option<Reason> {
        let relative = path.strip_prefix(&self.root).ok()?;
        if relative.as_os_str().is_empty() {
            return None;
        }
        let directories = match nature {
            Nature::Directory => relative,
            Nature::File => relative.parent().unwrap_or(Path::new("")),
        };
        for (depth, part) in directories.iter().enumerate() {
            if let Some(name) = NEVER.iter().find(|name| part == **name) {
                return Some(Reason::Never(name));
            }
            let place: PathBuf = directories.iter().take(depth + 1).collect();
            let place = self.root.join(place);
            if place.join(CACHE_MARK).exists() {
                return Some(Reason::Cache(place));
            }
        }
        let relative = text(relative);
        if self.editors.excludes(&relative) {
            return Some(Reason::Editor);
        }
        if self.own.excludes(&relative) {
            return Some(Reason::Rule);
        }
        if let Some((context, rules)) = &self.docker
            && let Ok(inside) = path.strip_prefix(context)
            && rules.excludes(&text(inside))
        {
            return Some(Reason::File(context.join(".dockerignore")));
        }
        let top = self.repository.as_ref()?;
        self.git.excludes(top, path, nature).map(Reason::File)
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn with(files: &[(&str, &str)]) -> Self {
            let place = tempfile::tempdir().expect("a directory");
            for (name, text) in files {
                let path = place.path().join(name);
                fs::create_dir_all(path.parent().expect("it has one")).expect("made");
                fs::write(path, text).expect("written");
            }
            Self(place)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn ignored(&self, root: &str, context: Option<&str>) -> Ignored {
            let context = context.map(|context| self.at(context));
            Ignored::below(&self.at(root), context.as_deref(), &Arc::default())
        }
    }

    #[test]
    fn what_no_source_ever_is_is_not_walked() {
        let tree = Tree::with(&[("app/target/CACHEDIR.TAG", "")]);
        let ignored = tree.ignored("app", None);

        let pruned: Vec<&str> = [
            "src",
            "node_modules",
            "lib/node_modules",
            ".git",
            "target",
            "targets",
        ]
        .into_iter()
        .filter(|name| ignored.prunes(&tree.at(&format!("app/{name}"))))
        .collect();

        assert_eq!(
            pruned,
            ["node_modules", "lib/node_modules", ".git", "target"]
        );
        assert_eq!(
            ignored.why(&tree.at("app/target/debug/a")),
            Some(Reason::Cache(tree.at("app/target")))
        );
    }

    #[test]
    fn an_editor_s_own_files_are_no_change() {
        let tree = Tree::with(&[]);
        let ignored = tree.ignored("", None);

        let kept: Vec<&str> = [
            "a.js",
            "a.js~",
            ".a.js.swp",
            ".a.js.swpx",
            "4913",
            "src/4913",
            "src/.#a.js",
            "src/#a.js#",
            "a.js___jb_tmp___",
            ".env",
            "src/.goutputstream-X1Y2Z3",
        ]
        .into_iter()
        .filter(|name| ignored.why(&tree.at(name)).is_none())
        .collect();

        assert_eq!(kept, ["a.js", ".env"]);
    }

    #[test]
    fn the_nearest_gitignore_decides() {
        let tree = Tree::with(&[
            (".git/HEAD", ""),
            (".gitignore", "dist/\n*.log\n"),
            ("app/.gitignore", "!keep.log\n/local.js\n"),
        ]);
        let ignored = tree.ignored("app", None);

        let why = |name: &str| ignored.why(&tree.at(name));
        assert_eq!(why("app/a.log"), Some(Reason::File(tree.at(".gitignore"))));
        assert_eq!(why("app/keep.log"), None);
        assert_eq!(
            why("app/local.js"),
            Some(Reason::File(tree.at("app/.gitignore")))
        );
        assert_eq!(why("app/src/local.js"), None);
        assert!(ignored.prunes(&tree.at("app/dist")));
        assert!(!ignored.prunes(&tree.at("app/src")));
    }

    #[test]
    fn a_root_that_git_ignores_was_named_by_a_person_all_the_same() {
        let tree = Tree::with(&[(".git/HEAD", ""), (".gitignore", "certificates/\n")]);
        let ignored = tree.ignored("certificates", None);

        assert_eq!(ignored.why(&tree.at("certificates/server.pem")), None);
    }

    #[test]
    fn the_build_context_s_dockerignore_counts() {
        let tree = Tree::with(&[("app/.dockerignore", "**/*.md\nbuild\n!build/keep.js\n")]);
        let ignored = tree.ignored("app/src", Some("app"));
        let elsewhere = tree.ignored("other", Some("app"));
        let whole = tree.ignored("app", Some("app"));

        let file = Some(Reason::File(tree.at("app/.dockerignore")));
        assert_eq!(ignored.why(&tree.at("app/src/a.md")), file);
        assert_eq!(elsewhere.why(&tree.at("other/a.md")), None);
        assert_eq!(whole.why(&tree.at("app/build/x.js")), file);
        assert_eq!(whole.why(&tree.at("app/build/keep.js")), None);
        assert!(
            !whole.prunes(&tree.at("app/build")),
            "it may hold what counts"
        );
    }

    #[test]
    fn a_rule_s_own_patterns_are_relative_to_its_root() {
        let tree = Tree::with(&[]);
        let patterns = |patterns: &[&str]| -> Vec<String> {
            patterns.iter().map(|&pattern| pattern.to_owned()).collect()
        };
        let ignored = tree
            .ignored("src", None)
            .with_patterns(&patterns(&["test"]), &patterns(&["**/*.js"]));

        assert_eq!(ignored.why(&tree.at("src/a.js")), None);
        assert_eq!(ignored.why(&tree.at("src/test/a.js")), Some(Reason::Rule));
        assert_eq!(
            ignored.why(&tree.at("src/a.css")),
            Some(Reason::NotIncluded)
        );
        assert!(ignored.prunes(&tree.at("src/test")));
        assert!(!ignored.prunes(&tree.at("src/lib")));
    }
}
