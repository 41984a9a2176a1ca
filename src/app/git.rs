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
    fn a_commit_alone_is_on_no_branch() {
        let home = tempfile::tempdir().unwrap();
        write(home.path().join(".git/HEAD"), COMMIT);

        let head = Head::of(home.path());

        assert_eq!(head.commit.as_deref(), Some("0123456789"));
        assert_eq!(head.branch, None);
    }
}
