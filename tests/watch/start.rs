//! What is copied at the start reaches a process that began without it, and disturbs no other.

use super::shop::Shop;

const EMPTY: &str = r#"
services:
  api:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    stop_grace_period: 0s
    restart: "no"
    command: [sh, -c, "echo runs $$(cat /data/version || echo nothing); exec sleep infinity"]
    develop: { watch: [{ path: ./src, target: /data, action: sync+restart, initial_sync: true }] }
    x-jobsprint: { restart: process, grace: 0s }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_began_without_its_files_is_restarted_and_one_that_has_them_is_not() {
    let shop = Shop::with(EMPTY).await;
    shop.save("one");

    let mut watcher = shop.watch(&[]);
    let initial = watcher.wait_for("Changed");
    assert_eq!(initial["way"], "RestartedInPlace");
    watcher.logs("runs one");
    assert!(watcher.interrupt().success());

    let mut watcher = shop.watch(&[]);
    let initial = watcher.wait_for("Changed");
    assert_eq!(initial["way"], "Synced", "all of it was there");
    assert!(watcher.interrupt().success());

    // What was saved while nobody watched is new again.
    shop.save("two");
    let mut watcher = shop.watch(&[]);
    let initial = watcher.wait_for("Changed");
    assert_eq!(initial["way"], "RestartedInPlace");
    watcher.logs("runs two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_without_its_files_is_started_with_them() {
    let ending = EMPTY.replace("cat /data/version || echo nothing", "cat /data/version");
    let ending = ending.replace("exec sleep", "test -e /data/version && exec sleep");
    let shop = Shop::with(&ending).await;
    shop.save("one");

    let mut watcher = shop.watch(&[]);

    watcher.wait_for("Changed");
    watcher.logs("runs one");
}
