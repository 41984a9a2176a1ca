//! Disks of their own: one of which files share their blocks, and one that is full.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::owners::keep_and_bring_back;
use crate::project::{ALL, By, PLAIN, Project, USER};

/// A filesystem of which files can share their blocks, in a file; gone when the test ends.
pub struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    pub fn mounted() -> Self {
        let disk = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        let image = disk.directory.path().join("image");
        let file = fs::File::create(&image).expect("a file");
        file.set_len(1 << 30).expect("a size");
        fs::create_dir(disk.path()).expect("a directory");
        let made = Command::new("mkfs.btrfs")
            .arg("--quiet")
            .arg(&image)
            .status();
        assert!(made.expect("btrfs-progs is installed").success());
        let mounted = Command::new("mount")
            .args(["-o", "loop"])
            .args([&image, &disk.path()])
            .status();
        assert!(
            mounted.expect("mount starts").success(),
            "this test needs root"
        );
        // A user who isn't root goes through here to a project.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(disk.directory.path(), open).expect("opened");
        disk
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    /// A volume of Compose that is a directory on it.
    pub fn volume(&self, name: &str) -> String {
        let place = self.path().join(name);
        fs::create_dir(&place).expect("a directory");
        let device = place.display();
        format!("{{ driver_opts: {{ type: none, o: bind, device: \"{device}\" }} }}")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.path()).status());
    }
}

#[tokio::test]
async fn where_the_filesystem_shares_blocks_a_snapshot_is_a_clone() {
    let disk = Disk::mounted();
    let file = PLAIN.replace(
        "volumes: { one: {}, two: {} }",
        &format!(
            "volumes:\n  one: {}\n  two: {}\n",
            disk.volume("one"),
            disk.volume("two")
        ),
    );
    for by in ALL {
        let directory = tempfile::tempdir_in(disk.path()).expect("a directory");
        let mut project = Project::within(directory, &file).await;
        if by == By::User {
            project.give_to_user();
        }
        project.works(&["up"]);

        let saved = keep_and_bring_back(&project, |words| drop(project.works(words))).await;

        assert!(saved.contains(", cloned by the filesystem, in "), "{saved}");
        assert_eq!(project.word().await, "first");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    for by in ALL {
        let project = Project::up_by(by, PLAIN).await;
        project.write("first").await;
        let shelf = project.path(".jobsprint/snapshots");
        fs::create_dir_all(&shelf).expect("a directory");
        let user = if by == By::User { USER } else { 0 };
        let small = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size=4m,uid={user},gid={user}"),
            ])
            .arg("tmpfs")
            .arg(&shelf)
            .status();
        assert!(
            small.expect("mount starts").success(),
            "this test needs root"
        );

        let said = project.fails(&["snapshot", "save", "large"], 40);
        let down = project.fails(&["down", "--volumes", "--yes"], 40);
        let names = project.snapshots();
        let left = fs::read_dir(&shelf).expect("read").count();
        let unmounted = Command::new("umount").arg(&shelf).status();

        assert!(unmounted.expect("umount starts").success());
        assert!(said.contains("no space left on the disk"), "{said}");
        assert!(
            down.contains("to go on without a snapshot, add `--no-snapshot`"),
            "{down}"
        );
        assert_eq!((names, left), (Vec::new(), 0));
        project.goes_on().await;
        assert_eq!(project.word().await, "first");
    }
}
