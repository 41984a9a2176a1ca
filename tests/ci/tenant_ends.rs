//! The end of a tenant: nothing of it is left, whoever ends its run and whenever.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;

use crate::checkout::text;
use crate::kills::moments;
use crate::shop::{Shop, TENANT, Telling, send};
use crate::stores::Stores;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_tenant_however_its_run_ends() {
    let shop = Shop::new().await;

    let failed = shop.run(&["--", "false"]);
    let after_failure = shop.left().await;
    let mut killed = shop.start(&[]);
    killed.child.kill().expect("killed");
    killed.child.wait().expect("reaped");
    let swept = shop.stores.tool(&["stacks", "gc"]);
    let after_kill = shop.left().await;
    let asked = shop.start(&[]);
    send(Signal::TERM, &asked.child);
    let asked = asked.child.wait_with_output().expect("it ends");

    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert_eq!(after_failure, "");
    assert!(swept.status.success(), "{}", text(&swept.stderr));
    assert_eq!(after_kill, "");
    assert_eq!(asked.status.code(), Some(130), "{}", text(&asked.stderr));
    assert_eq!(shop.left().await, "");
    shop.stores.checkout.until_stacks(0).await;
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_killed_at_any_moment_leaves_nothing() {
    let shop = Shop::new().await;
    shop.works(&["--", "true"]);
    for moment in moments(10, Duration::from_millis(1500)) {
        let words = [&TENANT, &["--", "sleep", "3600"][..]].concat();
        let mut run = shop.stores.command(&words).spawn().expect("started");
        tokio::time::sleep(moment).await;
        run.kill().expect("killed");
        run.wait().expect("reaped");
    }

    // The guards of those runs, or else the next look, drop what they had.
    let swept = shop.stores.tool(&["stacks", "gc"]);

    assert!(swept.status.success(), "{}", text(&swept.stderr));
    shop.stores.checkout.until_stacks(0).await;
    assert_eq!(shop.left().await, "");
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_remove_the_same_tenant_one_waits_for_the_other() {
    let shop = Shop::new().await;
    shop.works(&["--keep", "always", "--", "true"]);
    let kept = shop.listed("tenant");
    // No database can be dropped while the server's list of them is locked.
    let hold = "BEGIN; LOCK TABLE pg_database IN SHARE MODE; SELECT pg_sleep(100)";
    let holder = ["psql", "-X", "-U", "shop", "-d", "postgres", "-c", hold];
    let rivals = ["stacks", "rm", &kept[0]];
    let release = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE query LIKE 'BEGIN; LOCK TABLE%' AND pid <> pg_backend_pid()";
    let release = ["psql", "-X", "-U", "shop", "-d", "postgres", "-c", release];

    let lock = shop.says("postgres", &holder);
    let removal = async {
        shop.until_runs("SELECT pg_sleep(100)").await;
        let first = shop.stores.start_tool(&rivals);
        shop.until_runs("DROP DATABASE").await;
        let second = shop.stores.start_tool(&rivals);
        let second = Telling::of(second).until("is being removed; waiting for it");
        shop.says("postgres", &release).await;
        [first, second.child].map(|rival| rival.wait_with_output().expect("it ends"))
    };
    let (_, removed) = tokio::join!(lock, removal);

    for rival in removed {
        assert!(rival.status.success(), "{}", text(&rival.stderr));
    }
    shop.has_no_tenant().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_kept_is_listed_and_removed_by_its_name() {
    let shop = Shop::new().await;

    shop.works(&[
        "--services",
        "postgres,redis",
        "--keep",
        "always",
        "--",
        "true",
    ]);
    shop.stores.tool(&["stacks", "gc"]);
    let kept = shop.listed("tenant");
    let left = shop.left().await;
    let removed = shop.stores.tool(&["stacks", "rm", &kept[0]]);

    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(left.lines().count(), 3, "user, database and role: {left}");
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(shop.left().await, "");
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_tenant_that_is_interrupted_at_its_command_or_its_set_up() {
    let shop = Shop::of(Stores::with_broker().await).await;
    shop.works(&["--", "true"]);
    let waits = ["--", "sh", "-c", "echo begun >&2; exec sleep 3600"];
    let inside = [&["--in", "web"], &waits[..]].concat();

    for signal in [Signal::INT, Signal::TERM] {
        for words in [&waits[..], &inside] {
            shop.follow(words).until("begun\n").ends_by(signal);
            shop.has_no_tenant().await;
        }
    }
    shop.alter(|file| file.replace("tcp 8080", "tcp 9999"));
    for signal in [Signal::INT, Signal::TERM] {
        shop.follow(&waits)
            .until("web       started")
            .ends_by(signal);
        shop.has_no_tenant().await;
    }
    shop.stores
        .write("migrations/002_slow.sql", "SELECT pg_sleep(3600);");
    for signal in [Signal::INT, Signal::TERM] {
        let run = shop.follow(&waits);
        shop.until_runs("pg_sleep(3600)").await;
        run.ends_by(signal);
        shop.has_no_tenant().await;
    }

    assert_eq!(shop.left_in_broker().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_stores_whose_making_is_interrupted_go_and_are_made_by_the_next_run() {
    let shop = Shop::new().await;
    let stores = ["--services", "postgres,redis", "--", "true"];

    for signal in [Signal::INT, Signal::TERM] {
        let run = shop.follow(&stores);
        run.until("bringing up postgres and redis for all tenants")
            .ends_by(signal);
        assert!(shop.shared().is_empty(), "{:?}", shop.shared());
    }
    shop.works(&stores);

    shop.has_no_tenant().await;
    assert_eq!(shop.shared().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_making_is_interrupted_takes_none_away_that_others_are_at_work_on() {
    let shop = Shop::of(Stores::with_broker().await).await;
    let at_work = shop.start(&["--services", "postgres,redis"]);
    let standing = shop.shared();
    let had = shop.left().await;

    let run = shop.follow(&["--", "true"]);
    run.until("bringing up postgres, rabbitmq and redis for all tenants")
        .until("rabbitmq  started")
        .ends_by(Signal::INT);
    let has = shop.left().await;
    let ended = at_work.end();
    let observed = shop.stores.checkout.observe(&standing[0]).await;
    shop.works(&["--", "true"]);

    assert_eq!(had.lines().count(), 3, "user, database and role: {had}");
    assert_eq!(has, had);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let names: BTreeSet<&str> = observed
        .containers
        .iter()
        .map(|found| found.service.as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["postgres", "redis"]));
    assert_eq!(observed.volumes.len(), 2, "{:?}", observed.volumes);
    assert_eq!(shop.shared(), standing);
    assert_eq!(shop.left_in_broker().await, "");
}
