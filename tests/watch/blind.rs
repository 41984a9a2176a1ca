//! The system tells of too much, of too little, or of nothing: no change is lost, and the tool says how it goes on.

use std::process::Command;

use rustix::process::Signal;

use super::shop::Shop;

/// Stands before the system's own call, as a network drive does: a watch is given and never tells of anything.
const DEAF: &str = "int inotify_add_watch(int fd, const char *path, unsigned mask) { static int next; return ++next; }";

#[tokio::test(flavor = "multi_thread")]
async fn notices_that_overflow_make_everything_be_looked_at() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Watching");
    watcher.change();
    let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    let queue: u32 = text.expect("Linux").trim().parse().expect("a number");

    // While the watcher stands still, the system's queue runs over; what comes last is what gets lost.
    watcher.signal(Signal::STOP);
    let round = "for n in 0 1 2 3 4 5 6 7 8 9; do : > noise$n; done";
    let rounds = queue / 8;
    shop.shell(&format!(
        "i=0; while [ $i -lt {rounds} ]; do {round}; i=$((i + 1)); done"
    ));
    shop.shell("mkdir unseen; echo deep > unseen/a.js");
    shop.save("two");
    watcher.signal(Signal::CONT);

    watcher.says("more changed at once than the system tells of");
    watcher.logs("runs two");
    assert_eq!(shop.inside("cat /data/unseen/a.js"), "deep");
    shop.shell("echo more > unseen/a.js");
    watcher.wait_until(|event| event["file"] == "src/unseen/a.js");
    assert_eq!(shop.inside("cat /data/unseen/a.js"), "more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_is_told_with_the_sysctl_and_changes_are_looked_for() {
    let shop = Shop::new().await;
    shop.save("one");
    shop.shell("mkdir -p a/b c/d e");

    for (limit, most) in [("max_inotify_watches", 3), ("max_inotify_instances", 0)] {
        // A namespace of its own has a limit of its own.
        let mut watcher = shop.watch_after(&format!("echo {most} > /proc/sys/user/{limit}"));
        watcher.wait_for("Watching");
        let said = watcher.says("the system's limit of watched directories is reached");
        assert!(
            said.contains("sudo sysctl fs.inotify.max_user_watches="),
            "{said}"
        );

        shop.save(limit);
        watcher.logs(&format!("runs {limit}"));
        assert!(watcher.interrupt().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_canary_is_not_heard_of_changes_are_looked_for() {
    let shop = Shop::new().await;
    shop.save("one");
    shop.write("deaf.c", DEAF);
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([shop.at("deaf.so"), shop.at("deaf.c")])
        .status();
    assert!(built.expect("cc, as cargo needs it").success());

    let mut command = shop.command(&["watch", "--output", "json"]);
    let mut watcher = Shop::watch_by(command.env("LD_PRELOAD", shop.at("deaf.so")));
    watcher.wait_for("Watching");
    watcher.says("this system doesn't tell of changes here; looking for them twice a second");

    shop.save("two");
    watcher.logs("runs two");
}
