//! Keys that do more than tell: what each leaves in the containers, or hands to another program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::shop::Shop;
use super::terminal::Terminal;

const BUILT: &str = r#"
services:
  api:
    build: ./app
    network_mode: none
    stop_grace_period: 0s
    command: [sh, -c, "echo runs $$(cat /srv/made); exec sleep infinity"]
    volumes: ["./migrations:/migrations:ro"]
    develop: { watch: [{ path: ./src, target: /data, action: sync }] }
    x-jobsprint:
      url: http://localhost:4000/shop
      migrate: { run: [sh, -c, "ls /migrations > /tmp/migrated"], inputs: [./migrations] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn b_builds_m_migrates_and_o_opens_the_url() {
    let shop = Shop::with(BUILT).await;
    shop.save("one");
    shop.write("migrations/1.sql", "select 1;");
    shop.write("app/made", "one");
    shop.write(
        "app/Dockerfile",
        "FROM jobsprint-dev-test/tiny:3\nCOPY made /srv/made\n",
    );
    // Somebody else's program, which only writes down what it was asked to open.
    shop.write("bin/xdg-open", "#!/bin/sh\necho \"$1\" > opened\n");
    fs::set_permissions(shop.at("bin/xdg-open"), Permissions::from_mode(0o755)).expect("set");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = shop.command(&["watch", "--no-migrate"]);
    command.env("PATH", format!("{}:{path}", shop.at("bin").display()));
    let mut terminal = Terminal::run(&command, 100, 40);
    terminal.wait_for("watching api:");
    terminal.wait_for("runs one");
    let before = shop.container();

    // What the image copies is watched by no rule.
    shop.write("app/made", "two");
    terminal.type_text("b");
    terminal.wait_for("asked for → rebuilt");
    terminal.wait_for("runs two");
    assert_ne!(shop.container(), before, "its image is another one");
    assert_eq!(shop.inside("cat /srv/made"), "two");

    // Under `--no-migrate` none runs by itself, but a person may ask.
    assert_eq!(shop.inside("ls /tmp/migrated"), "");
    terminal.type_text("m");
    terminal.wait_for("api: asked for → ran 1 migration in");
    assert_eq!(shop.inside("cat /tmp/migrated"), "1.sql");

    terminal.type_text("o");
    terminal.wait_for("opening http://localhost:4000/shop");
    Shop::wait_for("the program that opens", || {
        fs::read_to_string(shop.at("opened")).is_ok_and(|text| text.ends_with('\n'))
    });
    let opened = fs::read_to_string(shop.at("opened")).expect("it is there");
    assert_eq!(opened, "http://localhost:4000/shop\n");

    terminal.type_text("q");
    assert!(terminal.wait_for_exit().success());
}
