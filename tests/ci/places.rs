//! Where `ci` runs: without a terminal, a home or an input; in a container; beside an engine that is elsewhere.

use std::fs;
use std::process::{Command, Output, Stdio};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

use crate::checkout::{Checkout, text};

/// Asks the stack's web server by the address that the command is told, with what every Debian has.
const ASK: &str = "address=${WEB_URL#http://}; \
    exec 3<>/dev/tcp/${address%:*}/${address##*:}; \
    printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' >&3; \
    head -n 1 <&3; echo \"$WEB_URL\"";

fn assert_answered(ran: &Output) -> String {
    let said = text(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", text(&ran.stderr));
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    said
}

/// The engine's socket on this machine.
async fn socket(checkout: &Checkout) -> String {
    let facts = checkout.engine.facts().await.expect("it answers");
    let path = facts.address.strip_prefix("unix://");
    path.expect("these tests need a local engine").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_needed_of_whoever_starts_it() {
    let checkout = Checkout::new().await;
    let path = std::env::var("PATH").expect("a path");

    let ran = Command::new("setsid")
        .args(["--wait", "sh", "-c", "exec \"$0\" ci -- bash -c \"$1\" <&-"])
        .args([env!("CARGO_BIN_EXE_jobsprint-dev"), ASK])
        .current_dir(checkout.directory.path())
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("setsid starts");

    let said = assert_answered(&ran);
    assert!(said.contains("http://localhost:"), "{said}");
    assert!(
        !text(&ran.stderr).contains('\u{1b}'),
        "{}",
        text(&ran.stderr)
    );
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_container_with_the_engines_socket_the_stack_is_found_at_the_gateway() {
    let checkout = Checkout::new().await;
    let runner = checkout.directory.path().join("runner");
    fs::create_dir(&runner).expect("made");
    let file = format!(
        "name: {}-runner
services:
  runner:
    image: debian:bookworm-slim
    init: true
    command: [sleep, infinity]
    working_dir: /shop
    volumes:
      - {}:/var/run/docker.sock
      - {}:/usr/local/bin/jobsprint-dev:ro
      - {}:/shop
    x-jobsprint: {{ ready: started }}
",
        checkout.name,
        socket(&checkout).await,
        env!("CARGO_BIN_EXE_jobsprint-dev"),
        checkout.directory.path().display(),
    );
    fs::write(runner.join("compose.yaml"), file).expect("written");
    let tool = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
            .args(words)
            .current_dir(&runner)
            .stdin(Stdio::null())
            .output()
            .expect("the tool starts")
    };

    let up = tool(&["up"]);
    let words = [
        "exec",
        "runner",
        "--",
        "jobsprint-dev",
        "ci",
        "--ready-timeout",
        "30s",
    ];
    let ran = tool(&[&words[..], &["--", "bash", "-c", ASK]].concat());
    let left = checkout.stacks().await;
    let down = tool(&["down", "--volumes", "--yes", "--no-snapshot"]);

    assert!(up.status.success(), "{}", text(&up.stderr));
    assert!(down.status.success(), "{}", text(&down.stderr));
    let said = assert_answered(&ran);
    assert!(!said.contains("localhost"), "{said}");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_engines_stack_is_found_at_the_engines_own_address() {
    let checkout = Checkout::new().await;
    let socket = socket(&checkout).await;
    let listener = TcpListener::bind("127.0.0.2:0").await.expect("bound");
    let address = listener.local_addr().expect("bound");
    let forwarding = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut engine = UnixStream::connect(socket).await.expect("it answers");
                // Either side may go first.
                copy_bidirectional(&mut client, &mut engine).await.ok();
            });
        }
    });
    let mut run = checkout.command(&["--", "bash", "-c", ASK]);
    run.env("DOCKER_HOST", format!("tcp://{address}"));

    let ran = tokio::task::spawn_blocking(move || run.output().expect("the tool starts"));
    let ran = ran.await.expect("it ends");
    forwarding.abort();

    let said = assert_answered(&ran);
    assert!(said.contains("http://127.0.0.2:"), "{said}");
    assert!(checkout.stacks().await.is_empty());
}
