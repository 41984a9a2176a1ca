//! Several stacks of the same files on a real engine: by git worktree, by `--stack`, and told from other directories'.

mod support;

#[path = "stacks/listed.rs"]
mod listed;
#[path = "stacks/names.rs"]
mod names;
#[path = "stacks/repository.rs"]
mod repository;
#[path = "stacks/worktrees.rs"]
mod worktrees;
