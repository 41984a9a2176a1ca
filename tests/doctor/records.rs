//! Each file of the tool's own state, broken by itself: whoever reads it says so or does without, and what can't be made
//! again is still there afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::breakage::{Damage, EVERY, FEW, Whole};
use crate::patient::{Patient, diagnosed};
use crate::shop;
use crate::wire::{ended, faults_of};

/// What a question to the tool may take, and what work may that starts a stack of its own.
const ASKED: Duration = Duration::from_secs(25);
const WORK: Duration = Duration::from_mins(2);

/// What its readers say of a broken file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// They name it.
    Named,
    /// They need not: it is learnt anew, or its content says nothing.
    Silent,
}

/// What becomes of a broken file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It stays, in its place or beside it.
    Stays,
    /// It may go: all that it holds is made anew.
    Anew,
}

use Fate::{Anew, Stays};
use Told::{Named, Silent};

/// A file by the end of its path, its readers, and what becomes of it.
struct Row {
    file: &'static str,
    readers: &'static [&'static [&'static str]],
    told: Told,
    fate: Fate,
    damages: &'static [Damage],
    /// Whether `doctor` tells of it under `project.records`.
    diagnosed: bool,
}

const fn row(
    file: &'static str,
    readers: &'static [&'static [&'static str]],
    told: Told,
    fate: Fate,
) -> Row {
    Row {
        file,
        readers,
        told,
        fate,
        damages: EVERY,
        diagnosed: false,
    }
}

impl Row {
    const fn diagnosed(mut self) -> Self {
        self.diagnosed = true;
        self
    }

    const fn slow(mut self) -> Self {
        self.damages = FEW;
        self
    }
}

const CI: &[&[&str]] = &[&["ci", "--", "true"]];
const REUSE: &[&[&str]] = &[&["ci", "--reuse", "--", "true"]];

/// Every file that the tool writes for itself.
const ROWS: &[Row] = &[
    // What a checkout remembers.
    row(
        ".jobsprint/ports.json",
        &[&["config"], &["status"], &["up", "--dry-run"]],
        Named,
        Stays,
    )
    .diagnosed(),
    row(
        "stacks/side/block.json",
        &[&["--stack", "side", "config"]],
        Named,
        Stays,
    )
    .diagnosed(),
    row(
        ".jobsprint/volumes.json",
        &[&["up", "--force-recreate", "a"]],
        Silent,
        Stays,
    )
    .diagnosed(),
    row(
        ".jobsprint/memory.json",
        &[&["up", "--force-recreate", "a"]],
        Silent,
        Stays,
    )
    .diagnosed(),
    row(
        ".jobsprint/startup.json",
        &[&["report", "startup"]],
        Named,
        Stays,
    )
    .diagnosed(),
    row("watch/figures.json", &[&["watch", "status"]], Silent, Stays).diagnosed(),
    row("watch/watch.log", &[&["watch", "logs"]], Silent, Anew),
    row(
        ".gitignore",
        &[&["env", "set", "SPARE", "2"]],
        Silent,
        Stays,
    ),
    row(
        ".jobsprint/env.lock",
        &[&["env", "set", "SPARE", "3"]],
        Silent,
        Anew,
    ),
    row(
        ".jobsprint/volumes.lock",
        &[&["up", "--force-recreate", "a"]],
        Silent,
        Anew,
    ),
    row(
        ".env",
        &[&["env", "check"], &["env", "set", "SPARE", "4"]],
        Silent,
        Stays,
    ),
    row(
        "backups/env/*.env",
        &[&["env", "set", "SPARE", "5"]],
        Silent,
        Anew,
    ),
    // Data, and what says which data is which.
    row(
        ".jobsprint/backups/*.json",
        &[&["backup", "list"], &["backup", "prune"]],
        Named,
        Stays,
    )
    .diagnosed(),
    row(
        ".jobsprint/backups/*.dump",
        &[&["backup", "verify", "BACKUP"]],
        Named,
        Stays,
    ),
    row(
        "snapshots/kept/manifest.json",
        &[
            &["snapshot", "list"],
            &["snapshot", "restore", "kept", "--yes"],
            &["snapshot", "diff", "kept", "other"],
        ],
        Named,
        Stays,
    )
    .diagnosed(),
    row(
        "snapshots/.branch",
        &[&["snapshot", "--auto-branch"]],
        Named,
        Stays,
    )
    .diagnosed(),
    row(
        ".unfinished.json",
        &[&["up"], &["snapshot", "save", "more"], &["down", "--yes"]],
        Named,
        Stays,
    )
    .diagnosed(),
    // What this user has beside all checkouts.
    row("locks/*.lock", &[&["stop", "a"]], Silent, Anew),
    row("reuse/*.json", REUSE, Silent, Anew).slow(),
    row("kept/*", &[&["stacks", "list"]], Silent, Anew),
    row("templates/*/template.json", CI, Silent, Anew).slow(),
    row("templates/*/values.json", CI, Silent, Anew).slow(),
    row("templates/*/used", CI, Silent, Anew).slow(),
    row("templates/*/*.tar.zst", CI, Silent, Anew).slow(),
    // What a failed run leaves for a look.
    row(
        "capsule/replay.json",
        &[&["ci", "replay", "capsule", "--", "true"]],
        Named,
        Stays,
    ),
    row(
        "capsule/model.yaml",
        &[&["ci", "replay", "capsule", "--", "true"]],
        Named,
        Stays,
    )
    .slow(),
];

/// Whether the path ends as a row says; a `*` stands for some of one name.
fn is_of(path: &Path, end: &str) -> bool {
    let names: Vec<&str> = path.iter().filter_map(|name| name.to_str()).collect();
    let ends: Vec<&str> = end.split('/').collect();
    let Some(from) = names.len().checked_sub(ends.len()) else {
        return false;
    };
    let fits = |(name, end): (&&str, &&str)| match end.split_once('*') {
        Some((first, last)) => {
            name.len() >= first.len() + last.len()
                && name.starts_with(first)
                && name.ends_with(last)
        }
        None if end.starts_with(".unfinished") => name.ends_with(end),
        None => name == end,
    };
    names[from..].iter().zip(&ends).all(fits)
}

/// All files of the state; of a snapshot only what is beside its parts.
fn state(place: &Path) -> Vec<PathBuf> {
    let mut files = vec![place.join(".env")];
    let mut waiting = vec![
        place.join(".jobsprint"),
        place.join("state"),
        place.join("capsule"),
    ];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_part = directory
                .parent()
                .is_some_and(|above| above.ends_with("snapshots"));
            if !path.is_dir() {
                files.push(path);
            } else if !is_part {
                waiting.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The shop, with everything that the tool ever writes down.
async fn full_shop() -> Patient {
    let shop = shop::open().await;
    let project = &shop.bed.project;
    shop.run(&["snapshot", "--auto-branch"]);
    shop.run(&["ci", "--", "true"]);
    shop.run(&["ci", "--reuse", "--", "true"]);
    shop.run(&["watch", "--detach"]);
    shop.run(&["watch", "stop"]);
    let side = tool(&shop, &["--stack", "side", "config"]).status();
    assert!(side.expect("it starts").success());
    shop.write(
        ".jobsprint/ports.json",
        "{\"version\": 1, \"variables\": {\"NOBODYS_PORT\": \"2\"}, \"fixed\": {}}",
    );
    shop.write(
        ".jobsprint/watch/figures.json",
        "{\"version\": 1, \"services\": {\"a\": {\"changes\": 1, \"p50_ms\": 2, \"p95_ms\": 3}}}",
    );
    shop.write(
        &format!(".jobsprint/snapshots/.{project}.unfinished.json"),
        "{\"version\": 1, \"doing\": \"saving\", \"paused\": []}",
    );
    shop
}

/// The tool as the shop's, by a variable: `-p` would say that no other stack is meant.
fn tool(shop: &Patient, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
    command
        .args(words)
        .current_dir(shop.path())
        .env("COMPOSE_PROJECT_NAME", shop.bed.project.as_str())
        .env("XDG_STATE_HOME", shop.path().join("state"))
        .env("CI", "1")
        .env("JOBSPRINT_PASSPHRASE", shop::PASSPHRASE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What is wrong with how the readers of `row` take the file, broken so.
async fn wrong(shop: &Patient, row: &Row, whole: &Whole, how: Damage) -> Vec<String> {
    let mut wrong = Vec::new();
    let place = whole.path.strip_prefix(shop.path()).unwrap_or(&whole.path);
    let name = whole
        .path
        .file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned();
    for words in row.readers {
        let case = format!("`{}` with {} {how:?}", words.join(" "), place.display());
        let broken = whole.damage(how);

        let stem = name.split('.').next().unwrap_or_default();
        let words: Vec<&str> = words
            .iter()
            .map(|&word| if word == "BACKUP" { stem } else { word })
            .collect();
        let limit = if words[0] == "ci" { WORK } else { ASKED };
        let began = Instant::now();
        let mut child = tool(shop, &words).spawn().expect("it starts");
        let Some(output) = ended(&mut child, began, limit).await else {
            wrong.push(format!("{case} still runs after {} s", limit.as_secs()));
            continue;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        println!("{:>6} ms  {code:?}  {case}", began.elapsed().as_millis());
        let mut faults = faults_of(&words.join(" "), &said, code);
        // Half a dump's file name is its backup's, and half a snapshot's path is its name.
        let named = [name.as_str(), stem, "`kept`"];
        // Each finding of a check has its hint below it.
        faults.retain(|fault| words[..] != ["env", "check"] || !fault.contains("no next command"));
        if row.told == Named
            && !named
                .iter()
                .any(|name| !name.is_empty() && said.contains(name))
        {
            faults.push("does not name the file".to_owned());
        }
        if row.fate == Stays && !whole.still_has(broken.as_ref()) {
            faults.push("has lost what was there".to_owned());
        }
        wrong.extend(
            faults
                .into_iter()
                .map(|fault| format!("{case} {fault}:\n{said}")),
        );
    }
    if row.diagnosed && how == Damage::Noise {
        whole.damage(how);
        let found = diagnosed(&mut tool(shop, &["--output", "json", "doctor"]));
        let is_told = found.said.contains("project.records") && found.said.contains(&*name);
        let records = found.reasons("project.records");
        if !is_told || !records.contains(&name) {
            wrong.push(format!("`doctor` says nothing of {name}: {records}"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_of_the_state_may_be_broken_by_itself() {
    let shop = full_shop().await;
    let files = state(shop.path());
    let nobodys: Vec<&PathBuf> = files
        .iter()
        .filter(|path| !ROWS.iter().any(|row| is_of(path, row.file)))
        // What a failed run tells a person is nobody's to read but theirs.
        .filter(|path| !path.starts_with(shop.path().join("capsule")))
        .filter(|path| !path.ends_with("manifest.json"))
        .collect();
    assert!(nobodys.is_empty(), "no row has {nobodys:?}");

    let mut all = Vec::new();
    for row in ROWS {
        let file = files.iter().find(|path| is_of(path, row.file));
        let file = file.unwrap_or_else(|| panic!("no {} is there: {files:?}", row.file));
        if !file.exists() {
            continue; // a template that another row's damage has thrown away
        }
        let whole = Whole::of(file.clone());
        for how in row.damages {
            all.extend(wrong(&shop, row, &whole, *how).await);
        }
    }

    remove_left_for_the_next(&shop);
    assert!(all.is_empty(), "{} cases:\n{}", all.len(), all.join("\n"));
    let journal = format!(".jobsprint/snapshots/.{}.unfinished.json", shop.bed.project);
    fs::remove_file(shop.path().join(journal)).ok();
    shop.run(&["stacks", "gc"]);
    shop.run(&["up"]);
    shop.doctor(&[]).has_no_problem();
    for name in ["kept", "other"] {
        assert!(shop.path().join(".jobsprint/snapshots").join(name).is_dir());
    }
}

/// The stack that `--reuse` leaves is the test's to remove.
fn remove_left_for_the_next(shop: &Patient) {
    for note in fs::read_dir(shop.path().join("state/jobsprint-dev/reuse"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let note = note.path();
        let project = note
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        tool(shop, &["stacks", "rm", &project]).output().ok();
    }
}
