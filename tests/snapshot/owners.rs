//! Files come back with their owners and modes, and a snapshot is its user's own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::project::{PLAIN, Project, said};

/// Keeps odd owners, modes and times, takes them away, and brings them back; gives what the save said.
pub async fn keep_and_bring_back(project: &Project, works: impl Fn(&[&str]) -> String) -> String {
    project.write("first").await;
    let make = "cd /one && rm -rf box && mkdir -m 2750 box && echo 1 > 'box/a b' && chmod 4711 'box/a b' && \
        chown -R 70:999 box && ln -s 'a b' box/link && chown -h 5:6 box/link && touch -d @1000 'box/a b' && \
        chown 7:8 . && chmod 1777 .";
    project.ask("writer", make).await;
    let look = "cd /one && find . -exec stat -c '%n %u:%g %a %F' {} + -type f -exec stat -c '%n %Y' {} + | grep -v '^./.bulk' | sort";
    let before = project.ask("writer", look).await;

    let saved = works(&["snapshot", "save", "mine"]);
    project
        .ask(
            "writer",
            "cd /one && rm -rf box && chown 0:0 . && chmod 700 .",
        )
        .await;
    works(&["snapshot", "restore", "mine", "--yes", "--no-snapshot"]);

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

#[tokio::test]
async fn a_snapshot_by_root_comes_back_with_every_owner_and_mode() {
    let project = Project::up(PLAIN).await;

    let saved = keep_and_bring_back(&project, |words| project.works(words)).await;

    assert!(
        saved.contains(", copied, in ") || saved.contains(", cloned by the filesystem, in "),
        "{saved}"
    );
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
    let project = Project::up(PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "first"]);
    project.write("second").await;
    let place = Command::new("docker")
        .args(["volume", "inspect", "--format", "{{.Mountpoint}}"])
        .arg(format!("{}_one", project.name))
        .output();
    let place = said(&place.expect("docker's client is here"));
    let beside = Path::new(place.trim()).parent().expect("the engine's own");
    let left = beside.join(".jobsprint-gone.0");
    fs::create_dir_all(left.join("deep")).expect("made");
    fs::write(left.join("deep/file"), "of an earlier one").expect("written");

    project.works(&["snapshot", "restore", "first", "--yes", "--no-snapshot"]);

    until_gone(&left).await;
    until_gone(&beside.join(".jobsprint-gone.1")).await;
    let names = fs::read_dir(beside).expect("read").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.retain(|name| name.to_string_lossy().contains("jobsprint"));
    assert!(names.is_empty(), "{names:?}");
    assert_eq!(project.word().await, "first");
}

#[tokio::test]
async fn a_snapshot_is_its_users_own_and_comes_back_with_every_owner_and_mode() {
    let project = Project::at(PLAIN).await;
    project.give_to_user();
    let works = |words: &[&str]| project.works_for_user(words);
    works(&["up"]);

    let saved = keep_and_bring_back(&project, works).await;

    assert!(
        saved.contains(", copied, in ") || saved.contains(", cloned by the filesystem, in "),
        "{saved}"
    );
    let kept = project.path(".jobsprint/snapshots");
    let mut killed = project
        .command_of_user(&["snapshot", "save", "killed"])
        .spawn()
        .expect("the tool starts");
    let half = kept.join(format!(".{}.killed.part/one.tree", project.name));
    let began = Instant::now();
    while !half.exists() && killed.try_wait().expect("asked").is_none() {
        assert!(began.elapsed() < Duration::from_secs(20), "it copies");
    }
    killed.kill().expect("killed");
    killed.wait().expect("gone");
    works(&["snapshot", "save", "after"]);
    for name in project.snapshots() {
        works(&["snapshot", "delete", &name]);
    }
    assert_eq!(fs::read_dir(&kept).expect("read").count(), 0);
}
