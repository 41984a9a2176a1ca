//! What GitHub Actions reads along.

use std::fs;
use std::process::Output;

use crate::checkout::{Checkout, text};

/// `ci` as a step of a job; gives the job's summary too.
fn step(checkout: &Checkout, words: &[&str]) -> (Output, String) {
    let summary = checkout.directory.path().join("summary.md");
    let mut run = checkout.command(words);
    let top = checkout.directory.path().canonicalize().expect("there");
    let ran = run
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", top)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("the tool starts");
    (ran, fs::read_to_string(summary).unwrap_or_default())
}

/// The lines that are workflow commands or the command's own words.
fn marks(ran: &Output) -> Vec<String> {
    let said = text(&ran.stderr);
    let marks = said.lines().filter(|line| line.starts_with("::"));
    marks.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phase_is_a_group_and_the_job_gets_a_summary() {
    let checkout = Checkout::new().await;

    let (ran, summary) = step(&checkout, &["--", "sh", "-c", "echo tested"]);

    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert_eq!(
        marks(&ran),
        [
            "::group::jobsprint-dev: set up",
            "::endgroup::",
            "::group::jobsprint-dev: command",
            "::endgroup::",
            "::endgroup::",
        ]
    );
    assert!(
        summary.starts_with("`sh -c echo tested` passed on a stack of its own"),
        "{summary}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_is_annotated_where_the_file_has_it() {
    let checkout = Checkout::new().await;
    let path = checkout.directory.path().join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    fs::write(&path, file.replace("tcp 8080", "tcp 9999")).expect("written");

    let (ran, summary) = step(&checkout, &["--ready-timeout", "5s", "--", "true"]);

    assert_eq!(ran.status.code(), Some(30), "{}", text(&ran.stderr));
    let marks = marks(&ran);
    let annotation = "::error file=compose.yaml,line=3,title=jobsprint-dev ci::timed out after 5s";
    assert!(
        marks.iter().any(|mark| mark.starts_with(annotation)),
        "{marks:?}"
    );
    assert!(summary.contains("timed out after 5s"), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_files_is_annotated_at_its_place() {
    let checkout = Checkout::new().await;
    let path = checkout.directory.path().join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    fs::write(&path, file.replace("    image:", "    imagee:")).expect("written");

    let (ran, summary) = step(&checkout, &["--", "true"]);

    assert_eq!(ran.status.code(), Some(10), "{}", text(&ran.stderr));
    let marks = marks(&ran);
    let annotation = "::error file=compose.yaml,line=4,title=jobsprint-dev ci::";
    assert!(
        marks.iter().any(|mark| mark.starts_with(annotation)),
        "{marks:?}"
    );
    assert!(summary.contains("imagee"), "{summary}");
}
