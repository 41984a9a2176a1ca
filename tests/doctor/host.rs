//! Faults of the machine. Mounts, limits and users are those of one process, and end with it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobsprint_dev::domain::ProjectName;
use jobsprint_dev::run::holder_of;

use crate::patient::Patient;
use crate::support::Bed;

/// A process that is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub fn free_port() -> u16 {
    let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
    held.local_addr().expect("bound").port()
}

/// A process that listens on `port`, with a secret among its arguments.
fn listener(port: u16) -> Process {
    let address = format!("127.0.0.1:{port}");
    let child = Command::new("busybox")
        .args(["httpd", "-f", "-p", &address, "-r", "password=swordfish"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("busybox httpd at {address}: {error}"));
    let until = Instant::now() + Duration::from_secs(5);
    while holder_of(port).is_none() {
        assert!(Instant::now() < until, "nobody listens on {port}");
        std::thread::yield_now();
    }
    Process(child)
}

#[tokio::test]
async fn a_port_that_a_process_holds_is_told_with_its_command_and_without_its_secrets() {
    let port = free_port();
    let patient = Patient::with(&format!("ports: [\"127.0.0.1:{port}:80\"]")).await;
    let process = listener(port);

    let found = patient.doctor(&[]);

    let pid = format!("pid {}", process.0.id());
    found.finds(
        "problem",
        "host.ports",
        &[&port.to_string(), "busybox", &pid, "httpd -f", "kill "],
    );
    assert_eq!(found.code, Some(60));
    assert!(!found.said.contains("swordfish"), "{}", found.said);
    drop(process);
    patient.doctor(&[]).is_well("host.ports");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_another_stack_names_the_stack_and_its_directory() {
    let port = free_port();
    let ports = format!("ports: [\"127.0.0.1:{port}:80\"]");
    let other = Patient::with(&ports).await;
    other.run(&["up"]);
    let patient = Patient::with(&ports).await;

    let found = patient.doctor(&[]);

    let directory = other.path().canonicalize().expect("there");
    found.finds(
        "problem",
        "host.ports",
        &[
            other.bed.project.as_str(),
            &directory.to_string_lossy(),
            "down",
        ],
    );
}

#[tokio::test]
async fn localhost_that_means_ipv6_alone() {
    let patient = Patient::healthy().await;
    patient.write("hosts", "::1 localhost\n");

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind hosts /etc/hosts && exec \"$@\"",
        )
        .finds("problem", "host.localhost", &["IPv6", "::1", "/etc/hosts"]);
}

#[tokio::test]
async fn few_watches() {
    let patient = Patient::healthy().await;
    patient.write("few", "8192\n");

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind few /proc/sys/fs/inotify/max_user_watches && exec \"$@\"",
        )
        .finds(
            "warning",
            "host.inotify",
            &["8192", "max_user_watches=524288"],
        );
}

#[tokio::test]
async fn few_watchers() {
    let patient = Patient::healthy().await;
    patient.write("few", "16\n");
    patient.write("many", "500000\n");

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind few /proc/sys/fs/inotify/max_user_instances && \
             mount --bind many /proc/sys/fs/inotify/max_user_watches && exec \"$@\"",
        )
        .finds(
            "warning",
            "host.inotify",
            &["16 watchers", "max_user_instances=512"],
        );
}

#[tokio::test]
async fn few_open_files() {
    let patient = Patient::healthy().await;

    patient
        .doctor_in(&["env"], "ulimit -n 128 && exec \"$@\"")
        .finds("warning", "host.open-files", &["128", "ulimit -n 4096"]);
}

#[tokio::test]
async fn a_full_disk_under_the_project() {
    let patient = Patient::healthy().await;
    let script = "mkdir disk && mount -t tmpfs -o size=64k none disk && cp compose.yaml disk && \
                  cd disk && head -c 60000 /dev/zero > f; exec \"$@\"";

    patient.doctor_in(&["unshare", "-m"], script).finds(
        "problem",
        "host.disk",
        &["is full", "free in", "du -xh"],
    );
}

#[tokio::test]
async fn a_disk_on_which_no_more_files_can_be_made() {
    let patient = Patient::healthy().await;
    let script = "mkdir disk && mount -t tmpfs -o size=2g,nr_inodes=100 none disk && cp compose.yaml disk && \
                  cd disk && exec \"$@\"";

    patient.doctor_in(&["unshare", "-m"], script).finds(
        "problem",
        "host.disk",
        &["more files", "--inodes"],
    );
}

#[tokio::test]
async fn a_full_disk_for_temporary_files() {
    let patient = Patient::healthy().await;
    let script = "mkdir t && mount -t tmpfs -o size=1m none t && TMPDIR=$PWD/t exec \"$@\"";

    patient.doctor_in(&["unshare", "-m"], script).finds(
        "problem",
        "host.temporary",
        &["/t", "is full"],
    );
}

#[tokio::test]
async fn little_memory() {
    let patient = Patient::healthy().await;
    patient.write(
        "meminfo",
        "MemTotal: 8000000 kB\nMemAvailable:   100000 kB\n",
    );

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind meminfo /proc/meminfo && exec \"$@\"",
        )
        .finds("warning", "host.memory", &["102.4 MB", "ps aux"]);
}

#[tokio::test]
async fn a_project_on_a_windows_drive() {
    let patient = Patient::healthy().await;
    patient.write(
        "version",
        "Linux version 5.15.153.1-microsoft-standard-WSL2\n",
    );
    let script = "mount --bind version /proc/version && mount -t tmpfs none /mnt && mkdir -p /mnt/c/shop && \
                  cp compose.yaml /mnt/c/shop && cd /mnt/c/shop && exec \"$@\"";

    patient.doctor_in(&["unshare", "-m"], script).finds(
        "warning",
        "host.filesystem",
        &["/mnt/c/shop", "Windows drive", "cp -a"],
    );
}

#[tokio::test]
async fn a_project_on_a_network_drive() {
    let patient = Patient::healthy().await;
    let place = patient.path().canonicalize().expect("there");
    let mounts = format!(
        "/dev/vda1 / ext4 rw 0 0\nserver:/home {} nfs4 rw 0 0\n",
        place.display()
    );
    patient.write("mounts", &mounts);

    patient
        .doctor_in(
            &["unshare", "-m"],
            "mount --bind mounts /proc/$$/mounts && exec \"$@\"",
        )
        .finds(
            "warning",
            "host.filesystem",
            &["network drive (nfs4)", "is on nfs4", "local disk"],
        );
}

#[tokio::test]
async fn a_localhost_that_means_nothing() {
    let patient = Patient::healthy().await;
    patient.write("hosts", "10.0.0.1 elsewhere\n");
    patient.write("nsswitch.conf", "hosts: files\n");
    let script = "mount --bind hosts /etc/hosts && { [ ! -e /etc/nsswitch.conf ] || mount --bind nsswitch.conf /etc/nsswitch.conf; } && exec \"$@\"";

    patient.doctor_in(&["unshare", "-m"], script).finds(
        "problem",
        "host.localhost",
        &["means nothing", "127.0.0.1 localhost"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_checkouts_of_one_name() {
    let other = Patient::healthy().await;
    other.run(&["up"]);
    let bed = Bed {
        engine: other.bed.engine.clone(),
        project: ProjectName::new(other.bed.project.as_str()).expect("valid"),
    };
    let image = crate::support::tiny_image(&bed.engine).await;
    let patient = Patient::of(
        bed,
        &format!("services: {{ a: {{ image: \"{image}\" }} }}\n"),
    );

    let found = patient.doctor(&[]);

    let directory = other.path().canonicalize().expect("there");
    found.finds(
        "problem",
        "project.name",
        &[&directory.to_string_lossy(), "-p NAME"],
    );
}
