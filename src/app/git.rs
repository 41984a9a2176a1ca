//! What git says of the project's directory, read from its files: no git is run.

use std::fs;
use std::path::{Path, PathBuf};

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// The commit, in short; `None` outside a repository and before the first commit.
    pub commit: Option<String>,
    /// The branch; `None` where none is checked out.
    pub branch: Option<String>,
}

/// So many digits tell commits apart.
const SHOWN: usize = 10;

impl Head {
    /// HEAD of the repository that `directory` is in.
    pub(super) fn of(directory: &Path) -> Self {
        Self::read(directory).unwrap_or_default()
    }

    fn read(directory: &Path) -> Option<Self> {
        let git = directory.ancestors().find_map(repository)?;
        let head = fs::read_to_string(git.join("HEAD")).ok()?;
        let Some(reference) = head.trim().strip_prefix("ref: ") else {
            let commit = Some(short(&head));
            let branch = None;
            return Some(Self { commit, branch });
        };
        // A worktree's own directory has its HEAD; branches are in the main one's.
        let common = fs::read_to_string(git.join("commondir"))
            .map_or_else(|_| git.clone(), |path| git.join(path.trim()));
        let loose = fs::read_to_string(common.join(reference)).ok();
        let commit = loose.or_else(|| packed(&common, reference));
        let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        Some(Self {
            commit: commit.map(|commit| short(&commit)),
            branch: Some(branch.to_owned()),
        })
    }
}

/// The repository's own directory: `.git`, or where a worktree's file of that name points to.
fn repository(above: &Path) -> Option<PathBuf> {
    let git = above.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    let path = text.trim().strip_prefix("gitdir: ")?;
    Some(above.join(path))
}

fn packed(common: &Path, reference: &str) -> Option<String> {
    let text = fs::read_to_string(common.join("packed-refs")).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(_, name)| *name == reference);
    found.map(|(commit, _)| commit.to_owned())
}

fn short(commit: &str) -> String {
    commit.trim().chars().take(SHOWN).collect()
}

/// A linked worktree of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Worktree {
    /// Git's own name for it: of its first directory, and no other worktree's of this repository.
    pub name: String,
    /// Its top directory.
    pub top: PathBuf,
    common: PathBuf,
}

impl Worktree {
    /// The linked worktree that `directory` is in; `None` in a main checkout and outside of any.
    pub fn of(directory: &Path) -> Option<Self> {
        let top = directory
            .ancestors()
            .find(|above| above.join(".git").exists())?;
        if top.join(".git").is_dir() {
            return None;
        }
        let git = repository(top)?;
        // A submodule's `.git` is a file, too; it points to `modules/`, and has no common directory.
        let common = fs::read_to_string(git.join("commondir")).ok()?;
        if !git.parent()?.ends_with("worktrees") {
            return None;
        }
        Some(Self {
            name: git.file_name()?.to_str()?.to_owned(),
            top: top.to_owned(),
            common: git.join(common.trim()),
        })
    }

    /// The top directories of the repository's other checkouts, the main one's first.
    pub fn siblings(&self) -> Vec<PathBuf> {
        let common = self
            .common
            .canonicalize()
            .unwrap_or_else(|_| self.common.clone());
        let main = common.parent().filter(|_| common.ends_with(".git"));
        let linked = fs::read_dir(common.join("worktrees"))
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let pointer = fs::read_to_string(entry.ok()?.path().join("gitdir")).ok()?;
                Some(Path::new(pointer.trim()).parent()?.to_owned())
            })
            .filter(|top| *top != self.top);
        main.map(Path::to_owned).into_iter().chain(linked).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn on(branch: &str) -> Head {
        Head {
            commit: Some("0123456789".to_owned()),
            branch: Some(branch.to_owned()),
        }
    }

    #[test]
    fn a_branch_is_found_loose_packed_and_from_a_worktree() {
        let home = tempfile::tempdir().unwrap();
        let git = home.path().join(".git");
        write(git.join("HEAD"), "ref: refs/heads/main\n");
        write(
            git.join("packed-refs"),
            &format!("# x\n{COMMIT} refs/heads/main\n"),
        );
        write(git.join("refs/heads/feature/one"), &format!("{COMMIT}\n"));
        write(
            git.join("worktrees/w/HEAD"),
            "ref: refs/heads/feature/one\n",
        );
        write(git.join("worktrees/w/commondir"), "../..\n");
        let tree = home.path().join("tree");
        write(
            tree.join(".git"),
            &format!("gitdir: {}/worktrees/w\n", git.display()),
        );

        assert_eq!(Head::of(&home.path().join("a/b")), on("main"));
        assert_eq!(Head::of(&tree), on("feature/one"));
    }

    #[test]
    fn a_linked_worktree_has_gits_name_and_knows_its_siblings() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let git = home.join("shop/.git");
        for name in ["pay", "mail"] {
            let own = git.join("worktrees").join(name);
            let top = home.join(format!("shop-{name}"));
            write(own.join("commondir"), "../..\n");
            write(own.join("gitdir"), &format!("{}/.git\n", top.display()));
            let pointer = format!("gitdir: {}\n", own.display());
            write(top.join(".git"), &pointer);
        }
        write(
            home.join("shop/module/.git"),
            "gitdir: ../.git/modules/module\n",
        );

        let found = Worktree::of(&home.join("shop-pay/a/b")).unwrap();

        assert_eq!(found.name, "pay");
        let siblings = [home.join("shop"), home.join("shop-mail")];
        assert_eq!(found.siblings(), siblings);
        assert_eq!(Worktree::of(&home.join("shop/a")), None);
        assert_eq!(Worktree::of(&home.join("shop/module")), None);
    }

    #[test]
    fn a_commit_alone_is_on_no_branch() {
        let home = tempfile::tempdir().unwrap();
        write(home.path().join(".git/HEAD"), COMMIT);

        let head = Head::of(home.path());

        assert_eq!(head.commit.as_deref(), Some("0123456789"));
        assert_eq!(head.branch, None);
    }
}
