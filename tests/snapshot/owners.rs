//! Files come back with their owners and modes, and a snapshot is its user's own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::project::{ALL, By, ODD, PLAIN, Project, said};
use crate::support;

/// Keeps odd owners, modes and times, takes them away, and brings them back by what `restores`; gives what the save said.
pub async fn keep_and_bring_back(project: &Project, restores: impl Fn(&[&str])) -> String {
    project.write("first").await;
    let make = format!("cd /one && {ODD} && chown 7:8 . && chmod 1777 .");
    project.ask("writer", &make).await;
    let look = "cd /one && find . -exec stat -c '%n %u:%g %a %F' {} + -type f -exec stat -c '%n %Y' {} + | grep -v '^./.bulk' | sort";
    let before = project.ask("writer", look).await;

    let saved = project.works(&["snapshot", "save", "mine"]);
    project
        .ask(
            "writer",
            "cd /one && rm -rf box && chown 0:0 . && chmod 700 .",
        )
        .await;
    restores(&["snapshot", "restore", "mine", "--yes", "--no-snapshot"]);

    assert_eq!(project.ask("writer", look).await, before);
    let open = Command::new("find")
        .arg(project.path(".jobsprint/snapshots"))
        .args(["-perm", "/077", "!", "-type", "l"])
        .output();
    assert_eq!(
        said(&open.expect("find starts")),
        "",
        "nobody else may read it"
    );
    saved
}

/// Whether the volumes were kept as files.
fn assert_files(saved: &str) {
    assert!(
        saved.contains(", copied, in ") || saved.contains(", cloned by the filesystem, in "),
        "{saved}"
    );
}

#[tokio::test]
async fn a_snapshot_by_root_comes_back_with_every_owner_and_mode() {
    let project = Project::up(PLAIN).await;

    let saved = keep_and_bring_back(&project, |words| drop(project.works(words))).await;

    assert_files(&saved);
}

/// A limit says that a directory never goes.
async fn until_gone(directory: &Path) {
    let began = Instant::now();
    while directory.exists() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}",
            directory.display()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_restore_replaced_goes_and_so_does_what_a_killed_sweeper_left() {
    for by in ALL {
        let project = Project::up_by(by, PLAIN).await;
        project.write("first").await;
        project.works(&["snapshot", "save", "first"]);
        project.write("second").await;
        let beside = project.beside("one");
        let left = beside.join(".jobsprint-gone.0");
        fs::create_dir_all(left.join("deep")).expect("made");
        fs::write(left.join("deep/file"), "of an earlier one").expect("written");

        project.works(&["snapshot", "restore", "first", "--yes", "--no-snapshot"]);

        until_gone(&left).await;
        until_gone(&beside.join(".jobsprint-gone.1")).await;
        let names = fs::read_dir(beside).expect("read").flatten();
        let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
        names.retain(|name| name.to_string_lossy().contains("jobsprint"));
        assert!(names.is_empty(), "{by:?}: {names:?}");
        assert_eq!(project.word().await, "first");
    }
}

#[tokio::test]
async fn volumes_can_be_removed_while_what_a_restore_replaced_still_goes() {
    let project = Project::up_by(By::User, PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "first"]);
    let beside = project.beside("one");

    // Nothing is waited for between the two.
    project.works(&["snapshot", "restore", "first", "--yes", "--no-snapshot"]);
    project.works(&["down", "--volumes", "--yes", "--no-snapshot"]);

    assert!(!beside.exists(), "{}", beside.display());
    let left = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter"])
        .arg(format!("name={}", project.name))
        .output();
    assert_eq!(said(&left.expect("docker's client is here")), "");
}

#[tokio::test]
async fn a_users_snapshot_needs_nothing_of_an_image_but_a_few_small_tools() {
    let image = support::tiny_image(&support::engine().await).await; // without any C library
    let file = PLAIN.replace("redis:7-alpine", image.as_str());
    let project = Project::up_by(By::User, &file).await;
    project.write("first").await;

    let saved = project.works(&["snapshot", "save", "first"]);
    project.write("second").await;
    project.works(&["snapshot", "restore", "first", "--yes", "--no-snapshot"]);

    assert_files(&saved);
    assert_eq!(project.word().await, "first");
}

#[tokio::test]
async fn a_snapshot_is_its_users_own_and_comes_back_with_every_owner_and_mode() {
    let project = Project::up_by(By::User, PLAIN).await;

    let saved = keep_and_bring_back(&project, |words| drop(project.works(words))).await;

    assert_files(&saved);
    let kept = project.path(".jobsprint/snapshots");
    let mut killed = project.begin(&["snapshot", "save", "killed"]);
    let half = kept.join(format!(".{}.killed.part/one.tree", project.name));
    let began = Instant::now();
    while !half.exists() && killed.try_wait().expect("asked").is_none() {
        assert!(began.elapsed() < Duration::from_secs(20), "it copies");
    }
    killed.kill().expect("killed");
    killed.wait().expect("gone");
    project.works(&["snapshot", "save", "after"]);
    for name in project.snapshots() {
        project.works(&["snapshot", "delete", &name]);
    }
    assert_eq!(fs::read_dir(&kept).expect("read").count(), 0);
}
