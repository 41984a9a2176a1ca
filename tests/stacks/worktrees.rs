//! Two checkouts, and two stacks of one checkout, side by side.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::repository::{Repository, text, tool, well};

/// What the stack's web server serves: the addresses that it was told.
fn served(port: u16) -> String {
    let ran = Command::new("curl")
        .args(["--silent", "--show-error", "--fail"])
        .arg(format!("http://localhost:{port}/said"))
        .output()
        .expect("curl starts");
    assert!(ran.status.success(), "{port}: {}", text(&ran.stderr));
    text(&ran.stdout)
}

/// The host ports of a project, as the engine has them.
async fn ports(repository: &Repository, project: &str) -> Vec<u16> {
    let observed = repository.observe(project).await;
    assert_eq!(observed.containers.len(), 1, "{project}");
    let ports = observed.containers[0].ports.iter();
    let mut ports: Vec<(u16, u16)> = ports.map(|port| (port.container, port.host)).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.into_iter().map(|(_, host)| host).collect()
}

fn say(directory: &Path, words: &[&str], value: &str) {
    let command = format!("echo {value} > /data/note");
    well(
        directory,
        &[words, &["exec", "web", "--", "sh", "-c", &command]].concat(),
    );
}

fn note(directory: &Path, words: &[&str]) -> String {
    well(
        directory,
        &[words, &["exec", "web", "--", "cat", "/data/note"]].concat(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_worktree_has_a_stack_of_its_own_beside_the_main_checkouts() {
    let repository = Repository::new().await;
    let (main, pay) = (repository.main(), repository.worktree("pay"));
    let (plain, beside) = (repository.name.clone(), format!("{}-pay", repository.name));

    well(&main, &["up"]);
    let up = tool(&pay, &["up"]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    say(&main, &[], "main");
    say(&pay, &[], "pay");

    let [fed, literal] = repository.ports;
    let own = ports(&repository, &beside).await;
    assert_eq!(ports(&repository, &plain).await, [fed, literal]);
    assert!(
        own.iter().all(|port| (20_000..32_000).contains(port)),
        "{own:?}"
    );
    assert!(text(&up.stdout).contains(&format!("http://localhost:{}", own[0])));
    let urls = |fed, literal| format!("http://localhost:{fed}/,http://localhost:{literal}/\n");
    assert_eq!(served(fed), urls(fed, literal));
    assert_eq!(served(own[0]), urls(own[0], own[1]));
    assert_eq!(note(&main, &[]), "main\n");
    assert_eq!(note(&pay, &[]), "pay\n");

    // The same again, whatever else was said in between; and the end of one is not the other's.
    well(&pay, &["down"]);
    well(&pay, &["up"]);
    assert_eq!(ports(&repository, &beside).await, own);
    assert_eq!(note(&pay, &[]), "pay\n");
    let status = well(&pay, &["status"]);
    assert!(status.contains(&own[0].to_string()), "{status}");
    well(&pay, &["down", "--volumes", "--yes", "--no-snapshot"]);
    assert!(repository.observe(&beside).await.volumes.is_empty());
    assert_eq!(note(&main, &[]), "main\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_stack_stands_beside_the_default_one_of_its_checkout() {
    let repository = Repository::new().await;
    let main = repository.main();
    let demo = format!("{}-demo", repository.name);

    well(&main, &["up"]);
    let up = tool(&main, &["--stack", "demo", "up"]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    say(&main, &[], "plain");
    say(&main, &["--stack", "demo"], "demo");

    assert!(text(&up.stderr).contains("jobsprint-dev --stack demo logs -f"));
    assert_eq!(note(&main, &[]), "plain\n");
    assert_eq!(note(&main, &["--stack", "demo"]), "demo\n");
    let observed = repository.observe(&demo).await;
    assert_eq!(observed.containers[0].name, format!("{demo}-web-1"));
    assert_eq!(observed.volumes[0].name, format!("{demo}_data"));
    assert_eq!(observed.networks[0].name, format!("{demo}_default"));
    let block = main.join(".jobsprint/stacks/demo/block.json");
    assert!(block.is_file(), "the choice is remembered in the checkout");

    well(&main, &["down", "--stack", "demo"]);
    assert!(repository.observe(&demo).await.containers.is_empty());
    assert_eq!(note(&main, &[]), "plain\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_another_worktree_remembers_are_left_to_it_also_while_it_is_down() {
    let repository = Repository::new().await;
    let (one, two) = (repository.worktree("one"), repository.worktree("two"));
    well(&two, &["config"]);
    let block = two.join(".jobsprint/block.json");
    let first = fs::read_to_string(&block).expect("chosen");
    // As if the first one had got the second one's block.
    fs::create_dir(one.join(".jobsprint")).expect("made");
    fs::rename(&block, one.join(".jobsprint/block.json")).expect("moved");

    well(&two, &["config"]);

    let second = fs::read_to_string(&block).expect("chosen anew");
    let numbers = |text: &str| -> Vec<u64> {
        let block: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let ports = block["ports"].as_object().expect("a map").values();
        ports.filter_map(|port| port["to"].as_u64()).collect()
    };
    let (first, second) = (numbers(&first), numbers(&second));
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(
        first.iter().all(|port| !second.contains(port)),
        "{first:?} {second:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_compose_sees_the_main_checkouts_stack_and_changes_nothing() {
    let repository = Repository::new().await;
    let main = repository.main();
    let program = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/get-compose"))
        .output()
        .expect("the script starts");
    assert!(program.status.success(), "Docker Compose can't be had");
    well(&main, &["up"]);
    let before = repository.observe(&repository.name).await;

    let listed = Command::new(text(&program.stdout).trim())
        .args(["ps", "--quiet"])
        .current_dir(&main)
        .output()
        .expect("Compose starts");

    let id = before.containers[0].id.as_str();
    assert_eq!(text(&listed.stdout).trim(), id, "{}", text(&listed.stderr));
}
