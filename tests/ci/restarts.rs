//! An engine that is started anew while a stack stands on it: nothing of the stack stays.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use jobsprint_dev::isolate::LEASE;

use crate::checkout::text;
use crate::own_engine::OwnEngine;
use crate::support;

const FILE: &str = "
name: restarted
services:
  web:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    init: true
    command: [sh, -c, 'echo begun; exec sleep infinity']
    volumes: [\"data:/data\"]
    x-jobsprint: { ready: log begun }
volumes: { data: {} }
";

/// A run of `ci`, as these words have it, whose command has begun.
pub fn begun(mut run: Command) -> Child {
    let mut run = run
        .args(["--", "sh", "-c", "echo begun; exec sleep 3600"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool starts");
    let mut output = BufReader::new(run.stdout.as_mut().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("read");
    if line != "begun\n" {
        let ended = run.wait_with_output().expect("it ends");
        panic!("it never begins: {}", text(&ended.stderr));
    }
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_whose_engine_is_started_anew_leaves_nothing() {
    let (_directory, path) = support::scratch();
    fs::write(path.join("compose.yaml"), FILE).expect("a file");
    let mut own = OwnEngine::start(&path);
    support::tiny_image(&own.connected().await).await;
    let tool = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(words)
            .current_dir(&path)
            .env("DOCKER_HOST", OwnEngine::address_in(&path))
            .env("XDG_STATE_HOME", path.join("state"));
        command
    };
    let one = begun(tool(&["ci"]));
    let mut other = begun(tool(&["ci"]));

    own.end();
    // Its guard finds no engine.
    other.kill().expect("killed");
    other.wait().expect("reaped");
    let mut own = OwnEngine::start(&path);
    let engine = own.connected().await;
    let pid = one.id().to_string();
    let asked = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(asked.expect("kill starts").success());
    let ended = one.wait_with_output().expect("it ends");
    let swept = tool(&["stacks", "gc"]).output().expect("it starts");

    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
    assert!(swept.status.success(), "{}", text(&swept.stderr));
    let left = engine.projects_with(LEASE).await.expect("it answers");
    assert!(left.is_empty(), "{left:?}");
    own.end();
}
