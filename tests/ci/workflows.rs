//! The README's jobs for GitHub Actions and GitLab: their commands, run as they stand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::checkout::{Checkout, text};

/// How the tool gets onto a runner. A release build takes minutes: where `JOBSPRINT_INSTALL` is set, as `tests/run` does
/// once it has built one, this runs as it stands and takes a second; elsewhere the tool is on this machine already.
///
/// GitLab's `before_script` is for a container that is thrown away: on this machine npm would stay, with hundreds of
/// packages, and takes more than a minute. Instead of it there is an npm of the test's own.
const INSTALL: &str = "cargo install --locked --path .";

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
    let tool = match std::env::var_os("JOBSPRINT_INSTALL") {
        Some(_) => install(&checkout.directory.path().join("installed")),
        None => Path::new(env!("CARGO_BIN_EXE_jobsprint-dev")).to_owned(),
    };
    let tool = tool.parent().expect("a directory").display().to_string();
    let usual = std::env::var("PATH").expect("a path");
    let path = format!("{}:{tool}:{usual}", programs.display());
    (checkout, path)
}

/// Runs the jobs' own command for it, with another place for what it installs; gives the program.
fn install(place: &Path) -> PathBuf {
    let mut command = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        // What cargo tells a test of its package; a build script that is told of it builds anew.
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    let ran = command
        .args(["-e", "-c", INSTALL])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_INSTALL_ROOT", place)
        .env("CARGO_NET_OFFLINE", "true")
        .stdin(Stdio::null())
        .output()
        .expect("sh starts");
    assert!(ran.status.success(), "{INSTALL}: {}", text(&ran.stderr));
    let program = place.join("bin/jobsprint-dev");
    assert!(program.is_file(), "{INSTALL}: {}", text(&ran.stderr));
    program
}

/// Runs a job's commands, one after the other, until one fails.
fn run(checkout: &Checkout, path: &str, commands: &[String], variables: &[(&str, &str)]) {
    assert_eq!(commands.first().map(String::as_str), Some(INSTALL));
    assert!(commands.len() > 1, "{commands:?}");
    for command in commands.iter().filter(|command| *command != INSTALL) {
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
