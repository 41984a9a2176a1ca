//! `.env` on a real disk, through the real program: killed at any step, written by two at once, and in every odd shape that a file takes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_jobsprint-dev");

/// A project that has nothing but this `.env`.
fn project(text: &[u8]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".env"), text).unwrap();
    home
}

/// A project with the schema that ships.
fn with_schema() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let templates = home.path().join("templates");
    fs::create_dir(&templates).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/.env.schema");
    fs::copy(shipped, templates.join(".env.schema")).unwrap();
    home
}

fn env(home: &TempDir, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("env")
        .args(arguments)
        .current_dir(home.path())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn text(home: &TempDir) -> String {
    fs::read_to_string(home.path().join(".env")).unwrap()
}

#[test]
fn a_kill_at_any_call_leaves_the_old_file_or_the_new_one_whole() {
    let old = "# mine\nA=old\nB='kept'\n";
    let new = "# mine\nA=new\nB='kept'\n";
    let mut kills = 0;
    for call in [
        "openat",
        "write",
        "fchmod",
        "fsync",
        "rename",
        "renameat2",
        "unlink",
        "flock",
    ] {
        for nth in 1.. {
            let home = project(old.as_bytes());
            // The libraries that a process loads are opened before anything of ours happens.
            let nth = if call == "openat" { nth * 3 } else { nth };
            let status = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null"])
                .arg(format!("-einject={call}:signal=KILL:when={nth}"))
                .arg(PROGRAM)
                .args(["env", "set", "A", "new", "--no-apply"])
                .current_dir(home.path())
                .output()
                .expect("strace; hint: apt-get install strace")
                .status;
            let found = text(&home);
            assert!(found == old || found == new, "{call} {nth}: {found}");
            let killed = status.signal() == Some(9) || status.code() == Some(128 + 9);
            if !killed {
                assert!(status.success(), "{call} {nth}: {status}");
                assert_eq!(found, new, "{call} {nth}");
                break;
            }
            kills += 1;

            let again = env(&home, &["set", "A", "new", "--no-apply"]);
            assert!(again.status.success(), "{call} {nth}: {}", said(&again));
            assert_eq!(text(&home), new);
            let left: Vec<String> = fs::read_dir(home.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.starts_with(".env.jobsprint-"))
                .collect();
            assert!(left.is_empty() || found == new, "{call} {nth}: {left:?}");
        }
    }
    assert!(kills > 10, "only {kills} kills hit");
}

#[test]
fn writers_at_once_lose_nothing() {
    let home = project(b"");

    let running: Vec<_> = (0..8)
        .map(|number| {
            Command::new(PROGRAM)
                .args(["env", "set", &format!("K{number}={number}"), "--no-apply"])
                .current_dir(home.path())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut writer in running {
        assert!(writer.wait().unwrap().success());
    }

    let text = text(&home);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let expected = [
        "K0=0", "K1=1", "K2=2", "K3=3", "K4=4", "K5=5", "K6=6", "K7=7",
    ];
    assert_eq!(lines, expected);
}

/// Runs a script in a file system of its own: `$1` is the program, the directory a tmpfs of 32 KiB.
fn in_tiny_disk(script: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let script = format!("set -e\nmount -t tmpfs -o size=32k none \"$2\"\ncd \"$2\"\n{script}");
    let user = if rustix::process::geteuid().is_root() {
        "-m"
    } else {
        "-rm"
    };
    Command::new("unshare")
        .args([user, "sh", "-c", &script, "sh", PROGRAM])
        .arg(home.path())
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let output = in_tiny_disk(
        "echo A=old > .env\nmkdir .jobsprint && echo '*' > .jobsprint/.gitignore\n\
         cat /dev/zero > filler 2>/dev/null || true\n\
         \"$1\" env set A new --no-apply || echo code $?\ncat .env",
    );

    let said = said(&output);
    assert!(said.contains("no space left on the disk"), "{said}");
    assert!(
        said.contains("hint: free some space; nothing was changed"),
        "{said}"
    );
    assert!(said.contains("code 10"), "{said}");
    assert!(said.contains("A=old"), "{said}");
}

#[test]
fn a_read_only_place_is_told_and_reading_still_works() {
    let output = in_tiny_disk(
        "echo A=old > .env\nmount -o remount,ro none \"$2\"\n\
         \"$1\" env set A new --no-apply || echo code $?\n\"$1\" env get A",
    );

    let said = said(&output);
    assert!(said.contains("the file system is read-only"), "{said}");
    assert!(said.contains("code 10"), "{said}");
    assert!(said.starts_with("code 10\nold\n"), "{said}");
}

#[test]
fn a_directory_in_its_place_and_bytes_that_are_no_text_are_told() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".env")).unwrap();
    let directory = env(&home, &["set", "A", "1", "--no-apply"]);
    assert_eq!(directory.status.code(), Some(10));
    assert!(said(&directory).contains("is a directory, not a file"));

    let home = project(b"A=1\nB=caf\xe9\n");
    let latin = env(&home, &["set", "A", "2", "--no-apply"]);
    assert_eq!(latin.status.code(), Some(10));
    assert!(said(&latin).contains("line 2 has the byte 0xe9 in column 6"));
    assert_eq!(
        fs::read(home.path().join(".env")).unwrap(),
        b"A=1\nB=caf\xe9\n"
    );
}

#[test]
fn a_link_stays_a_link_and_carriage_returns_stay() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("shared.env"), "# mine\r\nA='1' # one\r\n").unwrap();
    symlink("shared.env", home.path().join(".env")).unwrap();

    let output = env(&home, &["set", "A=2", "B=3", "--no-apply"]);

    assert!(output.status.success(), "{}", said(&output));
    assert!(home.path().join(".env").is_symlink());
    assert_eq!(text(&home), "# mine\r\nA='2' # one\r\nB=3\r\n");
}

#[test]
fn a_megabyte_is_written_and_read_back() {
    let line = format!("# {}\n", "x".repeat(1000));
    let home = project((line.repeat(1100) + "A=1\n").as_bytes());

    let output = env(&home, &["set", "A", "2", "--no-apply"]);

    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(text(&home), line.repeat(1100) + "A=2\n");
}

#[test]
fn a_broken_line_is_told_with_its_place_and_without_its_value() {
    let home = project(b"A=1\nB='s3cret-value\n");

    let output = env(&home, &["list"]);

    assert_eq!(output.status.code(), Some(50));
    assert!(said(&output).contains(".env:2:3: unterminated quoted value"));
    assert!(!said(&output).contains("s3cret-value"));
}

#[test]
fn no_secret_is_shown_unless_it_is_asked_for() {
    let home = with_schema();
    let mut all = String::new();
    for arguments in [
        &["init", "--yes"][..],
        &["check"],
        &["list"],
        &["explain", "DATABASE_URL"],
        &["explain", "JWT_SECRET"],
        &["rotate", "--all-secrets", "--no-apply"],
        &["list", "--output", "json"],
        &["set", "PUTER_APP_ID", "app-12345678", "--no-apply"],
    ] {
        all += &said(&env(&home, arguments));
    }
    let shown = said(&env(&home, &["list", "--reveal"]));

    for key in [
        "JWT_SECRET",
        "POSTGRES_PASSWORD",
        "N8N_ENCRYPTION_KEY",
        "PUTER_APP_ID",
    ] {
        let value = said(&env(&home, &["get", key]));
        assert!(
            shown.contains(value.trim()),
            "{key} is revealed when asked for"
        );
        assert!(
            !all.contains(value.trim()),
            "{key} is never shown otherwise"
        );
    }
    let mode = fs::metadata(home.path().join(".env"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_old_scripts_file_is_taken_over() {
    let home = with_schema();
    let old = "\
PUTER_APP_ID=app-1
JWT_SECRET=some-secret-of-mine
DATABASE_URL=postgresql://jobsprint:password@localhost:5432/jobsprint
REDIS_URL=redis://localhost:6379
NODE_ENV=development
";
    fs::write(home.path().join(".env"), old).unwrap();

    let before = env(&home, &["check"]);
    assert_eq!(before.status.code(), Some(50));
    assert!(said(&before).contains("error: `POSTGRES_PASSWORD` is missing: Postgres:"));

    assert!(env(&home, &["init", "--yes"]).status.success());
    let found = text(&home);
    assert!(found.starts_with(old), "{found}");
    assert!(found.contains("\nPOSTGRES_PASSWORD=password\n"), "{found}");

    let after = env(&home, &["check"]);
    let words = said(&after);
    assert_eq!(after.status.code(), Some(0), "{words}");
    assert!(words.contains("`POSTGRES_PASSWORD` is weak"), "{words}");
}

#[test]
fn an_export_hands_over_what_only_people_know() {
    let (giver, taker) = (with_schema(), with_schema());
    env(&giver, &["init", "--yes"]);
    env(
        &giver,
        &["set", "PUTER_APP_ID", "app-handed-over", "--no-apply"],
    );
    env(&taker, &["init", "--yes"]);
    let parcel = giver.path().join("team.age");
    let share = |home: &TempDir, passphrase: &str, arguments: &[&str]| {
        Command::new(PROGRAM)
            .arg("env")
            .args(arguments)
            .arg(&parcel)
            .env("JOBSPRINT_PASSPHRASE", passphrase)
            .current_dir(home.path())
            .output()
            .unwrap()
    };

    let sealed = share(&giver, "horse", &["export", "--encrypted"]);
    assert!(sealed.status.success(), "{}", said(&sealed));
    assert_eq!(share(&taker, "cow", &["import"]).status.code(), Some(50));
    let opened = share(&taker, "horse", &["import"]);

    assert!(opened.status.success(), "{}", said(&opened));
    let value = env(&taker, &["get", "PUTER_APP_ID"]);
    assert_eq!(String::from_utf8_lossy(&value.stdout), "app-handed-over\n");
    assert_ne!(
        env(&taker, &["get", "JWT_SECRET"]).stdout,
        env(&giver, &["get", "JWT_SECRET"]).stdout
    );
}
