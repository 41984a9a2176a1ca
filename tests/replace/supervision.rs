//! A supervised container behaves as it would without its supervisor.

use std::time::Duration;

use jobsprint_dev::domain::{ContainerState, RestartPolicy};

use super::ground::{DEBIAN, Ground};

const SLEEP: &str = "echo up; exec sleep 1000";

#[tokio::test]
async fn the_exit_code_is_the_command_s_own() {
    for code in [0, 3, 127, 255] {
        let ground = Ground::tiny(&format!("exit {code}")).await;
        assert_eq!(ground.ended().await, code);
    }
    for (signal, code) in [("KILL", 137), ("SEGV", 139)] {
        let ground = Ground::tiny(&format!("kill -{signal} $$")).await;
        assert_eq!(ground.ended().await, code);
    }
}

#[tokio::test]
async fn a_stop_is_passed_on_and_needs_no_kill() {
    // A shell can't trap what a shell starts it with ignored: SIGTERM takes its place there.
    for (signal, code) in [("SIGTERM", 7), ("SIGINT", 143), ("SIGQUIT", 143)] {
        let script = format!(
            "exec 2>/dev/null; trap 'exit 7' {}; echo up; while :; do sleep 1000 & wait $!; done",
            signal.trim_start_matches("SIG")
        );
        let ground = Ground::with(&script, |spec| {
            spec.settings.stop_signal = Some(signal.to_owned());
        })
        .await;
        assert_stops_with(&ground, code).await;
    }
}

#[tokio::test]
async fn a_stop_is_passed_on_by_debian_s_shell_too() {
    let script =
        "exec 2>/dev/null; trap 'exit 7' TERM; echo up; while :; do sleep 1000 & wait $!; done";
    assert_stops_with(&Ground::of(DEBIAN, script).await, 7).await;
}

/// With a grace that is longer than the test waits for the end.
async fn assert_stops_with(ground: &Ground, code: i64) {
    ground.until_said("up", 1).await;
    let grace = Some(Duration::from_mins(1));
    ground
        .engine()
        .stop_container(&ground.container, grace)
        .await
        .expect("stopped");
    assert_eq!(ground.ended().await, code);
}

#[tokio::test]
async fn other_signals_are_passed_on_too() {
    let script = "trap 'echo heard' USR1 HUP; echo up; while :; do sleep 1000 & wait $!; done";
    let ground = Ground::tiny(script).await;
    ground.until_said("up", 1).await;

    for (signal, times) in [("SIGUSR1", 1), ("SIGHUP", 2)] {
        ground
            .engine()
            .signal_container(&ground.container, signal)
            .await
            .expect("sent");
        ground.until_said("heard", times).await;
    }

    assert_eq!(ground.said().await, ["up", "heard", "heard"]);
}

#[tokio::test]
async fn a_restart_policy_still_holds_after_restarts_in_place() {
    let script = "echo up; while [ ! -e /tmp/crash ]; do sleep 0.02; done; rm /tmp/crash; exit 9";
    for policy in [
        RestartPolicy::UnlessStopped,
        RestartPolicy::Always,
        RestartPolicy::OnFailure { retries: None },
    ] {
        let ground = Ground::with(script, |spec| {
            spec.settings.restart = policy;
        })
        .await;
        ground.until_said("up", 1).await;
        ground
            .replacer
            .restart(&ground.service, &ground.container)
            .await
            .expect("restarted");
        ground.until_said("up", 2).await;

        ground.ask("touch /tmp/crash").await;

        ground.until_said("up", 3).await;
        assert!(
            matches!(ground.state().await, ContainerState::Running { .. }),
            "{policy:?}"
        );
    }
}

#[tokio::test]
async fn a_stopped_container_stays_stopped_under_a_policy() {
    let ground = Ground::with(SLEEP, |spec| {
        spec.settings.restart = RestartPolicy::UnlessStopped;
    })
    .await;
    ground.until_said("up", 1).await;
    ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    ground
        .engine()
        .stop_container(&ground.container, None)
        .await
        .expect("stopped");

    assert_eq!(ground.ended().await, 143);
}

#[tokio::test]
async fn a_read_only_root_and_a_user_without_rights_are_no_matter() {
    let ground = Ground::with(SLEEP, |spec| {
        spec.settings.read_only = true;
        spec.settings.user = Some("1000:1000".to_owned());
        spec.settings.cap_drop = vec!["ALL".to_owned()];
        spec.settings.security_opt = vec!["no-new-privileges".to_owned()];
    })
    .await;
    ground.until_said("up", 1).await;

    let restarted = ground
        .replacer
        .restart(&ground.service, &ground.container)
        .await
        .expect("restarted");

    assert_eq!(restarted.mode, jobsprint_dev::domain::ReplaceMode::Process);
    ground.until_said("up", 2).await;
}

#[tokio::test]
async fn orphans_are_reaped_while_the_command_runs() {
    let ground =
        Ground::tiny("for n in 1 2 3; do (sleep 0.01 & ); done; echo up; exec sleep 1000").await;
    ground.until_said("up", 1).await;

    // Each look is itself an event that the supervisor's wait passes through.
    let zombies = "n=0; while [ $n -lt 100 ]; do z=; for p in /proc/[0-9]*; do read -r l <$p/stat && case $l in *') Z '*) z=1;; esac; done 2>/dev/null; [ -n \"$z\" ] || { echo none; exit; }; n=$((n+1)); sleep 0.02; done; echo zombies";
    assert_eq!(ground.ask(zombies).await, "none");
}

#[tokio::test]
async fn the_command_keeps_its_environment_and_what_inspect_shows_of_it() {
    let ground = Ground::with("echo \"$GREETING $PWD $#\"; exec sleep 1000", |spec| {
        spec.settings.environment.set("GREETING", "hello world");
        spec.settings.working_dir = Some("/data".to_owned());
    })
    .await;

    ground.until_said("hello world /data 0", 1).await;

    let leader = ground.ask("for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" = sleep ] && read -r l <$p/stat && echo $l; done").await;
    let fields: Vec<&str> = leader.split(' ').collect();
    assert_eq!(
        fields[0], fields[4],
        "the command leads a group of its own: {leader}"
    );
}
