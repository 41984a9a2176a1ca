//! Data directories in memory: where they are, what they outlive, and what becomes of a stack for which there is no room.

use std::process::Command;

use crate::checkout::text;
use crate::stores::{COUNT, Stores};

/// Tells of what kind the stack's volumes are.
const KINDS: &str = "for volume in db cache; do
    docker volume inspect --format '{{index .Options \"type\"}}' ${JOBSPRINT_STACK}_$volume
done";
/// Starts the stores again, and tells what they have when they answer.
const AGAIN: &str = "
docker restart ${JOBSPRINT_STACK}-postgres-1 ${JOBSPRINT_STACK}-redis-1 >&2
until docker exec ${JOBSPRINT_STACK}-postgres-1 psql -U shop -d shop -Atc 'SELECT count(*) FROM jobs'
do :; done 2>/dev/null
until docker exec ${JOBSPRINT_STACK}-redis-1 redis-cli GET flag; do :; done 2>/dev/null";
const ON_DISK: &str = "trying with the stores' data on the disk";

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_data_is_in_memory_and_stays_when_a_store_is_started_again() {
    let stores = Stores::new().await;

    for begins_with in ["nothing", "a template"] {
        let (kinds, _) = stores.works(&["--", "sh", "-c", KINDS]);
        let (said, _) = stores.works(&["--timeout", "90s", "--", "sh", "-c", AGAIN]);

        assert_eq!(kinds, "tmpfs\ntmpfs\n", "{begins_with}");
        assert_eq!(said, "2\non\n", "{begins_with}");
    }
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_for_the_next_run_and_what_somebody_wants_there_is_on_the_disk() {
    let stores = Stores::new().await;

    for words in [&["--no-tmpfs"][..], &["--reuse"], &["--keep", "always"]] {
        let (kinds, _) = stores.works(&[words, &["--", "sh", "-c", KINDS]].concat());

        assert_eq!(kinds, "\n\n", "{words:?}");
    }
    let stacks = stores.checkout.stacks().await;
    assert_eq!(stacks.len(), 2, "{stacks:?}");
    for left in stacks {
        let removed = stores.tool(&["stacks", "rm", &left, "--yes"]);
        assert!(removed.status.success(), "{}", text(&removed.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_outgrow_the_memory_are_set_up_on_the_disk() {
    let stores = Stores::new().await;
    let large = "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 100000) n;";
    stores.write("migrations/002_large.sql", large);

    let words = [&["--tmpfs-size", "96m"], &COUNT[..]].concat();
    let (count, told) = stores.works(&words);

    assert!(told.contains(ON_DISK), "{told}");
    assert_eq!(count, "2\n");
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fills_the_memory_is_told_so() {
    let stores = Stores::new().await;
    let rows =
        "INSERT INTO large SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 100000) n";
    let command =
        format!("psql -U shop -d shop -c 'CREATE TABLE large (n int, word text)' -c \"{rows}\"");

    let words = ["--tmpfs-size", "96m", "--in", "postgres", "--", "sh", "-c"];
    let ran = stores.run(&[&words[..], &[&command]].concat());

    let told = text(&ran.stderr);
    assert!(!ran.status.success(), "{told}");
    assert!(
        told.contains("`postgres` takes all of the 100.6 MB that it may take in memory"),
        "{told}"
    );
    assert!(told.contains("`--no-tmpfs`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_can_hold_nothing_leaves_the_data_on_the_disk() {
    let stores = Stores::new().await;
    stores.write(
        "bare/Dockerfile",
        "FROM redis:7-alpine\nRUN rm -f /bin/sleep /usr/bin/sleep\n",
    );
    let file = "services:
  redis:
    build: ./bare
    volumes: [\"cache:/data\"]
    x-jobsprint: { role: data, ready: redis }
volumes: { cache: {} }
";
    let name = &stores.checkout.name;
    stores.write("compose.yaml", &format!("name: {name}\n{file}"));

    let (_, told) = stores.works(&["--", "true"]);

    assert!(
        told.contains("cannot hold the stores' data in memory"),
        "{told}"
    );
    assert!(told.contains(ON_DISK), "{told}");
    assert!(stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_stack_that_stays_keeps_its_data_until_it_is_taken_down() {
    let stores = Stores::new().await;

    let mark =
        "docker exec ${JOBSPRINT_STACK}-postgres-1 touch /var/lib/postgresql/data/marked; exit 7";
    let ran = stores.run(&["--keep", "on-failure", "--", "sh", "-c", mark]);
    assert_eq!(ran.status.code(), Some(7), "{}", text(&ran.stderr));
    let stacks = stores.checkout.stacks().await;
    let left = stacks.first().expect("it stays");
    let stop = ["-p", left, "stop"];
    let stopped = stores.tool(&stop);
    let container = format!("{left}-postgres-1");
    let docker = |words: &[&str]| {
        let ran = Command::new("docker").args(words).output();
        let ran = ran.expect("docker's client is here");
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        text(&ran.stdout)
    };
    docker(&["start", &container]);
    let marked = docker(&["exec", &container, "ls", "/var/lib/postgresql/data/marked"]);
    let down = ["-p", left, "down", "--volumes", "--yes", "--no-snapshot"];
    let down = stores.tool(&down);
    let label = format!("label=com.docker.compose.project={left}");
    let containers = docker(&["ps", "--all", "--quiet", "--filter", &label]);
    let removed = stores.tool(&["stacks", "rm", left, "--yes"]);

    assert!(stopped.status.success(), "{}", text(&stopped.stderr));
    assert_eq!(marked, "/var/lib/postgresql/data/marked\n");
    assert!(down.status.success(), "{}", text(&down.stderr));
    assert_eq!(containers, "", "also the one that held the data");
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(stores.checkout.stacks().await.is_empty());
}
