//! `watch` on the real engine: a save reaches what runs, whatever happens in between.

#[path = "watch/actions.rs"]
mod actions;
#[path = "watch/blind.rs"]
mod blind;
#[path = "watch/configuration.rs"]
mod configuration;
#[path = "watch/editors.rs"]
mod editors;
#[path = "watch/keys.rs"]
mod keys;
#[path = "watch/mishaps.rs"]
mod mishaps;
#[path = "support/own_engine.rs"]
mod own_engine;
#[path = "watch/shop.rs"]
mod shop;
#[path = "watch/start.rs"]
mod start;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use serde_json::json;
use shop::{Shop, is};
use terminal::{INTERRUPT, Terminal};

#[tokio::test(flavor = "multi_thread")]
async fn a_save_restarts_the_process_in_place_and_one_line_tells_where_the_time_went() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    let up = watcher.wait_for("Finished");
    assert_eq!(up["next"], json!([]), "it goes on by itself");
    let watching = watcher.wait_for("Watching");
    assert_eq!(watching["services"], json!(["api"]));
    watcher.wait_for("Changed");
    watcher.logs("runs one");
    let before = shop.container();

    shop.save("two");
    let changed = watcher.wait_for("Changed");

    assert_eq!(changed["service"], "api");
    assert_eq!(changed["file"], "src/version");
    assert_eq!(changed["way"], "RestartedInPlace");
    for phase in [
        "settle_ms",
        "sync_ms",
        "check_ms",
        "stop_ms",
        "boot_ms",
        "probe_ms",
    ] {
        assert!(changed["phases"][phase].is_u64(), "{phase}: {changed}");
    }
    watcher.logs("runs two");
    assert_eq!(shop.container(), before, "the container went on");

    // The same text again is no change; what comes after it is.
    shop.save("two");
    shop.save_with("mv", "three");
    let changed = watcher.wait_for("Changed");
    assert_eq!(changed["files"], 1);
    watcher.logs("runs three");
    assert_eq!(watcher.count("Changed"), 3, "{:?}", watcher.heard());

    assert!(watcher.interrupt().success(), "Ctrl-C leaves cleanly");
    assert_eq!(shop.container(), before, "and the stack stays up");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_code_never_ends_what_runs_and_a_crash_is_tried_again_by_the_next_save() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Watching");
    watcher.wait_for("Changed");

    shop.save("broken");
    let refused = watcher.wait_for("CheckFailed");
    assert_eq!(refused["output"], json!(["this is broken"]));
    assert_eq!(watcher.count("Changed"), 1, "the copies of the start alone");

    shop.save("crash");
    let failed = watcher.wait_for("ChangeFailed");
    let said = failed["failure"].to_string();
    assert!(said.contains("it crashes"), "its last lines: {said}");

    shop.save("mended");
    watcher.wait_for("Changed");
    watcher.logs("runs mended");

    // A container that somebody removes is made again, with what was copied into the one before.
    shop.remove_container();
    shop.save("again");
    watcher.wait_for("Changed");
    watcher.logs("runs again");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_saves_during_restarts_the_last_one_is_what_runs() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Watching");

    // Pauses of no pattern, from none to longer than a restart.
    for number in 0..30_u64 {
        shop.save(&format!("save-{number}"));
        let pause = number * 7919 % 97;
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    }

    watcher.logs("runs save-29");
    shop.save("last");
    watcher.logs("runs last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_compose_file_converges_and_a_wrong_one_leaves_all_as_it_was() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Changed");
    shop.save("two");
    watcher.logs("runs two");
    let before = shop.container();

    shop.edit("GREETING: hello", "GREETING: [");
    let warning = watcher.wait_for("Warning");
    let text = warning["text"].as_str().expect("it has a text");
    assert!(
        text.starts_with("compose.yaml changed, and the old files go on"),
        "{text}"
    );
    assert_eq!(shop.container(), before);

    shop.edit("GREETING: [", "GREETING: bye");
    watcher.wait_until(|event| {
        is(event, "Notice")
            && event["text"] == "compose.yaml changed: the stack is as the files say"
    });
    assert_ne!(shop.container(), before, "its environment is another one");
    watcher.wait_until(|event| {
        is(event, "Notice")
            && event["text"]
                .as_str()
                .is_some_and(|text| text.contains("copied 1 file again"))
    });

    shop.save("three");
    watcher.logs("runs three");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_watcher_a_project_and_its_place_is_free_when_it_is_killed() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut first = shop.watch(&["--no-logs"]);
    first.wait_for("Watching");

    let second = shop.tool(&["watch"]);
    assert_eq!(second.code, Some(2));
    let who = format!("another watcher (pid {}) is at work", first.pid());
    assert!(second.stderr.contains(&who), "{}", second.stderr);

    first.kill();
    let begun = shop.tool(&["watch", "--detach"]);
    assert_eq!(begun.code, Some(0), "{}", begun.stderr);
    let status = shop.tool(&["watch", "status"]);
    assert!(
        status.stdout.starts_with("watching (pid "),
        "{}",
        status.stdout
    );
    Shop::wait_for("it to watch", || {
        shop.tool(&["watch", "logs"])
            .stdout
            .contains("watching api:")
    });
    Shop::wait_for("the copies of the start", || {
        let status = shop.tool(&["watch", "status"]);
        status.stdout.contains("api: 1 change, p50")
    });
    shop.save("two");
    Shop::wait_for("the change", || {
        let status = shop.tool(&["watch", "status"]);
        status.stdout.contains("api: 2 changes, p50")
    });

    let stopped = shop.tool(&["watch", "stop"]);
    assert!(stopped.stderr.contains("has ended"), "{}", stopped.stderr);
    let status = shop.tool(&["watch", "status"]);
    assert_eq!(status.code, Some(0));
    assert!(
        status.stdout.starts_with("nobody watches"),
        "{}",
        status.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_which_rule_matches_or_what_leaves_a_path_aside() {
    let shop = Shop::new().await;

    let explained = ["src/version", "src/.version.swp", "elsewhere"]
        .map(|path| shop.tool(&["watch", "--explain", path]).stdout);

    assert!(
        explained[0].starts_with("api: sync to /data and restart, by its rule"),
        "{explained:?}"
    );
    assert!(
        explained[1].starts_with("left aside: it is an editor's own"),
        "{explained:?}"
    );
    assert!(
        explained[2].starts_with("nothing: no rule"),
        "{explained:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_does_its_part_and_the_terminal_is_given_back() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut terminal = Terminal::run(&shop.command(&["watch"]), 100, 40);
    terminal.wait_for("src/version → restarted in place");
    terminal.wait_for("runs one");
    assert!(!terminal.echoes(), "keys come at once and unseen");

    terminal.type_text("p");
    terminal.wait_for("paused");
    shop.save("two");
    terminal.type_text("p");
    terminal.wait_for("watching again");
    terminal.wait_for("runs two");
    Shop::wait_for("its account", || {
        let status = shop.tool(&["watch", "status"]);
        status.stdout.contains("api: 2 changes")
    });
    terminal.type_text("r");
    terminal.wait_for("api: 2 changes, half of them within");
    terminal.wait_for("asked for → restarted in place");
    for (key, word) in [
        ("l", "logs of no service"),
        ("l", "logs of all services"),
        ("s", "SERVICE"),
        ("o", "no service has a `url`"),
        ("?", "q quit"),
    ] {
        terminal.type_text(key);
        terminal.wait_for(word);
    }
    terminal.type_text("q");

    assert!(terminal.wait_for_exit().success());
    assert!(terminal.echoes(), "the terminal is as it was");

    let mut terminal = Terminal::run(&shop.command(&["watch", "--down"]), 100, 40);
    terminal.wait_for("watching api:");
    terminal.type_text(INTERRUPT);
    assert!(terminal.wait_for_exit().success());
    assert!(terminal.echoes(), "the terminal is as it was");
    assert_eq!(shop.container(), "", "`--down` takes the stack down");
}
