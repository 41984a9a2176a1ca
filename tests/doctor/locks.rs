//! Locks whose holder is killed: the next run goes on at once; and locks that are no files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::patient::Patient;
use crate::shop;
use crate::wire::ended;

/// What a run may take once nobody holds it up.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A process that holds a file's lock until it is killed.
struct Holder(Child);

impl Holder {
    /// Takes the lock of `path`, and is sure to have it.
    fn of(path: &Path) -> Self {
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        let holder = Command::new("flock")
            .args(["--no-fork", "--exclusive"])
            .arg(path)
            .args(["sleep", "600"])
            .stdin(Stdio::null())
            .spawn()
            .map(Self)
            .expect("`flock` of util-linux starts");
        let until = Instant::now() + AT_ONCE;
        loop {
            let free = Command::new("flock")
                .args(["--nonblock"])
                .arg(path)
                .arg("true")
                .status();
            if !free.expect("it starts").success() {
                return holder;
            }
            assert!(Instant::now() < until, "nobody holds {}", path.display());
        }
    }

    fn kill(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn begin(patient: &Patient, words: &[&str]) -> Child {
    patient
        .command(&[&["--output", "plain"], words].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// Whether `child` waits in a system call for a lock, or comes back to one again and again.
fn waits(child: &Child, lock: &Path) -> bool {
    let fds = fs::read_dir(format!("/proc/{}/fd", child.id()));
    let mut fds = fds.into_iter().flatten().flatten();
    fds.any(|fd| fs::read_link(fd.path()).is_ok_and(|file| file == lock))
}

/// Runs `words` while another holds `lock`; once it waits, the holder is killed, and it must end well.
async fn goes_on(patient: &Patient, lock: PathBuf, words: &[&str]) -> String {
    let holder = Holder::of(&lock);
    let lock = lock.canonicalize().expect("there");
    let mut child = begin(patient, words);
    let until = Instant::now() + AT_ONCE;
    while !waits(&child, &lock) {
        let ended = child.try_wait().expect("asked");
        assert!(
            ended.is_none(),
            "`{}` did not wait: {ended:?}",
            words.join(" ")
        );
        assert!(
            Instant::now() < until,
            "`{}` never came to {}",
            words.join(" "),
            lock.display()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    holder.kill();

    let output = ended(&mut child, Instant::now(), AT_ONCE).await;
    let output = output.unwrap_or_else(|| panic!("`{}` waits for a dead one", words.join(" ")));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

fn project_lock(patient: &Patient, kind: &str) -> PathBuf {
    let locks = patient.path().join("state/jobsprint-dev/locks");
    locks.join(format!("{}{kind}.lock", patient.bed.project))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_run_that_is_killed_goes_on_at_once() {
    let patient = Patient::healthy().await;
    let state = patient.path().join(".jobsprint");

    let said = goes_on(&patient, project_lock(&patient, ""), &["up"]).await;
    assert!(said.contains("is at work on"), "{said}");
    goes_on(&patient, project_lock(&patient, ""), &["down", "--yes"]).await;
    patient.write(".env", "A=1\n");
    goes_on(
        &patient,
        state.join("env.lock"),
        &["env", "set", "A", "2", "--no-apply"],
    )
    .await;

    let env = fs::read_to_string(patient.path().join(".env")).expect("there");
    assert_eq!(env, "A=2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_in_the_midst_is_nobody_s_hindrance() {
    let patient = Patient::with("x-jobsprint: { ready: log never }").await;
    let mut run = begin(&patient, &["up"]);
    let name = format!("{}-a-1", patient.bed.project);
    loop {
        let found = patient.bed.engine.container(&name).await.expect("told");
        if found.is_some_and(|found| found.is_running()) {
            break;
        }
        assert!(
            run.try_wait().expect("asked").is_none(),
            "it ended by itself"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let noted = fs::read_to_string(project_lock(&patient, "")).expect("there");
    assert_eq!(noted, run.id().to_string());
    run.kill().expect("killed");
    run.wait().expect("gone");

    let mut next = begin(&patient, &["down", "--yes"]);
    let output = ended(&mut next, Instant::now(), AT_ONCE)
        .await
        .expect("it goes on");

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !said.contains("is at work on"),
        "{said}"
    );
    assert!(
        patient
            .bed
            .engine
            .container(&name)
            .await
            .expect("told")
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_is_killed_leaves_its_place() {
    let patient = Patient::healthy().await;
    patient.run(&["watch", "--detach"]);
    let lock = project_lock(&patient, ".watch");
    let pid = fs::read_to_string(&lock).expect("there");
    let killed = Command::new("kill").args(["-KILL", pid.trim()]).status();
    assert!(killed.expect("it starts").success());
    // Its lock goes after its files have been closed, and before it is only to be reaped.
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let status = patient
        .command(&["watch", "status"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(said.contains("nobody watches"), "{status:?}");
    patient.run(&["watch", "--detach"]);
    assert_ne!(fs::read_to_string(&lock).expect("there"), pid);
    patient.run(&["watch", "stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_may_hold_anything() {
    let patient = Patient::healthy().await;
    let lock = project_lock(&patient, "");
    for noise in [
        b"".as_slice(),
        b"-1",
        b"99999999999999999999",
        b"\xff\x00\xfe\nrm -rf /",
    ] {
        fs::create_dir_all(lock.parent().expect("a directory")).expect("made");
        fs::write(&lock, noise).expect("written");
        let watch = project_lock(&patient, ".watch");
        fs::write(&watch, noise).expect("written");
        patient.write(".jobsprint/env.lock", &String::from_utf8_lossy(noise));

        goes_on(&patient, lock.clone(), &["stop"]).await;
        patient.run(&["up"]);
        patient.run(&["env", "set", "A", "1", "--no-apply"]);
        patient.run(&["watch", "stop"]);
        patient.run(&["watch", "status"]);
    }
}

#[tokio::test]
async fn a_directory_in_a_lock_s_place_is_told_by_name() {
    let patient = Patient::healthy().await;
    let lock = project_lock(&patient, "");
    fs::create_dir_all(&lock).expect("made");
    fs::create_dir_all(patient.path().join(".jobsprint/env.lock")).expect("made");

    for (words, name) in [
        (&["up"] as &[&str], lock.to_string_lossy().into_owned()),
        (
            &["env", "set", "A", "1", "--no-apply"],
            "env.lock".to_owned(),
        ),
    ] {
        let output = patient
            .command(&[&["--output", "plain"], words].concat())
            .output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{said}");
        assert!(said.contains(&name) && said.contains("directory"), "{said}");
        assert!(said.contains("hint: move it away"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_whose_run_is_killed_is_rolled_back_and_applied_by_the_next() {
    let shop = shop::open().await;
    let long = "create table late (n int);\nselect pg_sleep(300);\n";
    shop.write("migrations/0003_late.sql", long);
    let mut run = begin(&shop, &["migrate"]);
    let asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while ask(&shop, asleep) != "1" {
        assert!(
            run.try_wait().expect("asked").is_none(),
            "it ended by itself"
        );
    }
    run.kill().expect("killed");
    run.wait().expect("gone");
    shop.write("migrations/0003_late.sql", "create table late (n int);\n");

    let mut next = begin(&shop, &["migrate"]);
    let output = ended(&mut next, Instant::now(), AT_ONCE).await;
    let output = output.expect("it does not wait for what nobody wants any more");

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let tables = "select count(*) from pg_tables where tablename = 'late'";
    assert_eq!(ask(&shop, tables), "1");
    assert_eq!(ask(&shop, asleep), "0");
}

/// What the shop's database says.
fn ask(shop: &Patient, sql: &str) -> String {
    let words = ["db", "shell", "db", "--", "-Atc", sql];
    let output = shop.command(&words).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
