//! An engine that is started anew while tenants are at work on it: nothing of them stays, nor of the stores that ended.

use std::fs;
use std::process::Command;

use jobsprint_dev::isolate::LEASE;
use rustix::process::Signal;

use crate::checkout::text;
use crate::own_engine::OwnEngine;
use crate::restarts::begun;
use crate::shop::send;
use crate::support;

const FILE: &str = "
name: restarted
services:
  web:
    image: jobsprint-dev-test/tiny:3
    init: true
    command: [sh, -c, 'echo begun; exec sleep infinity']
    environment: { CACHE_URL: redis://redis:6379 }
    x-jobsprint: { ready: log begun }
  redis:
    image: redis:7-alpine
    ports: [\"127.0.0.1:6379:6379\"]
    x-jobsprint: { role: data, ready: redis }
";

/// Gives an engine an image that this machine's has.
fn lend(own: &OwnEngine, image: &str) {
    let pipe = "docker save \"$1\" | docker --host \"$2\" load";
    let lent = Command::new("sh")
        .args(["-c", pipe, "sh", image, &own.address()])
        .output()
        .expect("sh starts");
    assert!(lent.status.success(), "{}", text(&lent.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_whose_engine_is_started_anew_leave_nothing() {
    let (_directory, path) = support::scratch();
    fs::write(path.join("compose.yaml"), FILE).expect("a file");
    let mut own = OwnEngine::start(&path);
    support::tiny_image(&own.connected().await).await;
    lend(&own, "redis:7-alpine");
    let tool = |own: &OwnEngine, words: &[&str]| {
        let mut command = own.beside(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(words)
            .current_dir(&path)
            .env("DOCKER_HOST", own.address())
            .env("XDG_STATE_HOME", path.join("state"));
        command
    };
    let run = ["ci", "--isolate", "tenant"];
    let one = begun(tool(&own, &run));
    let mut other = begun(tool(&own, &run));

    own.end();
    // Its guard finds no engine.
    other.kill().expect("killed");
    other.wait().expect("reaped");
    let mut own = OwnEngine::start(&path);
    let engine = own.connected().await;
    send(Signal::TERM, &one);
    let ended = one.wait_with_output().expect("it ends");
    let swept = tool(&own, &["stacks", "gc"]).output().expect("it starts");
    let left = engine.projects_with(LEASE).await.expect("it answers");
    let noted = fs::read_dir(path.join("state/jobsprint-dev/tenants")).expect("made");
    let noted: Vec<_> = noted.flatten().map(|note| note.file_name()).collect();
    let words = [&run[..], &["--", "true"]].concat();
    let again = tool(&own, &words).output().expect("it starts");

    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
    assert!(swept.status.success(), "{}", text(&swept.stderr));
    assert!(left.is_empty(), "{left:?}");
    assert!(noted.is_empty(), "{noted:?}");
    assert!(again.status.success(), "{}", text(&again.stderr));
    own.end();
}
