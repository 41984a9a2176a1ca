//! The corpus of Compose files: each is read as Docker Compose reads it, and what `config` prints means the same again.

#[path = "compose/case.rs"]
mod case;
#[path = "compose/oracle.rs"]
mod oracle;

use case::{Case, corpus};
use jobsprint_dev::domain::{Disclosure, Notation};
use oracle::{Oracle, differences};
use serde_json::Value as Json;

/// Differences from Docker Compose that are meant, by the path's end or by the case; each with its reason.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "**.x-*",
        "Compose's JSON leaves out extensions below the top level; its YAML and ours keep them",
    ),
    (
        "services.*.blkio_config.**",
        "Compose's JSON spells these keys with capitals, which no loader reads back",
    ),
    (
        "services.*.develop.watch.*.exec",
        "Compose's JSON writes an empty `exec` for rules that have none",
    ),
    (
        "networks.*.ipam.options",
        "Compose drops the key without a word; we keep it and warn that it has no effect",
    ),
    (
        "services.*.volumes.*.bind.create_host_path",
        "Compose leaves out an explicit `false`, and reads its own output as `true`; we keep it",
    ),
];

#[test]
fn every_case_reads_as_docker_compose_reads_it() {
    let oracle = Oracle::find();
    let mut unexplained = Vec::new();

    for case in corpus().into_iter().filter(Case::is_compared) {
        let theirs = oracle.config(&case);
        let ours = case.config(Notation::Json, Disclosure::Shown);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours: Json = serde_json::from_str(&ours).expect("our JSON is JSON");
                unexplained.extend(
                    differences(&ours, &theirs, EXPLAINED)
                        .map(|line| format!("{}: {line}", case.name)),
                );
            }
            (Err(ours), Ok(_)) => unexplained.push(format!("{}: we refuse it: {ours}", case.name)),
            (Ok(_), Err(theirs)) if !case.is_refused_by_compose_alone() => {
                unexplained.push(format!("{}: Compose refuses it: {theirs}", case.name));
            }
            _ => {}
        }
    }

    assert!(
        unexplained.is_empty(),
        "{} differences:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
}

#[test]
fn what_config_prints_gives_the_same_model_again() {
    for case in corpus() {
        for format in [Notation::Yaml, Notation::Json] {
            let Ok(first) = case.config(format, Disclosure::Shown) else {
                continue;
            };

            let again = case.with_file("again.yaml", &first).config_of(
                "again.yaml",
                format,
                Disclosure::Shown,
            );

            let again = again.unwrap_or_else(|refusal| panic!("{}: {refusal}", case.name));
            let parted = first
                .lines()
                .zip(again.lines())
                .find(|(first, again)| first != again);
            assert!(
                again == first,
                "{} as {format:?} parts at {parted:?}; once more it is\n{again}",
                case.name
            );
        }
    }
}

#[test]
fn every_refusal_says_what_the_case_expects() {
    for case in corpus() {
        let got = case.config(Notation::Yaml, Disclosure::Shown).err();

        assert_eq!(
            got.is_some(),
            case.refusal.is_some(),
            "{}: {got:?}",
            case.name
        );
        if let (Some(got), Some(expected)) = (got, &case.refusal) {
            for line in expected.lines() {
                assert!(
                    got.contains(line),
                    "{}: `{line}` is not in:\n{got}",
                    case.name
                );
            }
        }
    }
}
