//! What can't be restored, and what another engine or an older format asks for.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::owners::keep_and_bring_back;
use crate::project::{ALL, By, PLAIN, Project, said};
use crate::proxy::Proxy;

async fn refuse(by: By) {
    let project = Project::up_by(by, PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "kept"]);
    project.write("second").await;
    let shelf = project.path(".jobsprint/snapshots");
    let copy = |name: &str| {
        let copied = Command::new("cp")
            .arg("-a")
            .arg(shelf.join("kept"))
            .arg(shelf.join(name))
            .status();
        assert!(copied.expect("cp starts").success());
        shelf.join(name)
    };
    let edit = |path: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(path).expect("a manifest");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("written");
    };
    let bulk = "one.tree/.bulk";
    let cut = fs::File::options().write(true).open(copy("cut").join(bulk));
    cut.expect("a part").set_len(1000).expect("cut");
    let part = copy("damaged").join(bulk);
    let mut bytes = fs::read(&part).expect("a part");
    bytes[5000] ^= 1;
    fs::write(&part, bytes).expect("written");
    let owners = copy("given").join("two.lists");
    let of_root = owners.join("own.0.0");
    fs::rename(of_root, owners.join("own.7.7")).expect("renamed");
    fs::remove_dir_all(copy("partial").join("two.tree")).expect("removed");
    edit(
        &copy("newer").join("manifest.json"),
        "\"schema\": 2",
        "\"schema\": 3",
    );
    let foreign = format!("\"project\": \"{}\"", project.name);
    edit(
        &copy("foreign").join("manifest.json"),
        &foreign,
        "\"project\": \"farm\"",
    );

    for (name, reason) in [
        ("cut", "the snapshot `cut` is not whole: `one.tree` has "),
        (
            "damaged",
            "is damaged: the checksum of `one.tree` is not the manifest's",
        ),
        (
            "given",
            "is damaged: the checksum of `two.tree` is not the manifest's",
        ),
        ("partial", "is not whole: `two.tree` is missing"),
        (
            "newer",
            "is of format 3, and this version of jobsprint-dev reads up to 2",
        ),
        ("foreign", "is of the project `farm`, not of "),
        ("unknown", "the snapshot `unknown` is not there"),
    ] {
        let said = project.fails(&["snapshot", "restore", name, "--yes"], 40);
        assert!(said.contains(reason), "{said}");
    }
    let said = project.fails(&["snapshot", "save", "kept"], 40);
    assert!(
        said.contains("the snapshot `kept` is there already"),
        "{said}"
    );
    assert_eq!(project.word().await, "second");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_the_reason_and_nothing_changes() {
    for by in ALL {
        refuse(by).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_elsewhere_takes_files_and_sends_tars_and_those_of_the_first_format_come_back()
 {
    let project = Project::up(PLAIN).await;
    let elsewhere = Proxy::telling("/version", |version| {
        version["KernelVersion"] = json!("another machine's");
    });
    let away = |words: &[&str]| {
        let mut command = project.command(words);
        let output = command.env("DOCKER_HOST", elsewhere.address()).output();
        output.expect("the tool starts")
    };

    let away = |words: &[&str]| tokio::task::block_in_place(|| away(words));

    let saved = keep_and_bring_back(&project, |words| {
        let restored = away(words);
        assert!(restored.status.success(), "{}", said(&restored));
    });
    let saved = saved.await;
    assert!(!saved.contains("packed"), "it was kept as files: {saved}");
    let part = project.path(".jobsprint/snapshots/mine/one.tree/.bulk");
    fs::write(part, vec![0; 20_000_000]).expect("written");
    let refused = said(&away(&["snapshot", "restore", "mine", "--yes"]));
    assert!(
        refused.contains("is damaged: the checksum of `one.tree`"),
        "{refused}"
    );

    let saved = said(&away(&["snapshot", "save", "packed"]));
    assert!(saved.contains(", packed with zstd, in "), "{saved}");
    let manifest = project.path(".jobsprint/snapshots/packed/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let old = text
        .replace("\"schema\": 2", "\"schema\": 1")
        .replace("\"checksum\"", "\"sha256\"")
        .replace("\"way\": \"zstd\",", "");
    fs::write(&manifest, old).expect("written");
    project.write("second").await;
    project.works(&["snapshot", "restore", "packed", "--yes", "--no-snapshot"]);
    assert_eq!(project.word().await, "first");
}
