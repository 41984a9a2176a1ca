//! Each action of `develop.watch`, and what services without a rule get.

use super::shop::{Shop, is};

const SERVICES: &str = r#"
x-base: &base
  image: jobsprint-dev-test/tiny:3
  network_mode: none
  stop_grace_period: 0s
services:
  copied:
    <<: *base
    command: [sh, -c, "echo copied runs; exec sleep infinity"]
    develop: { watch: [{ path: ./copied, target: /data, action: sync, include: ["*.txt"], ignore: [private.txt], initial_sync: true }] }
  ran:
    <<: *base
    command: [sh, -c, "echo ran runs; exec sleep infinity"]
    develop: { watch: [{ path: ./ran, target: /data, action: sync+exec, exec: { command: [sh, -c, "cp /data/in /data/out"] } }] }
  mounted:
    <<: *base
    command: [sh, -c, "echo mounted runs $$(cat /src/version); exec sleep infinity"]
    volumes: ["./mounted:/src"]
    x-jobsprint: { grace: 0s }
  configured:
    <<: *base
    command: [sh, -c, "echo configured with $$(cat /etc/configuration); exec sleep infinity"]
    volumes: ["./configuration:/etc/configuration:ro"]
    x-jobsprint: { grace: 0s }
  left:
    <<: *base
    command: [sh, -c, "echo left runs $$(cat /src/version); exec sleep infinity"]
    volumes: ["./left:/src"]
    x-jobsprint: { watch: off }
  whole:
    <<: *base
    command: [sh, -c, "echo whole runs $$(cat /data/version); exec sleep infinity"]
    develop: { watch: [{ path: ./whole, target: /data, action: sync+restart, initial_sync: true }] }
    x-jobsprint: { restart: container, grace: 0s }
"#;

fn inside(shop: &Shop, service: &str, line: &str) -> String {
    let ran = shop.tool(&["exec", "-T", service, "--", "sh", "-c", line]);
    ran.stdout.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_does_what_compose_says_it_does() {
    let shop = Shop::with(SERVICES).await;
    for file in [
        "copied/a.txt",
        "copied/b.js",
        "copied/private.txt",
        "ran/in",
    ] {
        shop.write(file, "one");
    }
    for file in [
        "mounted/version",
        "left/version",
        "whole/version",
        "configuration",
    ] {
        shop.write(file, "one");
    }
    let mut watcher = shop.watch(&[]);
    let watching = watcher.wait_for("Watching");
    assert_eq!(
        watching["services"],
        serde_json::json!(["configured", "copied", "mounted", "ran", "whole"]),
        "`left` opted out"
    );
    watcher.change();
    watcher.change();
    assert_eq!(
        inside(&shop, "copied", "ls /data"),
        "a.txt",
        "`initial_sync`, with `include` and `ignore`"
    );

    // What a rule leaves aside does nothing; what it names is copied, and the process goes on.
    for file in ["copied/b.js", "copied/private.txt", "left/version"] {
        shop.write(file, "two");
    }
    shop.write("copied/a.txt", "two");
    let changed = watcher.wait_for("Changed");
    assert_eq!(
        (&changed["way"], &changed["file"]),
        (&"Synced".into(), &"copied/a.txt".into())
    );
    assert_eq!(inside(&shop, "copied", "cat /data/*"), "two");

    shop.write("ran/in", "two");
    let changed = watcher.wait_for("Changed");
    assert_eq!(changed["way"], "SyncedAndRan");
    assert_eq!(inside(&shop, "ran", "cat /data/out"), "two");

    shop.write("mounted/version", "two");
    let changed = watcher.wait_for("Changed");
    assert_eq!(changed["service"], "mounted");
    watcher.logs("mounted runs two");

    // A mounted file that another one takes the place of is seen only by a container that starts anew.
    shop.write("aside", "two");
    std::fs::rename(shop.at("aside"), shop.at("configuration")).expect("moved");
    let changed = watcher.wait_for("Changed");
    assert_eq!(
        (&changed["service"], &changed["way"]),
        (&"configured".into(), &"Restarted".into())
    );
    watcher.logs("configured with two");

    shop.write("whole/version", "two");
    let changed = watcher.wait_for("Changed");
    assert_eq!(
        (&changed["service"], &changed["way"]),
        (&"whole".into(), &"Restarted".into())
    );
    watcher.logs("whole runs two");

    let about_left =
        |event: &&serde_json::Value| is(event, "Changed") && event["service"] == "left";
    assert_eq!(watcher.heard().iter().filter(about_left).count(), 0);
}

const DEAF: &str = r#"
services:
  api:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    command: [sh, -c, "trap '' TERM; echo runs $$(cat /data/version); while :; do sleep 1; done"]
    develop: { watch: [{ path: ./src, target: /data, action: sync+restart, initial_sync: true }] }
    x-jobsprint: { restart: process, grace: 1s }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_obeys_is_named_once_and_killed_sooner() {
    let shop = Shop::with(DEAF).await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Watching");
    watcher.change();

    let mut stops = Vec::new();
    for text in ["two", "three", "four", "five"] {
        shop.save(text);
        let changed = watcher.wait_for("Changed");
        watcher.logs(&format!("runs {text}"));
        stops.push(changed["phases"]["stop_ms"].as_u64().expect("it stopped"));
    }

    assert!(stops[0] >= 1000 && stops[3] < stops[0], "{stops:?}");
    let said = watcher.says("does not end on SIGTERM");
    assert!(
        said.starts_with("`api` does not end on SIGTERM and was killed after 1"),
        "{said}"
    );
    let advice = |event: &&serde_json::Value| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.contains("does not end on SIGTERM"))
    };
    assert_eq!(
        watcher.heard().iter().filter(advice).count(),
        1,
        "named once"
    );
}
