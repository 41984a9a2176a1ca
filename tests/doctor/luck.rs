//! `doctor --prove`: a start that went well by luck is found out, and nothing is left of the copies.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::patient::{Diagnosis, Patient, diagnosed};
use crate::support::Bed;
use crate::support::checkout::Checkout;

/// A store that listens, and an app that goes through `script`; `depends` is the app's `depends_on`.
async fn stack(depends: &str, script: &str) -> Patient {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  store:\n    image: {image}\n    init: true\n    command: [httpd, -f, -p, \"80\"]\n    \
         expose: [\"80\"]\n    x-jobsprint: {{ role: data, ready: tcp }}\n  \
         app:\n    image: {image}\n    init: true\n    depends_on: {depends}\n    \
         command: [sh, -c, \"{script}\"]\n"
    );
    Patient::of(bed, &compose)
}

const ASK_ONCE: &str = "nc -w 1 store 80 < /dev/null || exit 7; exec sleep 1000";
const ASK_ALWAYS: &str = "while nc -w 1 store 80 < /dev/null; do sleep 0.2; done; exit 7";
const WAITS: &str = "{ store: { condition: service_healthy } }";

fn prove(patient: &Patient, runs: &str) -> Diagnosis {
    let words = ["--output", "json", "doctor", "--prove", "--runs", runs];
    diagnosed(&mut patient.command(&words))
}

/// No project of the engine is a copy of this bed's.
async fn nothing_is_left(bed: &Bed) {
    let copies = format!("{}-ci-", bed.project);
    let left = bed.engine.projects_with("dev.jobsprint.lease").await;
    let left = left.expect("the engine answers");
    assert!(
        !left.iter().any(|name| name.starts_with(&copies)),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_is_only_started_is_found_with_the_lines_to_paste() {
    let patient = stack("[store]", ASK_ONCE).await;

    let found = prove(&patient, "1");

    found.finds(
        "problem",
        "prove.start",
        &[
            "`app` starts by luck: it fails where `store` is slow to initialise",
            "exit code 7",
            "services:\\n  app:\\n    depends_on:\\n      store: { condition: service_healthy }",
        ],
    );
    nothing_is_left(&patient.bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_says_what_it_needs_passes() {
    let patient = stack(WAITS, ASK_ONCE).await;

    prove(&patient, "2").is_green();

    nothing_is_left(&patient.bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_connects_again_is_found() {
    let patient = stack(WAITS, ASK_ALWAYS).await;

    let found = prove(&patient, "1");

    found.finds(
        "problem",
        "prove.recovery",
        &[
            "`app` does not come back after `store` was killed",
            "exit code 7",
            "restart: unless-stopped",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_interrupted_leaves_nothing() {
    let patient = stack(WAITS, ASK_ONCE).await;
    let mut proof = patient.command(&["doctor", "--prove"]);
    let mut proof = proof.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut told = BufReader::new(proof.stderr.take().expect("piped"));
    told.read_line(&mut String::new()).expect("it has begun");

    let pid = proof.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("kill starts").success());

    assert_eq!(proof.wait().expect("it ends").code(), Some(130));
    nothing_is_left(&patient.bed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_taken_out_of_the_shipped_stack_is_found() {
    let bed = Bed::make().await;
    let checkout = Checkout::new(bed.project.clone());
    let path = checkout.path("compose/docker-compose.yml");
    let file = fs::read_to_string(&path).expect("a file");
    let n8n = "    depends_on:\n      postgres: { condition: service_healthy }\n      redis:";
    assert!(
        file.find(n8n) < file.find("\n  api-gateway:\n"),
        "n8n's are the first"
    );
    let planted = file.replacen(n8n, "    depends_on:\n      redis:", 1);
    fs::write(&path, planted).expect("written");
    let checkout = Arc::new(checkout);
    let proving = Arc::clone(&checkout);

    let output = tokio::task::spawn_blocking(move || {
        proving.tool(&[
            "doctor", "--json", "--prove", "--runs", "1", "n8n", "postgres",
        ])
    });
    let output = output.await.expect("no panic");

    Diagnosis::of_output(&output).finds(
        "problem",
        "prove.start",
        &[
            "`n8n` starts by luck: it fails where `postgres` is slow to initialise",
            "n8n:\\n    depends_on:\\n      postgres: { condition: service_healthy }",
        ],
    );
    nothing_is_left(&bed).await;
}
