//! Verbs that take data away keep it first, and the tool's own snapshots don't pile up.

use std::fs;
use std::process::Command;

use crate::project::{ALL, By, ODD, PLAIN, Project, said};

/// A database with migrations, seeds and a password of the project's own, a cache, and a store that neither of them touches.
const SEEDED: &str = r#"
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_DB: jobsprint, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}" }
    volumes: ["postgres:/var/lib/postgresql/data"]
    stop_signal: SIGINT
    x-jobsprint: { role: data, ready: postgres, migrate: { directory: ./migrations } }
  redis:
    image: redis:7-alpine
    entrypoint: [redis-server, --appendonly, "yes", --protected-mode, "no"]
    volumes: ["redis:/data"]
    x-jobsprint: { role: data, ready: redis }
  files:
    image: redis:7-alpine
    init: true
    entrypoint: [sleep, infinity]
    volumes: ["files:/files"]
    x-jobsprint: { role: data }
volumes: { postgres: {}, redis: {}, files: {} }
x-jobsprint: { seeds: ./seeds }
"#;

/// That stack, migrated and seeded.
pub async fn seeded(by: By) -> Project {
    let mut project = Project::at(SEEDED).await;
    fs::create_dir_all(project.path("seeds/postgres")).expect("a directory");
    fs::create_dir_all(project.path("migrations")).expect("a directory");
    fs::create_dir_all(project.path("templates")).expect("a directory");
    let write = |name: &str, text: &str| fs::write(project.path(name), text).expect("written");
    write("migrations/0001_jobs.sql", "CREATE TABLE jobs (id int);");
    write("seeds/postgres/010_jobs.csv", "id\n1\n2\n");
    write(
        "templates/.env.schema",
        "# ---\n# @required @sensitive @generate=alnum(32)\nPOSTGRES_PASSWORD=\n",
    );
    write(".env", "POSTGRES_PASSWORD=first\n");
    if by == By::User {
        project.give_to_user();
    }
    project.works(&["up"]);
    project
}

#[tokio::test]
async fn every_destructive_verb_keeps_what_it_removes() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;

    project.works(&["snapshot", "save", "first"]);
    project.write("second").await;
    project.works(&["snapshot", "restore", "--latest", "--yes"]);
    assert_eq!(project.word().await, "first");
    let before = project.snapshots().pop().expect("one was made first");
    assert!(before.starts_with("before-restore-"), "{before}");
    project.works(&["snapshot", "rename", &before, "second"]);
    let told = project.works(&["snapshot", "diff", "first", "second"]);
    assert!(told.contains("volume one: "), "{told}");

    project.works(&["down", "--volumes", "--yes"]);
    project.works(&["snapshot", "restore", "second", "--yes"]);
    project.works(&["up"]);
    assert_eq!(project.word().await, "second");
    project.works(&["snapshot", "delete", "second"]);
    let names = project.snapshots();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[1].starts_with("before-down-"), "{names:?}");
}

#[tokio::test]
async fn the_oldest_of_the_tools_own_can_be_restored_and_goes_only_then() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "asked"]);
    project.works(&["snapshot", "restore", "asked", "--yes"]);
    let oldest = project.snapshots().pop().expect("one was made first");
    project.write("second").await;
    for _ in 0..4 {
        project.works(&["snapshot", "restore", "asked", "--yes"]);
    }
    project.write("third").await;

    project.works(&["snapshot", "restore", &oldest, "--yes"]);

    assert_eq!(project.word().await, "first");
    let names = project.snapshots();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(!names.contains(&oldest), "{names:?}");
}

#[tokio::test]
async fn what_was_packed_comes_back_with_every_owner_and_mode() {
    for by in ALL {
        let project = seeded(by).await;
        let odd = format!("cd /data && {ODD}");
        let look = "cd /data/box && find . -exec stat -c '%n %u:%g %a %F' {} + -type f -exec stat -c '%n %Y' {} + | sort";
        project.ask("redis", &odd).await;
        let before = project.ask("redis", look).await;

        let told = project.works(&["reset", "--yes"]);
        let done = project.helper_events();
        project.ask("redis", "rm -rf /data/box").await;
        project.works(&["snapshot", "restore", "--latest", "--yes", "--no-snapshot"]);

        assert!(told.contains(", packed with zstd, in "), "{by:?}: {told}");
        assert!(!done.contains("archive-path"), "{by:?}: by itself: {done}");
        assert_eq!(project.ask("redis", look).await, before, "{by:?}");
        project.has_no_helper();
    }
}

#[tokio::test]
async fn where_this_program_cannot_run_in_a_container_the_engine_reads_what_is_packed() {
    let project = seeded(By::User).await;
    // What the engine finds at the program's path isn't the program.
    let tool = project.path("tool");
    fs::write(&tool, "no program").expect("written");
    let reset = project.command_of(&tool, &["reset", "--yes"]);
    let mut hidden = Command::new("unshare");
    hidden
        .args([
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"",
        ])
        .arg(env!("CARGO_BIN_EXE_jobsprint-dev"))
        .arg(&tool)
        .arg(reset.get_program())
        .args(reset.get_args())
        .envs(
            reset
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(project.path("."));

    project.ask("redis", "redis-cli set kept yes").await;
    let told = said(&hidden.output().expect("unshare starts"));
    let done = project.helper_events();
    assert_eq!(
        project.ask("redis", "redis-cli dbsize").await,
        "0",
        "{told}"
    );
    project.works(&["snapshot", "restore", "--latest", "--yes", "--no-snapshot"]);

    assert!(told.contains(", packed with zstd, in "), "{told}");
    assert!(done.contains(" snapshot-agent pack "), "tried: {done}");
    assert!(done.contains("archive-path"), "by the engine: {done}");
    assert_eq!(project.ask("redis", "redis-cli get kept").await, "yes");
    project.has_no_helper();
}

#[tokio::test]
async fn resets_restored_backups_and_new_passwords_are_preceded_by_a_snapshot() {
    let project = seeded(By::Root).await;
    let psql = async |sql: &str| {
        let script = format!("psql -U jobsprint -Atqc '{sql}'");
        project.ask("postgres", &script).await
    };
    let count = "SELECT count(*) FROM jobs";

    psql("INSERT INTO jobs VALUES (3)").await;
    project.ask("redis", "redis-cli set cached yes").await;
    let told = project.works(&["reset", "--yes"]);
    let covers = "kept the data of postgres and redis as `before-reset-";
    assert!(told.contains(covers), "only what goes: {told}");
    assert!(
        told.contains("packed with zstd"),
        "a little is packed: {told}"
    );
    assert_eq!(psql(count).await, "2");
    assert_eq!(project.ask("redis", "redis-cli dbsize").await, "0");
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-reset-"), "{kept}");
    let manifest = project.path(&format!(".jobsprint/snapshots/{kept}/manifest.json"));
    let manifest = fs::read_to_string(manifest).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let version = &manifest["migrations"];
    assert!(version.is_string(), "SQL files make a version: {version}");
    project.ask("files", "echo since > /files/word").await;
    // The newest is of two stores alone: those come back, and the third stays as it is.
    let told = project.works(&["snapshot", "restore", "--latest", "--yes", "--no-snapshot"]);
    assert!(
        told.contains(&format!(
            "the data of postgres and redis is back at `{kept}`"
        )),
        "{told}"
    );
    assert_eq!(psql(count).await, "3");
    assert_eq!(project.ask("redis", "redis-cli get cached").await, "yes");
    assert_eq!(project.ask("files", "cat /files/word").await, "since");

    project.works(&["backup"]);
    let backup = project.works(&["--output", "json", "backup", "list"]);
    let backup: serde_json::Value = serde_json::from_str(&backup).expect("JSON");
    let name = backup["backups"][0]["name"].as_str().expect("a name");
    for (verb, says) in [("list", name), ("prune", "removed 0 of 1 backups")] {
        let mut command = project.command(&["backup", verb]);
        let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output();
        let output = said(&output.expect("the tool starts"));
        assert!(output.contains(says), "no engine is needed: {output}");
    }
    psql("DELETE FROM jobs").await;
    project.works(&["restore", name, "--yes"]);
    assert_eq!(psql(count).await, "3");
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-restore-"), "{kept}");

    project.works(&["env", "rotate", "POSTGRES_PASSWORD"]);
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-env-rotate-"), "{kept}");
    project.works(&["reset", "--volumes", "--yes"]);
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-down-"), "{kept}");
    assert_eq!(psql(count).await, "2");
}
