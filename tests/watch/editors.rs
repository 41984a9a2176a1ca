//! Each way in which editors and tools save, through the real watcher into a running service.

use std::collections::BTreeSet;

use super::shop::Shop;

/// Long, so that a machine that stops an editor halfway through a save sees one save all the same.
const SETTLE: [&str; 2] = ["--settle", "700ms"];

#[tokio::test(flavor = "multi_thread")]
async fn each_editor_s_way_of_saving_is_one_restart_with_the_new_content() {
    let shop = Shop::new().await;
    shop.save("one");
    let mut watcher = shop.watch(&SETTLE);
    watcher.wait_for("Watching");
    watcher.change();

    let saves = [
        ("truncate-and-write", "echo NEW > version"),
        (
            "vim",
            "touch .version.swp 4913; rm 4913; mv version version~; echo NEW > version; rm version~ .version.swp",
        ),
        (
            "vim-backupcopy",
            "cp version version~; echo NEW > version; rm version~",
        ),
        (
            "jetbrains",
            "echo NEW > version___jb_tmp___; mv version version___jb_old___; \
             mv version___jb_tmp___ version; rm version___jb_old___",
        ),
        (
            "vs-code-atomic",
            "echo NEW > .version.tmp; mv .version.tmp version",
        ),
        (
            "emacs",
            "cp version version~; echo NEW > '#version#'; mv '#version#' version; rm version~",
        ),
        (
            "gnome",
            "echo NEW > .goutputstream-X1Y2Z3; mv .goutputstream-X1Y2Z3 version",
        ),
        ("sed", "sed -i s/.*/NEW/ version"),
        (
            "append",
            ": > version; printf '' >> version; echo NEW >> version",
        ),
        ("remove-and-write", "rm version; echo NEW > version"),
    ];
    for (editor, line) in saves {
        shop.shell(&line.replace("NEW", editor));
        let (file, files) = watcher.change();
        assert!(file.starts_with("src/"), "{editor}: {file}");
        assert!(files <= 2, "{editor}: its own file at the most: {files}");
        watcher.logs(&format!("runs {editor}"));
    }
    assert_eq!(watcher.count("Changed"), saves.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_and_a_stash_of_thousands_of_files_are_one_restart_each() {
    let shop = Shop::new().await;
    shop.save("base");
    shop.shell("git init -q ..; git add -A ..; git commit -qm base; git checkout -qb wide");
    for number in 0..2500 {
        shop.write(&format!("src/part{}/{number}.js", number % 50), "text");
    }
    shop.save("wide");
    shop.shell("git add -A ..; git commit -qm wide; git checkout -q -");
    let mut watcher = shop.watch(&SETTLE);
    watcher.wait_for("Watching");
    watcher.change();

    shop.shell("git checkout -q wide");
    assert_eq!(watcher.change().1, 2501);
    watcher.logs("runs wide");
    assert_eq!(shop.inside("ls /data/part* | grep -c js"), "2500");

    shop.save("unfinished");
    watcher.change();
    watcher.logs("runs unfinished");
    shop.shell("git stash -q");
    assert_eq!(watcher.change(), ("src/version".to_owned(), 1));
    shop.shell("git checkout -q -");
    assert_eq!(watcher.change().1, 2501);
    watcher.logs("runs base");
    assert_eq!(shop.inside("find /data -name '*.js' | wc -l"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_new_directories_and_deletes_reach_the_container() {
    let shop = Shop::new().await;
    shop.shell("echo one > release-1; echo two > release-2; ln -s release-1 version");
    let mut watcher = shop.watch(&SETTLE);
    watcher.wait_for("Watching");
    watcher.change();

    shop.shell("ln -sfn release-2 version");
    watcher.logs("runs two");

    shop.shell("echo three > release-2");
    watcher.logs("runs three");

    shop.shell("mkdir -p a/b; echo deep > a/b/c.js");
    watcher.wait_until(|event| event["file"] == "src/a/b/c.js");
    assert_eq!(shop.inside("cat /data/a/b/c.js"), "deep");

    shop.shell("mv a moved");
    watcher.wait_until(|event| event["files"] == 2);
    assert_eq!(
        shop.inside("cd /data; find . -name '*.js'"),
        "./moved/b/c.js"
    );

    shop.shell("rm -r moved");
    watcher.wait_until(|event| event["file"] == "src/moved/b/c.js");
    assert_eq!(shop.inside("cd /data; find . -name '*.js'"), "");
    let ways: BTreeSet<&str> = watcher
        .heard()
        .iter()
        .filter_map(|event| event["way"].as_str())
        .collect();
    assert!(!ways.contains("Restarted"), "in place each time: {ways:?}");
}
