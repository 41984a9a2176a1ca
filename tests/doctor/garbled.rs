//! The tool's own state, broken in every way a disk breaks it: each verb says so or does without, and none panics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::limping::{May, Turn, rows};
use crate::patient::Patient;
use crate::proxy::{Calls, Fault};
use crate::shop;
use crate::wire::copies;

/// These work on copies of the stack, or go on until somebody ends them, and read no state that their quicker kin does not.
const SLOW: [&str; 5] = [
    "doctor --prove",
    "ci ",
    "logs -f",
    "env export",
    "migrate verify",
];

/// How a file was left.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Emptied,
    Halved,
    Noise,
    Newer,
}

impl Damage {
    fn of(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Emptied => Vec::new(),
            Self::Halved => content[..content.len() / 2].to_vec(),
            Self::Noise => (0..=255).rev().cycle().take(300).collect(),
            Self::Newer => b"{\"version\": 99, \"schema\": 99}".to_vec(),
        }
    }
}

/// Every file of the project's own state and of the user's.
fn state(place: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![place.join(".jobsprint"), place.join("state")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn damage(place: &Path, how: Damage) {
    for file in state(place) {
        let content = fs::read(&file).unwrap_or_default();
        fs::write(&file, how.of(&content)).expect("damaged");
    }
}

async fn no_verb_is_lost(how: Damage) {
    let shop = shop::open().await;
    let before = state(shop.path());
    for file in [
        "startup.json",
        "volumes.json",
        "memory.json",
        "manifest.json",
    ] {
        let is_there = before.iter().any(|path| path.ends_with(file));
        assert!(is_there, "{file} is part of the state: {before:?}");
    }
    let told = format!("is well, with all state {how:?}");

    let harm = |shop: &Patient, words: &str| {
        damage(shop.path(), how);
        if SLOW.iter().any(|slow| words.starts_with(slow)) {
            Turn::Skip
        } else {
            Turn::Run
        }
    };
    let wrong = rows(&shop, &told, &Fault::None, Calls::All, May::Fail, &harm).await;

    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    shop.run(&["stacks", "gc"]);
    assert_eq!(copies(&shop).await, BTreeSet::new());
    damage(shop.path(), how);
    shop.run(&["up"]);
    shop.doctor(&[]).has_no_problem();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_empty() {
    no_verb_is_lost(Damage::Emptied).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_break_off() {
    no_verb_is_lost(Damage::Halved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_noise() {
    no_verb_is_lost(Damage::Noise).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_version_that_nobody_knows_yet() {
    no_verb_is_lost(Damage::Newer).await;
}
