//! `stacks list` and `stacks rm`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::repository::{Repository, text, tool, well};

/// The listed stacks of this repository.
fn listed(repository: &Repository, directory: &Path) -> Vec<Value> {
    let text = well(directory, &["stacks", "list", "--output", "json"]);
    let all: Value = serde_json::from_str(&text).expect("JSON");
    let stacks = all["stacks"].as_array().expect("a list").iter();
    let is_ours = |stack: &&Value| {
        let project = stack["project"].as_str().expect("a name");
        project.starts_with(&repository.name)
    };
    stacks.filter(is_ours).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stack_of_the_engine_is_listed_with_its_kind_its_state_and_its_directory() {
    let repository = Repository::new().await;
    let (main, pay) = (repository.main(), repository.worktree("pay"));
    well(&main, &["up"]);
    well(&main, &["--stack", "demo", "up"]);
    well(&pay, &["up"]);
    well(&pay, &["down"]);

    let listed = listed(&repository, &main);
    let shown = well(&pay, &["stacks", "list"]);

    let row = |field: &str| -> Vec<String> {
        let values = listed.iter().map(|stack| stack[field].clone());
        values
            .map(|value| value.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let base = &repository.name;
    let names = [base.clone(), format!("{base}-demo"), format!("{base}-pay")];
    assert_eq!(row("project"), names);
    assert_eq!(row("kind"), ["dev", "named", "worktree"]);
    assert_eq!(row("state"), ["running", "running", "data only"]);
    let real = |path: &Path| path.canonicalize().expect("there").display().to_string();
    let directories = [real(&main), real(&main), real(&pay)];
    assert_eq!(row("directory"), directories);
    assert_eq!(listed[0]["ports"].as_array().map(Vec::len), Some(2));
    let line = shown
        .lines()
        .find(|line| line.starts_with(&format!("{base} ")));
    let words: Vec<&str> = line.expect("listed").split_whitespace().take(4).collect();
    assert_eq!(words, [base.as_str(), "dev", "running", "-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_holds_data_is_removed_only_when_meant_and_its_data_is_kept_first() {
    let repository = Repository::new().await;
    let main = repository.main();
    let demo = format!("{}-demo", repository.name);
    // An image that has what a snapshot needs.
    let path = main.join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    let store = "services:\n  store:\n    image: redis:7-alpine\n    entrypoint: [sleep, infinity]\n    init: true\n    volumes: ['data:/kept']\n    x-jobsprint: { role: data }\n";
    fs::write(&path, file.replacen("services:\n", store, 1)).expect("written");
    well(&main, &["--stack", "demo", "up"]);
    let elsewhere = repository.home.path();

    let unasked = tool(elsewhere, &["stacks", "rm", &demo]);
    let still = repository.observe(&demo).await;
    let removed = tool(elsewhere, &["stacks", "rm", &demo, "--yes"]);

    assert_eq!(unasked.status.code(), Some(2), "{}", text(&unasked.stderr));
    assert_eq!((still.containers.len(), still.volumes.len()), (2, 1));
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    let after = repository.observe(&demo).await;
    assert!(after.containers.is_empty() && after.networks.is_empty() && after.volumes.is_empty());
    let kept = well(&main, &["--stack", "demo", "snapshot", "list"]);
    assert!(kept.contains("before-down-"), "{kept}");
    let of_plain = well(&main, &["snapshot", "list"]);
    assert!(!of_plain.contains("before-down-"), "{of_plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_whose_files_are_gone_is_removed_only_without_a_snapshot() {
    let repository = Repository::new().await;
    let pay = repository.worktree("pay");
    let project = format!("{}-pay", repository.name);
    well(&pay, &["up"]);
    fs::remove_dir_all(&pay).expect("removed");
    let main = repository.main();

    let refused = tool(&main, &["stacks", "rm", &project, "--yes"]);
    let unasked = tool(&main, &["stacks", "rm", &project, "--no-snapshot"]);
    let still = repository.observe(&project).await;
    let removed = tool(&main, &["stacks", "rm", &project, "--no-snapshot", "--yes"]);

    assert_eq!(refused.status.code(), Some(10));
    let said = text(&refused.stderr);
    assert!(
        said.contains("are gone") && said.contains("--no-snapshot"),
        "{said}"
    );
    assert_eq!(unasked.status.code(), Some(2), "{}", text(&unasked.stderr));
    assert_eq!(still.containers.len(), 1);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(repository.observe(&project).await.volumes.is_empty());
}
