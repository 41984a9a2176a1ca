//! What becomes of the command: its output, its input, its end.

use std::io::Write;
use std::process::Stdio;

use crate::checkout::{Checkout, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reaches_the_stack_by_the_addresses_that_it_is_told() {
    let checkout = Checkout::new().await;

    let ran = checkout.run(&[
        "--",
        "sh",
        "-c",
        "curl --silent --show-error --output /dev/null \"$WEB_URL/\"; echo \"$SELF_URL $JOBSPRINT_STACK\"",
    ]);

    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let told = text(&ran.stdout);
    let words: Vec<&str> = told.lines().last().expect("a line").split(' ').collect();
    let [of_self, stack] = words.as_slice() else {
        panic!("{told}");
    };
    assert!(of_self.starts_with("http://localhost:") && of_self.ends_with("/x"));
    assert!(!of_self.contains(":4000/"), "{told}");
    assert!(stack.starts_with(&format!("{}-ci-", checkout.name)));
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_commands_own() {
    let checkout = Checkout::new().await;

    let failed = checkout.run(&["--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let killed = checkout.run(&["--", "sh", "-c", "kill -SEGV $$"]);
    let missing = checkout.run(&["--", "no-such-command-anywhere"]);

    assert_eq!(failed.status.code(), Some(7));
    assert_eq!(text(&failed.stdout), "out\n");
    assert!(text(&failed.stderr).contains("err\n"));
    assert_eq!(killed.status.code(), Some(128 + 11));
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("there is no such command"));
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_reads_stdin_and_runs_in_a_service_where_asked() {
    let checkout = Checkout::new().await;

    let mut reading = checkout.command(&["--", "cat"]);
    let mut reading = reading.stdin(Stdio::piped()).spawn().expect("started");
    let mut input = reading.stdin.take().expect("piped");
    input.write_all(b"given\n").expect("written");
    drop(input);
    let read = reading.wait_with_output().expect("it ends");
    let inside = checkout.run(&[
        "--in",
        "web",
        "--",
        "sh",
        "-c",
        "echo $JOBSPRINT_STACK; exit 5",
    ]);

    assert_eq!(text(&read.stdout), "given\n");
    assert_eq!(inside.status.code(), Some(5));
    assert!(text(&inside.stdout).starts_with(&checkout.name));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_leaves_in_the_background_ends_with_it() {
    let checkout = Checkout::new().await;

    let ran = checkout.run(&["--", "sh", "-c", "sleep 3600 >/dev/null 2>&1 & echo $!"]);

    assert_eq!(ran.status.code(), Some(0));
    let pid: u32 = text(&ran.stdout).trim().parse().expect("a process id");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_long_is_ended() {
    let checkout = Checkout::new().await;

    let ran = checkout.run(&["--timeout", "300ms", "--", "sleep", "3600"]);

    assert_eq!(ran.status.code(), Some(124), "{}", text(&ran.stderr));
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_never_gets_ready_is_told_in_one_sentence() {
    let checkout = Checkout::new().await;
    let path = checkout.directory.path().join("compose.yaml");
    let file = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, file.replace("tcp 8080", "tcp 9999")).expect("written");

    let ran = checkout.run(&["--ready-timeout", "6s", "--", "true"]);

    assert_eq!(ran.status.code(), Some(30), "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("error: timed out after 6s: 1 not ready (web: "),
        "{}",
        text(&ran.stderr)
    );
    assert!(checkout.stacks().await.is_empty());
}
