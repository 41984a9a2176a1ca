//! What is left of a stack: nothing, whoever ends the run and whenever.

use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::checkout::{Checkout, text};

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status();
    assert!(sent.expect("kill starts").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_to_end_removes_its_stack() {
    let checkout = Checkout::new().await;
    for signal in ["INT", "TERM", "HUP"] {
        let mut run = checkout.start(&["--", "sh", "-c", "echo begun; exec sleep 3600"]);
        let mut output = BufReader::new(run.stdout.take().expect("piped"));
        output.read_line(&mut String::new()).expect("it has begun");

        send(signal, run.id());
        let ended = run.wait_with_output().expect("it ends");

        assert_eq!(ended.status.code(), Some(130), "{}", text(&ended.stderr));
        assert!(checkout.stacks().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_with_a_killed_owner() {
    let checkout = Checkout::new().await;
    let mut run = checkout.start(&["--", "sh", "-c", "echo $$; exec sleep 3600"]);
    let mut output = BufReader::new(run.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("it has begun");

    run.kill().expect("killed");
    run.wait().expect("reaped");

    // End of file: the last holder of the pipe, the command, is gone.
    assert_eq!(output.read_line(&mut line).expect("read"), 0);
    checkout.until_stacks(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_stacks_stand_side_by_side() {
    let checkout = Checkout::new().await;

    let runs: Vec<_> = (0..8)
        .map(|_| {
            checkout.start(&[
                "--",
                "sh",
                "-c",
                "curl --silent --output /dev/null \"$WEB_URL/\"; echo $WEB_URL",
            ])
        })
        .collect();
    let mut urls = std::collections::BTreeSet::new();
    for run in runs {
        let ended = run.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", text(&ended.stderr));
        urls.insert(text(&ended.stdout));
    }

    assert_eq!(urls.len(), 8, "{urls:?}");
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_stack_stays_until_it_is_removed_by_name() {
    let checkout = Checkout::new().await;

    let ran = checkout.run(&["--keep", "on-failure", "--", "false"]);
    checkout.tool(&["stacks", "gc"]);
    checkout.as_another_user(&["stacks", "gc"]);
    let stacks = checkout.stacks().await;
    let stack = stacks.iter().next().expect("it stays").clone();
    let listed = checkout.tool(&["stacks", "list"]);
    let removed = checkout.tool(&["stacks", "rm", &stack]);

    assert_eq!(ran.status.code(), Some(1));
    let listed = text(&listed.stdout);
    let line = listed.lines().find(|line| line.starts_with(&stack));
    let words: Vec<&str> = line.expect("listed").split_whitespace().take(4).collect();
    assert_eq!(words, [stack.as_str(), "ci", "kept", "-"]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_stack_is_labelled_and_in_a_small_subnet() {
    let checkout = Checkout::new().await;
    let mut run = checkout.start(&["--", "sh", "-c", "echo begun; exec sleep 3600"]);
    let mut output = BufReader::new(run.stdout.take().expect("piped"));
    output.read_line(&mut String::new()).expect("it has begun");
    let stacks = checkout.stacks().await;
    let observed = checkout.observe(stacks.first().expect("it stands")).await;
    let subnets = checkout.engine.subnets().await.expect("listed");
    send("TERM", run.id());
    run.wait().expect("it ends");

    let label = jobsprint_dev::isolate::LEASE;
    assert!(
        observed
            .containers
            .iter()
            .all(|found| found.labels.contains_key(label))
    );
    assert!(
        observed
            .networks
            .iter()
            .all(|found| found.labels.contains_key(label))
    );
    assert!(
        observed
            .volumes
            .iter()
            .all(|found| found.labels.contains_key(label))
    );
    assert_eq!((observed.networks.len(), observed.volumes.len()), (1, 1));
    assert!(
        subnets
            .iter()
            .any(|subnet| subnet.starts_with("10.214.") && subnet.ends_with("/28"))
    );
}
