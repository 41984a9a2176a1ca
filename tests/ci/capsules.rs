//! What a failed run leaves to be read.

use std::fs;

use crate::checkout::{Checkout, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_leaves_its_logs_its_model_and_a_summary_without_secrets() {
    let checkout = Checkout::new().await;
    let path = checkout.directory.path().join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    let file = file
        .replace(
            "[httpd, -f, -p, \"8080\", -h, /etc]",
            "[sh, -c, \"echo said by web with $$API_SECRET; exec httpd -f -p 8080 -h /etc\"]",
        )
        .replace(
            "environment: { ",
            "environment: { API_SECRET: \"${API_SECRET}\", ",
        );
    fs::write(&path, file).expect("written");
    let summary = checkout.directory.path().join("job-summary.md");
    let mut run = checkout.command(&[
        "--artifacts",
        "out",
        "--junit",
        "ci.xml",
        "--",
        "sh",
        "-c",
        "exit 9",
    ]);

    let ran = run
        .env("API_SECRET", "s3cr3t-value-of-ci")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("the tool starts");

    assert_eq!(ran.status.code(), Some(9), "{}", text(&ran.stderr));
    let out = checkout.directory.path().join("out");
    let capsule = fs::read_dir(out)
        .expect("made")
        .next()
        .expect("one")
        .expect("read")
        .path();
    let read = |name: &str| fs::read_to_string(capsule.join(name)).expect(name);
    assert!(read("summary.md").contains("**`sh -c exit 9` ended with exit code 9**"));
    assert!(read("summary.md").contains("## web: running"));
    assert_eq!(read("logs/web-1.log"), "said by web with ***\n");
    assert!(read("timeline.log").contains("web | said by web with ***"));
    assert!(read("containers.json").contains("\"image_id\": \"sha256:"));
    assert!(read("startup.txt").contains("critical path"));
    let everything = [
        "model.yaml",
        "summary.md",
        "timeline.log",
        "containers.json",
    ]
    .map(read)
    .concat();
    assert!(!everything.contains("s3cr3t-value-of-ci"));
    assert!(
        text(&ran.stderr).contains("::error title=jobsprint-dev ci::`sh -c exit 9` ended with")
    );
    assert!(
        fs::read_to_string(&summary)
            .expect("written")
            .contains("ended with exit code 9")
    );
    let junit = fs::read_to_string(checkout.directory.path().join("ci.xml")).expect("written");
    assert!(junit.contains("tests=\"3\" failures=\"1\""), "{junit}");
}
