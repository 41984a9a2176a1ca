//! Containers and engines that go away under the watcher: what was copied is in place again, and the next save works.

use std::time::Duration;

use jobsprint_dev::domain::ContainerId;

use super::own_engine::OwnEngine;
use super::shop::Shop;
use super::support::{self, Bed};

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_somebody_restarts_or_removes_has_its_files_again() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.change();
    shop.save("two");
    watcher.logs("runs two");
    let engine = shop.engine();

    let id = ContainerId::new(shop.container());
    let restarted = engine.restart_container(&id, Some(Duration::ZERO)).await;
    restarted.expect("restarted");
    shop.save("three");
    watcher.logs("runs three");

    // Somebody kills it; its next start is by the next save.
    engine
        .signal_container(&id, "SIGKILL")
        .await
        .expect("killed");
    shop.save("four");
    watcher.logs("runs four");

    // `up` in another terminal makes another container.
    shop.remove_container();
    let up = shop.tool(&["up"]);
    assert_eq!(up.code, Some(0), "{}", up.stderr);
    watcher.says("its container is another one; copied 1 file again");
    assert_eq!(shop.inside("cat /data/version"), "four");
    watcher.wait_until(|event| event["line"] == "runs four");
    shop.save("five");
    watcher.logs("runs five");
}

const UNCONNECTED: &str = r#"
services:
  api:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    command: [sh, -c, "echo runs $$(cat /data/version); exec sleep infinity"]
    stop_grace_period: 0s
    develop: { watch: [{ path: ./src, target: /data, action: sync+restart, initial_sync: true }] }
    x-jobsprint: { restart: process, grace: 0s }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_and_comes_back_is_followed() {
    let (_directory, path) = support::scratch();
    let mut own = OwnEngine::start(&path);
    let shop = Shop::on(Bed::on(own.connected().await), UNCONNECTED).await;
    shop.save("one");
    let mut command = shop.command(&["watch", "--output", "json"]);
    let mut watcher = Shop::watch_by(command.env("DOCKER_HOST", own.address()));
    watcher.change();
    shop.save("two");
    watcher.logs("runs two");

    own.end();
    shop.save("three");
    let own = OwnEngine::start(&path);
    own.connected().await;

    watcher.says("the engine's events were cut off");
    watcher.says("the stack is as the files say");
    shop.save("four");
    watcher.logs("runs four");
    watcher.kill();
    shop.take_down(&own.address());
}
