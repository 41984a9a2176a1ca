//! A process is replaced under its supervisor.

use std::time::Duration;

use jobsprint_dev::domain::{ContainerState, ReplaceMode};
use jobsprint_dev::replace::Obedience;

use super::ground::{DEBIAN, Ground, NODE};

/// Says that it starts, and ends at once when it is told to.
const OBEDIENT: &str = "exec 2>/dev/null; echo up; trap 'echo bye; exit 0' TERM; while :; do sleep 1000 & wait $!; done";
/// Hears SIGTERM and goes on.
const STUBBORN: &str = "trap '' TERM; echo up; while :; do sleep 1000; done";

async fn is_replaced_in_its_container(ground: Ground) {
    ground.until_said("up", 1).await;
    let before = ground.state().await;

    let restarted = ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    assert_eq!(restarted.mode, ReplaceMode::Process);
    assert_eq!(restarted.obedience, Obedience::Obeyed);
    ground.until_said("up", 2).await;
    assert_eq!(ground.said().await, ["up", "bye", "up"]);
    assert_eq!(ground.state().await, before, "the container went on");
}

#[tokio::test]
async fn a_process_under_busybox_is_replaced_in_its_container() {
    is_replaced_in_its_container(Ground::tiny(OBEDIENT).await).await;
}

#[tokio::test]
async fn a_process_under_debian_s_shell_is_replaced_in_its_container() {
    is_replaced_in_its_container(Ground::of(DEBIAN, OBEDIENT).await).await;
}

#[tokio::test]
async fn a_node_server_s_port_is_free_for_its_successor() {
    let server = "exec node -e \"require('http').createServer((q, r) => r.end('' + process.pid)).listen(8080, () => console.log('up'))\"";
    let ground = Ground::of(NODE, server).await;
    ground.until_said("up", 1).await;

    for times in 2..5 {
        let restarted = ground
            .replacer
            .restart(&ground.service, &ground.container)
            .await
            .expect("restarted");
        assert_eq!(restarted.mode, ReplaceMode::Process);
        ground.until_said("up", times).await;
    }

    assert!(ground.said().await.iter().all(|line| line == "up"));
}

#[tokio::test]
async fn what_does_not_obey_is_killed_after_its_grace_and_told() {
    let mut ground = Ground::tiny(STUBBORN).await;
    ground.service.grace = Duration::from_millis(300);
    ground.until_said("up", 1).await;

    let mut told = Vec::new();
    for times in 2..5 {
        let restarted = ground
            .replacer
            .restart(&ground.service, &ground.container)
            .await
            .expect("restarted");
        told.push((restarted.mode, restarted.obedience));
        ground.until_said("up", times).await;
    }

    let killed = [
        Obedience::Killed,
        Obedience::KilledAgain,
        Obedience::KilledAgain,
    ];
    assert_eq!(told, killed.map(|told| (ReplaceMode::Process, told)));
}

#[tokio::test]
async fn a_kill_without_grace_never_meets_the_new_process() {
    let mut ground = Ground::tiny("echo up; exec sleep 1000").await;
    ground.service.grace = Duration::ZERO;
    ground.until_said("up", 1).await;
    let before = ground.state().await;

    for times in 2..22 {
        let restarted = ground
            .replacer
            .restart(&ground.service, &ground.container)
            .await
            .expect("restarted");
        assert_eq!(restarted.mode, ReplaceMode::Process);
        ground.until_said("up", times).await;
    }

    assert_eq!(ground.state().await, before, "the container went on");
}

#[tokio::test]
async fn children_that_outlive_their_parent_are_gone_before_the_next_starts() {
    let parent = "exec 2>/dev/null; echo up; (trap 'echo child ends; exit' TERM; while :; do sleep 0.1; done) & exec sleep 1000";
    let ground = Ground::tiny(parent).await;
    ground.until_said("up", 1).await;

    ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    ground.until_said("up", 2).await;
    assert_eq!(ground.said().await, ["up", "child ends", "up"]);
}

#[tokio::test]
async fn a_hundred_restarts_leave_one_process_and_no_zombie() {
    let ground = Ground::tiny("echo up; (sleep 0.01 &); exec sleep 1000").await;
    ground.until_said("up", 1).await;

    for _ in 0..100 {
        let restarted = ground
            .replacer
            .restart(&ground.service, &ground.container)
            .await
            .expect("restarted");
        assert_eq!(restarted.mode, ReplaceMode::Process);
    }

    // The last one may be too young yet to be what it will be.
    let count = "n=0; while :; do s=0 z=0; for p in /proc/[0-9]*; do read -r l <$p/stat && case $l in *') Z '*) z=$((z+1));; *'(sleep)'*) s=$((s+1));; esac; done 2>/dev/null; [ \"$s $z\" = '1 0' ] || [ $n -gt 100 ] && break; n=$((n+1)); sleep 0.02; done; echo $s $z";
    assert_eq!(ground.ask(count).await, "1 0", "processes and zombies");
}

#[tokio::test]
async fn signals_during_a_restart_make_exactly_one_more() {
    // It takes its time to end, so that the storm comes while it does.
    let slow = "exec 2>/dev/null; echo up; trap 'sleep 0.3; exit 0' TERM; while :; do sleep 1000 & wait $!; done";
    let ground = Ground::tiny(slow).await;
    ground.until_said("up", 1).await;

    ground
        .ask("for n in 1 2 3 4 5 6 7 8 9; do kill -50 1; done")
        .await;
    ground.until_said("up", 2).await;
    ground.ask("kill -50 1").await;
    ground.until_said("up", 3).await;

    assert_eq!(ground.said().await, ["up", "up", "up"]);
}

#[tokio::test]
async fn a_process_that_ended_by_itself_is_started_with_its_container() {
    let ground = Ground::tiny("echo up; test -e /tmp/good && exec sleep 1000; exit 3").await;
    assert_eq!(ground.ended().await, 3);

    let restarted = ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("started");

    assert_eq!(restarted.mode, ReplaceMode::Container);
    assert_eq!(ground.ended().await, 3);
}

#[tokio::test]
async fn a_line_that_broke_is_opened_again() {
    let ground = Ground::tiny(OBEDIENT).await;
    ground
        .replacer
        .attend(&ground.container, Vec::new())
        .await
        .expect("open");
    ground.until_said("up", 1).await;
    ground
        .engine()
        .restart_container(&ground.container, None)
        .await
        .expect("restarted by somebody else");
    ground.until_said("up", 2).await;

    let restarted = ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    assert_eq!(restarted.mode, ReplaceMode::Process);
    ground.until_said("up", 3).await;
}

#[tokio::test]
async fn a_container_without_a_supervisor_is_restarted_whole() {
    let ground = Ground::with(OBEDIENT, |spec| {
        spec.labels.remove(jobsprint_dev::plan::SUPERVISOR);
    })
    .await;
    ground.until_said("up", 1).await;
    let before = ground.state().await;

    let restarted = ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    assert_eq!(restarted.mode, ReplaceMode::Container);
    ground.until_said("up", 2).await;
    let after = ground.state().await;
    assert!(matches!(after, ContainerState::Running { .. }));
    assert_ne!(after, before, "it was started anew");
}
