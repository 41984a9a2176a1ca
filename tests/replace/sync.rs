//! Files are brought into containers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use jobsprint_dev::domain::Hook;
use jobsprint_dev::engine::Removal;
use jobsprint_dev::replace::{self, Batch, ReplaceError, Synced, Verdict};

use super::ground::{Ground, NODE};
use super::support::scratch;

const SLEEP: &str = "exec sleep 1000";

fn batch(root: &Path, changed: &[&str], deleted: &[&str]) -> Batch {
    let to = |name: &str| format!("/srv/app/{name}");
    Batch {
        changed: changed
            .iter()
            .map(|name| (root.join(name), to(name)))
            .collect(),
        deleted: deleted.iter().map(|name| to(name)).collect(),
    }
}

/// `src/a.js`, `src/b c.js`, a link and an empty directory.
fn tree() -> (tempfile::TempDir, PathBuf) {
    let (directory, root) = scratch();
    fs::create_dir_all(root.join("src")).expect("made");
    fs::create_dir_all(root.join("empty")).expect("made");
    fs::write(root.join("src/a.js"), "a").expect("written");
    fs::write(root.join("src/b c.js"), "b").expect("written");
    fs::set_permissions(root.join("src/a.js"), fs::Permissions::from_mode(0o750)).expect("set");
    symlink("src/a.js", root.join("main.js")).expect("linked");
    (directory, root)
}

#[tokio::test]
async fn files_links_and_directories_arrive_as_they_are() {
    let ground = Ground::with(SLEEP, |spec| {
        spec.settings.user = Some("1000:1000".to_owned());
    })
    .await;
    let (_kept, root) = tree();
    ground.ask("true").await;

    let synced = ground
        .replacer
        .sync(
            &ground.container,
            &batch(&root, &["src/a.js", "src/b c.js", "main.js", "empty"], &[]),
        )
        .await
        .expect("copied");

    assert_eq!(
        synced,
        Synced {
            files: 4,
            bytes: 2,
            deleted: 0
        }
    );
    let seen = ground.ask("cd /srv/app; cat main.js 'src/b c.js'; stat -c ' %a %N %F' src/a.js empty main.js | tr '\\n' ','").await;
    assert_eq!(
        seen,
        "ab 750 src/a.js regular file, 755 empty directory, 777 'main.js' -> 'src/a.js' symbolic link,"
    );
}

#[tokio::test]
async fn copies_belong_to_whom_their_directory_belongs() {
    let ground = Ground::tiny(SLEEP).await;
    let (_kept, root) = tree();
    ground
        .ask("mkdir -p /srv/app; busybox chown 1000:1001 /srv/app")
        .await;

    ground
        .replacer
        .sync(&ground.container, &batch(&root, &["src/a.js"], &[]))
        .await
        .expect("copied");

    assert_eq!(
        ground.ask("stat -c '%u:%g' /srv/app/src/a.js").await,
        "1000:1001"
    );
}

#[tokio::test]
async fn what_was_deleted_or_renamed_is_gone() {
    let ground = Ground::tiny(SLEEP).await;
    let (_kept, root) = tree();
    let all = batch(&root, &["src/a.js", "src/b c.js", "main.js"], &[]);
    ground
        .replacer
        .sync(&ground.container, &all)
        .await
        .expect("copied");

    fs::remove_dir_all(root.join("src")).expect("removed");
    fs::write(root.join("src"), "a file now").expect("written");
    let change = batch(
        &root,
        &["src", "vanished.js"],
        &["main.js", "src", "never.js"],
    );
    let synced = ground
        .replacer
        .sync(&ground.container, &change)
        .await
        .expect("copied");

    assert_eq!(
        synced,
        Synced {
            files: 1,
            bytes: 10,
            deleted: 4
        }
    );
    assert_eq!(
        ground.ask("cd /srv/app; ls; cat src").await,
        "src\na file now"
    );
}

#[tokio::test]
async fn an_image_without_rm_deletes_by_what_it_has() {
    let ground = Ground::of(NODE, SLEEP).await;
    let (_kept, root) = tree();
    ground
        .replacer
        .sync(
            &ground.container,
            &batch(&root, &["src/a.js", "src/b c.js"], &[]),
        )
        .await
        .expect("copied");
    ground.ask("rm $(command -v rm)").await;

    ground
        .replacer
        .sync(&ground.container, &batch(&root, &[], &["src/b c.js"]))
        .await
        .expect("deleted");

    assert_eq!(ground.ask("ls /srv/app/src").await, "a.js");
}

#[tokio::test]
async fn an_image_without_anything_says_so() {
    let ground = Ground::tiny(SLEEP).await;
    ground.ask("busybox rm /bin/rm /bin/busybox").await;

    let refused = ground
        .replacer
        .sync(
            &ground.container,
            &Batch {
                changed: vec![],
                deleted: vec!["/srv/x".to_owned()],
            },
        )
        .await;

    assert!(
        matches!(refused, Err(ReplaceError::NoRemover { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn files_survive_a_restart_and_follow_into_a_new_container() {
    let ground = Ground::tiny(SLEEP).await;
    let (_kept, root) = tree();
    ground
        .replacer
        .sync(&ground.container, &batch(&root, &["src/a.js"], &["etc"]))
        .await
        .expect("copied");
    ground
        .engine()
        .restart_container(&ground.container, Some(std::time::Duration::ZERO))
        .await
        .expect("restarted");
    assert_eq!(ground.ask("cat /srv/app/src/a.js").await, "a");

    fs::write(root.join("src/a.js"), "newer").expect("written");
    ground
        .engine()
        .remove_container(&ground.container, Removal::WithVolumes)
        .await
        .expect("removed");
    let successor = replace::create(ground.engine(), &ground.spec)
        .await
        .expect("made");
    ground
        .engine()
        .start_container(&successor)
        .await
        .expect("started");
    ground
        .replacer
        .resync(&ground.container, &successor)
        .await
        .expect("copied");

    let ground = Ground {
        container: successor,
        ..ground
    };
    assert_eq!(ground.ask("cat /srv/app/src/a.js").await, "newer");
}

#[tokio::test]
async fn one_porter_carries_batch_after_batch_until_its_container_stops() {
    const PORTERS: &str = "cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^# jobsprint-dev: brings files'";
    let ground = Ground::of(NODE, SLEEP).await;
    let (_kept, root) = scratch();
    let names: Vec<String> = (0..700)
        .map(|number| format!("it's {number} $(x).js"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        fs::write(root.join(name), name).expect("written");
    }
    let sync = async |batch: &Batch| {
        let synced = ground.replacer.sync(&ground.container, batch).await;
        synced.expect("copied")
    };

    sync(&batch(&root, &names, &[])).await;
    fs::write(root.join("large"), vec![7; 3_000_001]).expect("written");
    sync(&batch(&root, &["large"], &names[..600])).await;
    assert_eq!(
        ground
            .ask("ls /srv/app | wc -l; wc -c </srv/app/large; cat \"/srv/app/it's 650 \\$(x).js\"")
            .await,
        "101\n3000001\nit's 650 $(x).js"
    );
    assert_eq!(ground.ask(PORTERS).await, "1");

    let zero = Some(std::time::Duration::ZERO);
    let restarted = ground.engine().restart_container(&ground.container, zero);
    restarted.await.expect("restarted");
    sync(&batch(&root, &[], &["large"])).await;
    sync(&batch(&root, &[names[0]], &[])).await;
    assert_eq!(ground.ask("ls /srv/app | wc -l").await, "101");
    assert_eq!(ground.ask(PORTERS).await, "1");
}

#[tokio::test]
async fn what_a_porter_can_not_do_is_left_to_the_engine() {
    let ground = Ground::of(NODE, SLEEP).await;
    let (_kept, root) = tree();
    ground.ask("rm $(command -v tar)").await;

    let change = batch(&root, &["src/a.js"], &["a\nb", "never.js"]);
    ground
        .replacer
        .sync(&ground.container, &change)
        .await
        .expect("copied");

    assert_eq!(ground.ask("cat /srv/app/src/a.js").await, "a");
}

#[tokio::test]
async fn a_file_that_can_not_be_read_is_named() {
    let ground = Ground::tiny(SLEEP).await;
    let (_kept, root) = scratch();
    fs::create_dir(root.join("a")).expect("made");
    fs::write(root.join("a/b"), "").expect("written");
    let wrong = batch(&root, &["a/b/c"], &[]);

    let refused = ground
        .replacer
        .sync(&ground.container, &wrong)
        .await
        .expect_err("unreadable");

    assert!(refused.to_string().contains("a/b/c"), "{refused}");
}

#[tokio::test]
async fn a_command_after_a_sync_runs_as_it_is_told_to() {
    let ground = Ground::tiny(SLEEP).await;
    let hook = |script: &str| Hook {
        command: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        user: Some("1000".to_owned()),
        working_dir: Some("/data".to_owned()),
        ..Hook::default()
    };

    let ran = ground
        .replacer
        .exec(&ground.container, &hook("id -u; pwd"))
        .await
        .expect("ran");
    let failed = ground
        .replacer
        .exec(&ground.container, &hook("echo no >&2; exit 4"))
        .await;

    assert_eq!(String::from_utf8_lossy(&ran.stdout), "1000\n/data\n");
    let Err(ReplaceError::Hook { code, output, .. }) = failed else {
        panic!("{failed:?}")
    };
    assert_eq!((code, output), (4, vec!["no".to_owned()]));
}

#[tokio::test]
async fn a_check_reads_the_changed_files_in_the_container() {
    let mut ground = Ground::of(NODE, SLEEP).await;
    ground.service.check = Some(["node", "--check", "{file}"].map(str::to_owned).into());
    let (_kept, root) = scratch();
    fs::write(root.join("good.js"), "let a = 1\n").expect("written");
    fs::write(root.join("it's bad; exit 0.js"), "let b = (\n").expect("written");
    let files = ["good.js", "it's bad; exit 0.js"];
    ground
        .replacer
        .sync(&ground.container, &batch(&root, &files, &[]))
        .await
        .expect("copied");
    let files = files.map(|name| format!("/srv/app/{name}"));

    let good = ground
        .replacer
        .check(&ground.service, &ground.container, &files[..1])
        .await
        .expect("ran");
    let both = ground
        .replacer
        .check(&ground.service, &ground.container, &files)
        .await
        .expect("ran");

    assert_eq!(good, Verdict::Passed);
    let Verdict::Failed { output } = both else {
        panic!("broken code passed")
    };
    assert!(
        output.iter().any(|line| line.contains("SyntaxError")),
        "{output:?}"
    );
}
