//! A git branch's own data.

use std::fs;

use crate::project::{PLAIN, Project};

#[tokio::test]
async fn each_git_branch_keeps_its_own_data() {
    let project = Project::up(PLAIN).await;
    let git = project.path(".git");
    fs::create_dir(&git).expect("a directory");
    let switch = |branch: &str| {
        let head = format!("ref: refs/heads/{branch}\n");
        fs::write(git.join("HEAD"), head).expect("written");
        project.works(&["snapshot", "--auto-branch"])
    };
    switch("main");
    project.write("main").await;

    switch("feature/x");
    assert_eq!(project.word().await, "main");
    project.write("feature").await;
    switch("main");
    assert_eq!(project.word().await, "main");
    switch("feature/x");

    assert_eq!(project.word().await, "feature");
    let mut names = project.snapshots();
    names.sort();
    assert_eq!(names, ["branch-feature-x", "branch-main"]);
}
