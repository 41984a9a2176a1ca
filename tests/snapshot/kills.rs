//! A run that is killed: nobody stays paused, and the data is of one moment.

use std::fs;
use std::time::Instant;

use crate::moments::moments;
use crate::project::{By, PLAIN, Project};
use crate::verbs::seeded;

async fn kill_saves(by: By) {
    let project = Project::up_by(by, PLAIN).await;
    project.write("first").await;

    let began = Instant::now();
    project.works(&["snapshot", "save", "unhurried"]);
    for (number, moment) in moments(began.elapsed()).enumerate() {
        let mut save = project.begin(&["snapshot", "save", &format!("killed-{number}")]);
        tokio::time::sleep(moment).await;
        save.kill().expect("killed");
        save.wait().expect("gone");
        project.goes_on().await;
    }

    project.works(&["snapshot", "save", "whole"]);
    let listed = project.snapshots();
    let shelf = fs::read_dir(project.path(".jobsprint/snapshots")).expect("read");
    assert_eq!(
        shelf.count(),
        listed.len(),
        "nothing lies beside the whole ones"
    );
    // One that a killed run had finished is as good as any: the last of those is looked at, beside the others' first and last.
    for name in [
        &listed[0],
        &listed[listed.len() - 2],
        &listed[listed.len() - 1],
    ] {
        project.write("second").await;
        project.works(&["snapshot", "restore", name, "--yes", "--no-snapshot"]);
        assert_eq!(project.word().await, "first");
    }
}

#[tokio::test]
async fn a_save_that_is_killed_leaves_nobody_paused_and_nothing_half_made() {
    kill_saves(By::Root).await;
}

#[tokio::test]
async fn nor_does_one_of_a_user_whose_files_a_container_copies() {
    kill_saves(By::User).await;
}

async fn kill_restores(by: By) {
    let project = Project::up_by(by, PLAIN).await;
    project.write("kept").await;
    project.works(&["snapshot", "save", "kept"]);

    let began = Instant::now();
    project.works(&["snapshot", "restore", "kept", "--yes", "--no-snapshot"]);
    for moment in moments(began.elapsed()) {
        project.write("live").await;
        let mut restore = project.begin(&["snapshot", "restore", "kept", "--yes", "--no-snapshot"]);
        tokio::time::sleep(moment).await;
        restore.kill().expect("killed");
        restore.wait().expect("gone");

        project.works(&["up"]);
        let word = project.word().await;
        assert!(["kept", "live"].contains(&word.as_str()), "{word}");
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_is_all_or_nothing() {
    kill_restores(By::Root).await;
}

#[tokio::test]
async fn and_so_is_that_of_a_user() {
    kill_restores(By::User).await;
}

/// Of what it takes away, a reset packs a snapshot first.
async fn kill_resets(by: By) {
    let project = seeded(by).await;
    let psql = async |sql: &str| {
        let script = format!("psql -U jobsprint -Atqc '{sql}'");
        project.ask("postgres", &script).await
    };
    let count = "SELECT count(*) FROM jobs";
    project.works(&["reset", "--yes"]);

    let began = Instant::now();
    project.works(&["reset", "--yes"]);
    for moment in moments(began.elapsed()) {
        let mut reset = project.begin(&["reset", "--yes"]);
        tokio::time::sleep(moment).await;
        reset.kill().expect("killed");
        reset.wait().expect("gone");
        project.goes_on().await;
    }

    project.works(&["reset", "--yes"]);
    assert_eq!(psql(count).await, "2", "{by:?}");
    psql("INSERT INTO jobs VALUES (3)").await;
    project.works(&["reset", "--yes"]);
    assert_eq!(psql(count).await, "2", "{by:?}");
    project.works(&["snapshot", "restore", "--latest", "--yes", "--no-snapshot"]);
    assert_eq!(psql(count).await, "3", "{by:?}");
    let shelf = fs::read_dir(project.path(".jobsprint/snapshots")).expect("read");
    let names = shelf.map(|entry| entry.expect("read").file_name());
    let mut names = names.map(|name| name.to_string_lossy().into_owned());
    assert!(!names.any(|name| name.contains(".part")), "{by:?}");
    project.has_no_helper();
}

#[tokio::test]
async fn a_reset_that_is_killed_leaves_nobody_paused_and_the_next_one_ends_it() {
    kill_resets(By::Root).await;
}

#[tokio::test]
async fn nor_does_a_reset_of_a_user_whose_volumes_a_container_packs() {
    kill_resets(By::User).await;
}
