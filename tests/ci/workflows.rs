//! The README's jobs for GitHub Actions and GitLab: their commands, run as they stand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::checkout::{Checkout, text};

/// How the tool gets onto a runner: it is on this one already.
const INSTALLS: &str = "cargo install --locked --path .";

/// The block of YAML whose first line is this comment.
fn block(name: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.expect("a README");
    let blocks = readme.split("```yaml\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| Some(rest.split_once("```")?.0));
    let found = blocks.find(|block| block.starts_with(&format!("# {name}\n")));
    found.expect("the README has the job").to_owned()
}

/// A checkout with what `npm test` needs here: an npm that asks the stack.
async fn checkout() -> (Checkout, String) {
    let checkout = Checkout::new().await;
    let programs = checkout.directory.path().join("programs");
    fs::create_dir(&programs).expect("made");
    let npm = programs.join("npm");
    let script = "#!/bin/sh\n[ \"$1\" = test ] && exec curl --silent --show-error --fail --output asked \"$WEB_URL/passwd\"\n";
    fs::write(&npm, script).expect("written");
    fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).expect("set");
    let tool = Path::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
    let tool = tool.parent().expect("a directory").display().to_string();
    let usual = std::env::var("PATH").expect("a path");
    let path = format!("{}:{tool}:{usual}", programs.display());
    (checkout, path)
}

/// Runs a job's commands, one after the other, until one fails.
fn run(checkout: &Checkout, path: &str, commands: &[String], variables: &[(&str, &str)]) {
    assert_eq!(commands.first().map(String::as_str), Some(INSTALLS));
    assert!(commands.len() > 1, "{commands:?}");
    for command in commands.iter().filter(|command| *command != INSTALLS) {
        let ran = Command::new("sh")
            .args(["-e", "-c", command])
            .current_dir(checkout.directory.path())
            .env("PATH", path)
            .env("CI", "true")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("sh starts");
        assert!(ran.status.success(), "{command}: {}", text(&ran.stderr));
    }
    let directory = checkout.directory.path();
    assert!(directory.join("asked").is_file(), "the tests have run");
    let junit = fs::read_to_string(directory.join("junit.xml")).expect("written");
    assert!(junit.contains("failures=\"0\""), "{junit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workflow_for_github_actions_works() {
    let (checkout, path) = checkout().await;
    let block = block(".github/workflows/test.yml");
    let lines = block.lines().map(str::trim_start);
    let commands: Vec<String> = lines
        .filter_map(|line| line.trim_start_matches("- ").strip_prefix("run: "))
        .map(str::to_owned)
        .collect();
    let summary = checkout
        .directory
        .path()
        .join("summary.md")
        .display()
        .to_string();
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary.as_str()),
    ];

    run(&checkout, &path, &commands, &variables);

    assert!(
        fs::read_to_string(summary)
            .expect("written")
            .contains("passed")
    );
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_for_gitlab_works() {
    let (checkout, path) = checkout().await;
    let block = block(".gitlab-ci.yml");
    let script = block.split_once("script:\n").expect("a script").1;
    let lines = script.lines().map(str::trim_start);
    let commands: Vec<String> = lines
        .map_while(|line| line.strip_prefix("- "))
        .map(str::to_owned)
        .collect();

    run(&checkout, &path, &commands, &[("GITLAB_CI", "true")]);

    assert!(checkout.stacks().await.is_empty());
}
