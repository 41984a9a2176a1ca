//! The wait for a service, told in made-up time.

use super::*;

const CRASH: ExitCause = ExitCause {
    code: 1,
    out_of_memory: false,
};
const END: ExitCause = ExitCause {
    code: 0,
    out_of_memory: false,
};

fn wait(goal: Goal, restart: RestartPolicy) -> (ReadyWait, Instant) {
    let now = Instant::now();
    (ReadyWait::new(goal, restart, Patience::default(), now), now)
}

fn refused() -> Sign {
    Sign::Answered {
        answer: Answer::NotYet("connection refused".to_owned()),
        asking: Duration::from_millis(1),
    }
}

fn after(now: Instant, seconds: f64) -> Instant {
    now + Duration::from_secs_f64(seconds)
}

#[test]
fn a_service_is_asked_at_once_and_again_after_a_pause() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    assert_eq!(wait.next_probe(), Some(now));

    let verdict = wait.hear(refused(), now);

    assert_eq!(verdict, Verdict::Waiting);
    assert_eq!(wait.next_probe(), Some(now + Duration::from_millis(10)));
    assert_eq!(wait.reason(), "connection refused");
}

#[test]
fn a_service_that_answers_is_ready_and_the_time_is_told() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    let ready = Sign::Answered {
        answer: Answer::Ready,
        asking: Duration::from_millis(1),
    };

    let verdict = wait.hear(ready, after(now, 2.0));

    let took = Duration::from_secs(2);
    assert_eq!(verdict, Verdict::Reached { took });
}

#[test]
fn a_service_that_listens_after_45_idle_seconds_succeeds() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    for second in 0..45 {
        let verdict = wait.hear(refused(), after(now, f64::from(second)));
        assert_eq!(verdict, Verdict::Waiting);
    }
    assert_eq!(wait.at(after(now, 45.0)), Verdict::Waiting);
}

#[test]
fn a_service_that_never_listens_and_idles_fails_after_the_quiet_time() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    assert_eq!(wait.hear(refused(), now), Verdict::Waiting);

    let verdict = wait.at(wait.deadline());

    let quiet = Duration::from_mins(1);
    assert_eq!(verdict, Verdict::Failed(Why::Stuck { quiet }));
}

#[test]
fn new_log_lines_and_cpu_work_extend_the_wait_and_repetition_does_not() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    assert_eq!(
        wait.hear(Sign::Logged("try 1".into()), after(now, 10.0)),
        Verdict::Waiting
    );
    assert_eq!(wait.deadline(), after(now, 70.0));

    let _ = wait.hear(Sign::Logged("try 2".into()), after(now, 20.0));
    assert_eq!(wait.deadline(), after(now, 70.0));

    let _ = wait.hear(Sign::Cpu(Duration::from_secs(1)), after(now, 30.0));
    assert_eq!(wait.deadline(), after(now, 90.0));
    let _ = wait.hear(Sign::Cpu(Duration::from_millis(1010)), after(now, 40.0));
    assert_eq!(wait.deadline(), after(now, 90.0));
}

#[test]
fn progress_without_end_fails_at_the_total() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);
    let mut busy = 0;
    let verdict = loop {
        busy += 1;
        let cpu = Sign::Cpu(Duration::from_secs(busy * 10));
        match wait.hear(cpu, now + Duration::from_secs(busy * 10)) {
            Verdict::Waiting => {}
            verdict => break verdict,
        }
    };

    let limit = Duration::from_mins(15);
    assert_eq!(verdict, Verdict::Failed(Why::TooLong { limit }));
}

#[test]
fn an_exit_without_restart_policy_fails_at_once() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);

    let verdict = wait.hear(Sign::Died(CRASH), after(now, 0.1));

    assert_eq!(verdict, Verdict::Failed(Why::Exited(CRASH)));
}

#[test]
fn a_server_that_finishes_before_it_was_ready_has_failed() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::No);

    let verdict = wait.hear(Sign::Died(END), after(now, 0.1));

    assert_eq!(verdict, Verdict::Failed(Why::Exited(END)));
}

#[test]
fn a_single_restart_is_no_crash_loop() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::Always);

    assert_eq!(wait.hear(Sign::Died(CRASH), now), Verdict::Waiting);
    assert_eq!(wait.next_probe(), None);
    assert_eq!(wait.reason(), "restarting after crash 1");

    let again = after(now, 0.2);
    assert_eq!(wait.hear(Sign::Started, again), Verdict::Waiting);
    assert_eq!(wait.next_probe(), Some(again));
}

#[test]
fn the_third_crash_is_a_loop() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::Always);
    for _ in 0..2 {
        assert_eq!(wait.hear(Sign::Died(CRASH), now), Verdict::Waiting);
        assert_eq!(wait.hear(Sign::Started, now), Verdict::Waiting);
    }

    let verdict = wait.hear(Sign::Died(CRASH), now);

    let why = Why::CrashLoop {
        deaths: 3,
        last: CRASH,
    };
    assert_eq!(verdict, Verdict::Failed(why));
}

#[test]
fn a_one_shot_is_done_by_exit_0_and_failed_by_any_other() {
    let (mut good, now) = wait(Goal::Completion, RestartPolicy::No);
    let (mut bad, _) = wait(Goal::Completion, RestartPolicy::No);

    let took = Duration::from_mins(5);
    assert_eq!(good.at(after(now, 299.0)), Verdict::Waiting);
    assert_eq!(
        good.hear(Sign::Died(END), now + took),
        Verdict::Reached { took }
    );
    assert_eq!(
        bad.hear(Sign::Died(CRASH), now),
        Verdict::Failed(Why::Exited(CRASH))
    );
}

#[test]
fn running_is_enough_once_it_has_not_ended_at_once() {
    let (wait, now) = wait(Goal::Running, RestartPolicy::No);
    assert_eq!(wait.at(now), Verdict::Waiting);

    let took = Duration::from_millis(100);
    assert_eq!(wait.at(wait.deadline()), Verdict::Reached { took });
}

#[test]
fn a_service_that_ran_before_the_wait_is_ready_at_once() {
    let (wait, now) = wait(Goal::Running, RestartPolicy::No);
    let wait = wait.running_for(Duration::from_millis(100));

    let took = Duration::ZERO;
    assert_eq!(wait.at(now), Verdict::Reached { took });
}

#[test]
fn an_answer_that_time_cannot_mend_fails_at_once() {
    let (mut wait, now) = wait(Goal::Probe, RestartPolicy::Always);
    let reason = "password authentication failed".to_owned();
    let answer = Answer::Impossible(reason.clone());
    let asking = Duration::ZERO;

    let verdict = wait.hear(Sign::Answered { answer, asking }, now);

    assert_eq!(verdict, Verdict::Failed(Why::Impossible(reason)));
}
