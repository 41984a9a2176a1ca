//! `--reuse`: one stack for the runs of a checkout, one after the other.

use crate::checkout::text;
use crate::stores::{COUNT, Stores};

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_takes_over_the_stack_with_what_the_last_one_did() {
    let stores = Stores::new().await;
    let reusing = |statement: &'static str| {
        let mut words = vec!["--reuse"];
        words.extend(&COUNT[..9]);
        words.push(statement);
        words
    };
    let name = |stacks: &std::collections::BTreeSet<String>| stacks.first().cloned();

    stores.works(&reusing("INSERT INTO jobs VALUES (7)"));
    let first = name(&stores.checkout.stacks().await);
    let swept = stores.tool(&["stacks", "gc"]);
    stores.checkout.as_another_user(&["stacks", "gc"]);
    let (count, told) = stores.works(&reusing(COUNT[9]));
    let second = name(&stores.checkout.stacks().await);
    let removed = stores.tool(&["stacks", "rm", &first.clone().expect("it stays")]);

    assert!(swept.status.success(), "{}", text(&swept.stderr));
    assert_eq!((count.as_str(), &first), ("3\n", &second));
    for again in ["created", "started"] {
        assert!(!told.contains(again), "{told}");
    }
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(stores.checkout.stacks().await.is_empty());
    // What is gone is made anew, from nothing or a template.
    let (count, _) = stores.works(&reusing(COUNT[9]));
    stores.tool(&["stacks", "rm", &first.expect("as before")]);
    assert_eq!(count, "2\n");
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_reuse_a_stack_wait_for_each_other() {
    let stores = Stores::new().await;
    let mut words = vec!["--reuse"];
    words.extend(&COUNT[..9]);
    words.push("INSERT INTO jobs VALUES (7)");

    let runs = [(), ()].map(|()| stores.command(&words).spawn().expect("started"));
    for run in runs {
        let ended = run.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", text(&ended.stderr));
    }
    *words.last_mut().expect("the statement") = COUNT[9];
    let (count, _) = stores.works(&words);
    let stacks = stores.checkout.stacks().await;

    assert_eq!((count.as_str(), stacks.len()), ("4\n", 1));
    let removed = stores.tool(&["stacks", "rm", stacks.first().expect("one")]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
}
