//! The words of `ci` that say what is done, kept and written, with `--isolate tenant`.

use std::fs;
use std::path::Path;

use crate::checkout::text;
use crate::shop::{BEGUN, Shop};

const COUNT: &str = "SELECT count(*) FROM jobs";

/// All files below a directory, each with what stands in it.
fn files(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = fs::read_to_string(&path).expect("text");
            found.push((path.display().to_string(), content));
        }
    }
    found
}

/// The password of an address.
fn password(address: &str) -> &str {
    let (_, rest) = address.split_once("://").expect("an address");
    let (login, _) = rest.split_once('@').expect("a login");
    login.split_once(':').expect("a password").1
}

/// What the shared stores' administrators log in with.
fn administrators(shop: &Shop) -> Vec<String> {
    let state = shop.stores.state.path().join("jobsprint-dev/shared");
    let noted = files(&state).remove(0).1;
    let noted: serde_json::Value = serde_json::from_str(&noted).expect("JSON");
    let values = noted["values"].as_object().expect("an object").values();
    values
        .map(|value| value.as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_seeds_is_migrated_alone_and_its_template_is_no_seeded_ones() {
    let shop = Shop::new().await;

    let bare = shop.start(&["--no-seed"]);
    let empty = shop.sql(&bare, COUNT).await;
    let flag = shop.redis(&bare, &["EXISTS", "flag"]).await;
    let bare = bare.end();
    let seeded = shop.start(&[]);
    let full = shop.sql(&seeded, COUNT).await;
    let seeded = seeded.end();
    let again = shop.start(&["--no-seed"]);
    let still = shop.sql(&again, COUNT).await;
    let again = again.end();

    assert_eq!([empty, full, still], ["0\n", "2\n", "0\n"]);
    assert_eq!(flag, "0\n");
    assert!(bare.status.success(), "{}", text(&bare.stderr));
    assert!(
        !text(&bare.stderr).contains("seed"),
        "{}",
        text(&bare.stderr)
    );
    assert!(
        !text(&seeded.stderr).contains(BEGUN),
        "{}",
        text(&seeded.stderr)
    );
    assert!(
        text(&again.stderr).contains(BEGUN),
        "{}",
        text(&again.stderr)
    );
    shop.has_no_tenant().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_command_fails_leaves_a_capsule_without_secrets_that_is_brought_up_with_stores_of_its_own()
 {
    let shop = Shop::new().await;
    shop.alter(|file| {
        file.replace(
            "[httpd, -f, -p, \"8080\", -h, /etc]",
            "[sh, -c, \"echo it is $$DATABASE_URL and $$REDIS_URL; exec httpd -f -p 8080 -h /etc\"]",
        )
    });

    let script = "echo $DATABASE_URL; echo $REDIS_URL; exit 3";
    let words = [
        "--artifacts",
        "out",
        "--junit",
        "ci.xml",
        "--",
        "sh",
        "-c",
        script,
    ];
    let ran = shop.run(&words);
    let secrets = administrators(&shop);
    shop.has_no_tenant().await;
    let root = shop.stores.checkout.directory.path();
    let capsule = fs::read_dir(root.join("out"))
        .expect("made")
        .flatten()
        .next();
    let capsule = capsule.expect("one").path();
    let held = files(&capsule);
    let script = "echo $DATABASE_URL; echo $JOBSPRINT_STACK";
    let place = capsule.display().to_string();
    let replayed = shop
        .stores
        .works(&["replay", &place, "--", "sh", "-c", script]);

    assert_eq!(ran.status.code(), Some(3), "{}", text(&ran.stderr));
    let junit = fs::read_to_string(root.join("ci.xml")).expect("written");
    assert!(junit.contains("tests=\"3\" failures=\"1\""), "{junit}");
    assert!(junit.contains("ended with exit code 3"), "{junit}");
    let said = text(&ran.stdout);
    let mut secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    secrets.extend(said.lines().map(password));
    assert_eq!(
        secrets.len(),
        4,
        "two administrators', and the tenant's twice"
    );
    for secret in secrets {
        assert!(!text(&ran.stderr).contains(secret), "{}", text(&ran.stderr));
        assert!(!junit.contains(secret), "{junit}");
        for (name, content) in &held {
            assert!(!content.contains(secret), "{name}: {content}");
        }
    }
    let log = held
        .iter()
        .find(|(name, _)| name.ends_with("logs/web-1.log"));
    let log = &log.expect("the app's log").1;
    assert!(
        log.starts_with("it is postgresql://") && log.contains("***"),
        "{log}"
    );
    let (said, told) = replayed;
    assert!(
        said.contains("/shop\n") && said.contains("-replay-"),
        "{said}"
    );
    assert!(told.contains("migrations/001_jobs.sql  done"), "{told}");
    assert!(
        told.contains("seeds/postgres/010_jobs.sql  2 rows"),
        "{told}"
    );
    assert!(!told.contains("***"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_stores_that_cannot_be_made_leave_a_capsule_and_a_test_case_that_say_why() {
    let shop = Shop::new().await;
    shop.alter(|file| {
        file.replace(
            "    image: redis:7-alpine\n",
            "    image: redis:7-alpine\n    command: [redis-server, --bogus]\n",
        )
    });

    let ran = shop.run(&["--artifacts", "out", "--junit", "ci.xml", "--", "true"]);

    assert_eq!(ran.status.code(), Some(31), "{}", text(&ran.stderr));
    let root = shop.stores.checkout.directory.path();
    let junit = fs::read_to_string(root.join("ci.xml")).expect("written");
    assert!(junit.contains("tests=\"1\" failures=\"1\""), "{junit}");
    assert!(junit.contains("`redis` exited"), "{junit}");
    let held = files(&root.join("out"));
    let log = held
        .iter()
        .find(|(name, _)| name.ends_with("logs/redis-1.log"));
    assert!(log.expect("its log").1.contains("bogus"));
    assert!(shop.shared().is_empty(), "{:?}", shop.shared());
    assert!(shop.stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_tenants_service_ends_the_run_with_its_code() {
    let shop = Shop::new().await;
    let junit = shop.stores.checkout.directory.path().join("ci.xml");

    let passed = shop.run(&["--junit", "ci.xml", "--in", "web", "--", "true"]);
    let passing = fs::read_to_string(&junit).expect("written");
    let failed = shop.run(&[
        "--junit", "ci.xml", "--in", "web", "--", "sh", "-c", "exit 4",
    ]);
    let failing = fs::read_to_string(&junit).expect("written");
    let unknown = shop.run(&["--in", "nobody", "--", "true"]);

    assert!(passed.status.success(), "{}", text(&passed.stderr));
    assert!(passing.contains("tests=\"3\" failures=\"0\""), "{passing}");
    assert_eq!(failed.status.code(), Some(4), "{}", text(&failed.stderr));
    assert!(failing.contains("tests=\"3\" failures=\"1\""), "{failing}");
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown.stderr));
    assert!(
        text(&unknown.stderr).contains("`nobody`"),
        "{}",
        text(&unknown.stderr)
    );
    shop.has_no_tenant().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_kept_where_its_command_failed_and_only_there() {
    let shop = Shop::new().await;
    let keep = ["--keep", "on-failure"];

    shop.works(&[&keep[..], &["--", "true"]].concat());
    shop.has_no_tenant().await;
    let failed = shop.run(&[&keep[..], &["--", "false"]].concat());
    shop.stores.tool(&["stacks", "gc"]);
    shop.stores.checkout.as_another_user(&["stacks", "gc"]);
    let kept = shop.listed("tenant");
    let left = shop.left().await;
    let looked = shop.stores.tool(&["-p", &kept[0], "logs"]);
    let (_, meanwhile) = shop.works(&["--", "true"]);
    let removed = shop.stores.tool(&["stacks", "rm", &kept[0]]);

    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(left.lines().count(), 3, "user, database and role: {left}");
    assert!(looked.status.success(), "{}", text(&looked.stderr));
    assert!(meanwhile.contains(BEGUN), "{meanwhile}");
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    shop.has_no_tenant().await;
    let notes = shop.stores.state.path().join("jobsprint-dev/kept");
    let notes = fs::read_dir(notes).expect("made").flatten();
    let notes: Vec<_> = notes.map(|note| note.file_name()).collect();
    assert_eq!(
        notes,
        shop.shared()
            .iter()
            .map(Into::into)
            .collect::<Vec<std::ffi::OsString>>()
    );
}
