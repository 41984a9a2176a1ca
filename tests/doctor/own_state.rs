//! Faults of the tool's own state: what fills the disk, what can't be read or written, what killed runs left.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;
use std::time::{Duration, SystemTime};

use jobsprint_dev::domain::ContainerId;

use crate::patient::Patient;

#[tokio::test]
async fn snapshots_and_backups_that_fill_the_disk() {
    let patient = Patient::healthy().await;
    for (file, gigabytes) in [
        ("snapshots/monday/db.tar.zst", 4),
        ("backups/shop-1.dump", 3),
    ] {
        let file = format!(".jobsprint/{file}");
        patient.write(&file, "");
        let large = fs::File::options()
            .write(true)
            .open(patient.path().join(&file));
        large
            .expect("there")
            .set_len(gigabytes << 30)
            .expect("sparse");
    }

    patient.doctor(&[]).finds(
        "warning",
        "project.kept",
        &[
            "take 7.5 GB",
            "the snapshot `monday` 4.2 GB",
            "the backups 3.2 GB",
            "snapshot delete monday; jobsprint-dev backup prune",
        ],
    );
}

#[tokio::test]
async fn templates_that_nobody_uses_any_more() {
    let patient = Patient::healthy().await;
    let template = patient
        .path()
        .join("state/jobsprint-dev/templates/0123456789abcdef");
    for (file, bytes) in [("0.tar.zst", 300 << 20), ("template.json", 2), ("used", 0)] {
        let path = template.join(file);
        fs::create_dir_all(&template).expect("made");
        let made = fs::File::create(path).expect("made");
        made.set_len(bytes).expect("sparse");
        let past = SystemTime::now() - Duration::from_hours(24 * 40);
        made.set_modified(past).expect("set");
    }

    patient.doctor(&[]).finds(
        "warning",
        "project.kept",
        &[
            "314.5 MB are kept that are of no use any more",
            "the templates of `ci`, 1 of 1 old, unused or too many: 314.5 MB",
            "jobsprint-dev stacks gc",
        ],
    );
    patient.run(&["stacks", "gc"]);
    patient.doctor(&[]).is_well("project.kept");
    assert!(!template.exists());
}

#[tokio::test]
async fn records_that_a_full_disk_has_cut_off() {
    let patient = Patient::healthy().await;
    patient.write(".jobsprint/ports.json", "{\"version\": 1, \"varia");
    patient.write(".jobsprint/memory.json", "");

    patient.doctor(&[]).finds(
        "warning",
        "project.records",
        &[
            "memory.json",
            "ports.json",
            "is empty",
            "is no whole JSON",
            "mv ",
        ],
    );
    patient.doctor(&["--fix"]).is_well("project.records");
    let aside = patient.path().join(".jobsprint/ports.json.broken");
    assert!(aside.is_file(), "what can't be read isn't lost");
}

#[tokio::test]
async fn state_that_this_user_may_not_write() {
    let patient = Patient::healthy().await;
    fs::set_permissions(patient.path(), fs::Permissions::from_mode(0o777)).expect("opened");
    patient.write(".jobsprint/kept", "");
    chown(patient.path().join(".jobsprint"), Some(0), Some(0)).expect("root's");
    fs::copy(
        env!("CARGO_BIN_EXE_jobsprint-dev"),
        patient.path().join("tool"),
    )
    .expect("copied");

    let script = "shift; exec ./tool \"$@\"";
    patient
        .doctor_in(
            &["setpriv", "--reuid", "65534", "--clear-groups", "--"],
            script,
        )
        .finds(
            "problem",
            "project.state",
            &[".jobsprint", "ermission denied", "chown"],
        );
}

#[tokio::test]
async fn a_disk_that_is_read_only() {
    let patient = Patient::healthy().await;

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind . . && mount -o remount,ro,bind . . && cd \"$PWD\" && exec \"$@\"",
        )
        .finds("problem", "project.state", &["ead-only file system"]);
}

#[tokio::test]
async fn a_file_of_a_killed_run() {
    let patient = Patient::healthy().await;
    patient.write(".env.jobsprint-a1B2c3", "SECRET=half\n");
    let file = fs::File::options()
        .write(true)
        .open(patient.path().join(".env.jobsprint-a1B2c3"));
    let past = SystemTime::now() - Duration::from_mins(1);
    file.expect("there").set_modified(past).expect("set");

    patient.doctor(&[]).finds(
        "warning",
        "project.leftovers",
        &[".env.jobsprint-a1B2c3", "rm "],
    );
    patient.doctor(&["--fix"]).is_well("project.leftovers");
}

#[tokio::test]
async fn a_record_that_is_anothers_is_told_by_name_and_no_secret_of_it() {
    let patient = Patient::healthy().await;
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(patient.path(), open.clone()).expect("opened");
    patient.write(".jobsprint/ports.json", "{\"version\": 1}");
    fs::set_permissions(patient.path().join(".jobsprint"), open).expect("opened");
    let closed = fs::Permissions::from_mode(0o600);
    fs::set_permissions(patient.path().join(".jobsprint/ports.json"), closed).expect("closed");
    let program = patient.path().join("tool");
    fs::copy(env!("CARGO_BIN_EXE_jobsprint-dev"), &program).expect("copied");

    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", "--"])
        .arg(&program)
        .args(["--output", "plain", "config"])
        .current_dir(patient.path())
        .env("HOME", patient.path())
        .output()
        .expect("it starts");

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("ports.json` can't be read: permission denied")
            && said.contains("doctor --fix"),
        "{said}"
    );
}

#[tokio::test]
async fn a_record_is_told_of_once_a_run_and_put_aside_by_the_doctor() {
    let patient = Patient::healthy().await;
    let newer = "{\"version\": 2, \"variables\": {\"A\": \"1\"}}";
    patient.write(".jobsprint/ports.json", newer);

    let output = patient.command(&["--output", "plain", "status"]).output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = "is of version 2, and this jobsprint-dev reads 1: what it kept is not used";
    assert_eq!(said.matches(told).count(), 1, "{said}");

    let found = patient.doctor(&[]);
    found.finds(
        "warning",
        "project.records",
        &["ports.json", "of version 2", "mv "],
    );
    patient.doctor(&["--fix"]).is_well("project.records");
    let aside = patient.path().join(".jobsprint/ports.json.broken");
    assert_eq!(fs::read_to_string(aside).expect("put aside"), newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_cut_off_lets_its_services_go_on_at_the_next_run() {
    let patient = Patient::with("volumes: [\"data:/data\"]").await;
    let compose = fs::read_to_string(patient.path().join("compose.yaml")).expect("there");
    patient.write("compose.yaml", &format!("{compose}volumes: {{ data: }}\n"));
    patient.run(&["up"]);
    let engine = &patient.bed.engine;
    let name = format!("{}-a-1", patient.bed.project);
    let id = engine
        .container(&name)
        .await
        .expect("told")
        .expect("made")
        .id;
    engine
        .pause_container(&ContainerId::new(name.clone()))
        .await
        .expect("paused");
    let journal = format!(
        ".jobsprint/snapshots/.{}.unfinished.json",
        patient.bed.project
    );
    patient.write(
        &journal,
        &format!("{{\"version\": 1, \"doing\": \"saving\", \"paused\": [\"{id}\"]}}"),
    );

    patient.run(&["up"]);

    let found = engine.container(&name).await.expect("told").expect("there");
    assert!(found.is_running(), "{:?}", found.state);
    assert!(!patient.path().join(journal).exists());
}
