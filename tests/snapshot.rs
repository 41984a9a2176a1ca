//! Snapshots of a whole stack on the real engine: what was kept comes back, and nothing that goes wrong loses anything.

#[path = "support/moments.rs"]
mod moments;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "world/shipped.rs"]
mod shipped;
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobsprint_dev::domain::{ContainerState, ImageRef, ProjectName};
use jobsprint_dev::engine::{Engine, ExecRequest};
use moments::moments;
use proxy::Proxy;
use serde_json::json;

/// Two stores of small files and one who writes into both, all in one image.
const PLAIN: &str = r#"
x-store: &store
  image: redis:7-alpine
  init: true
  entrypoint: [sleep, infinity]
services:
  one:
    <<: *store
    volumes: ["one:/kept"]
    x-jobsprint: { role: data }
  two:
    <<: *store
    volumes: ["two:/kept"]
    x-jobsprint: { role: data }
  writer:
    <<: *store
    volumes: ["one:/one", "two:/two"]
volumes: { one: {}, two: {} }
"#;

/// The real stores.
const STORES: &str = r#"
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_DB: jobsprint, POSTGRES_PASSWORD: s3cret }
    volumes: ["postgres:/var/lib/postgresql/data"]
    stop_signal: SIGINT
    x-jobsprint: { role: data, ready: postgres }
  redis:
    image: redis:7-alpine
    command: [redis-server, --appendonly, "yes"]
    volumes: ["redis:/data"]
    x-jobsprint: { role: data, ready: redis }
  rabbitmq:
    image: rabbitmq:3.12-management-alpine
    hostname: rabbitmq
    volumes: ["rabbitmq:/var/lib/rabbitmq"]
    x-jobsprint: { role: data, ready: amqp }
volumes: { postgres: {}, redis: {}, rabbitmq: {} }
"#;

/// A database with migrations, seeds and a password of the project's own, a cache, and a store that neither of them touches.
const SEEDED: &str = r#"
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_DB: jobsprint, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD}" }
    volumes: ["postgres:/var/lib/postgresql/data"]
    stop_signal: SIGINT
    x-jobsprint: { role: data, ready: postgres, migrate: { directory: ./migrations } }
  redis:
    image: redis:7-alpine
    command: [redis-server, --appendonly, "yes"]
    volumes: ["redis:/data"]
    x-jobsprint: { role: data, ready: redis }
  files:
    image: redis:7-alpine
    init: true
    entrypoint: [sleep, infinity]
    volumes: ["files:/files"]
    x-jobsprint: { role: data }
volumes: { postgres: {}, redis: {}, files: {} }
x-jobsprint: { seeds: ./seeds }
"#;

/// A project of its own, gone with all its volumes when the test ends.
struct Project {
    directory: tempfile::TempDir,
    name: ProjectName,
    engine: Arc<dyn Engine>,
}

impl Project {
    async fn up(file: &str) -> Self {
        let project = Self::at(file).await;
        project.works(&["up"]);
        project
    }

    /// Nothing of it runs yet.
    async fn at(file: &str) -> Self {
        Self::within(tempfile::tempdir().expect("a directory"), file).await
    }

    /// The same, in this directory.
    async fn within(directory: tempfile::TempDir, file: &str) -> Self {
        let project = Self {
            directory,
            name: support::unique_project(),
            engine: support::engine().await,
        };
        fs::write(project.path("compose.yml"), file).expect("a file");
        for line in file.lines() {
            if let Some(image) = line.trim().strip_prefix("image: ") {
                shipped::ensure(&project.engine, &ImageRef::new(image)).await;
            }
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(["-p", self.name.as_str()])
            .args(words)
            .current_dir(self.directory.path());
        command
    }

    /// Gives the project's directory to a user who isn't root.
    fn give_to_user(&self) {
        let given = Command::new("chown")
            .args(["-R", "54321:54321"])
            .arg(self.directory.path())
            .status();
        assert!(given.expect("chown starts").success());
    }

    /// The tool run by that user, who may talk to the engine.
    fn command_of_user(&self, words: &[&str]) -> Command {
        let engine = fs::metadata("/var/run/docker.sock").expect("the engine's socket");
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=54321", "--regid=54321"])
            .arg(format!("--groups={}", engine.gid()))
            .args([
                env!("CARGO_BIN_EXE_jobsprint-dev"),
                "-p",
                self.name.as_str(),
            ])
            .args(words)
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path());
        command
    }

    #[track_caller]
    fn works_for_user(&self, words: &[&str]) -> String {
        let output = self.command_of_user(words).output();
        let output = output.expect("the tool starts");
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    }

    fn tool(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the tool starts")
    }

    /// Runs the tool, expects it to end well, and gives all that it said.
    #[track_caller]
    fn works(&self, words: &[&str]) -> String {
        let output = self.tool(words);
        let said = said(&output);
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }

    /// Runs the tool, expects it to end with this code, and gives all that it said.
    #[track_caller]
    fn fails(&self, words: &[&str], code: i32) -> String {
        let output = self.tool(words);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        said
    }

    fn begin(&self, words: &[&str]) -> Child {
        self.command(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tool starts")
    }

    /// What a shell in a service's container says.
    async fn ask(&self, service: &str, script: &str) -> String {
        let container = format!("{}-{service}-1", self.name);
        let container = jobsprint_dev::domain::ContainerId::new(container);
        let request = ExecRequest {
            command: ["sh", "-c", script].map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        let ran = self.engine.execute(&container, &request).await;
        let ran = ran.expect("the container runs");
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        assert_eq!(ran.code, 0, "{script}: {said}");
        said
    }

    /// Writes the same word into both stores, beside a file that takes a while to copy.
    async fn write(&self, word: &str) {
        let script = format!(
            "for store in /one /two; do echo {word} > $store/word; \
             head -c 20000000 /dev/urandom > $store/.bulk; done"
        );
        self.ask("writer", &script).await;
    }

    /// The word in the stores, where it is the same in both.
    async fn word(&self) -> String {
        let words = self
            .ask("writer", "cat /one/word /two/word; ls -A /one /two")
            .await;
        let (one, rest) = words.split_once('\n').expect("two words");
        let (two, left) = rest.split_once('\n').expect("and a listing");
        assert_eq!(one, two, "both stores are of one moment");
        assert!(!left.contains("jobsprint"), "nothing is left lying: {left}");
        one.to_owned()
    }

    fn snapshots(&self) -> Vec<String> {
        let listed = self.works(&["--output", "json", "snapshot", "list"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
        let rows = listed["snapshots"].as_array().expect("a list");
        rows.iter()
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// Waits until none of the project's containers is paused.
    async fn goes_on(&self) {
        let began = Instant::now();
        loop {
            let observed = self
                .engine
                .observe(&self.name, &[])
                .await
                .expect("observed");
            let mut containers = observed.containers.iter();
            if !containers.any(|found| found.state == ContainerState::Paused) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "still paused");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        drop(self.tool(&["down", "--volumes", "--yes", "--no-snapshot"]));
    }
}

/// A filesystem of which files can share their blocks, in a file; gone when the test ends.
struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    fn mounted() -> Self {
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

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }

    /// A volume of Compose that is a directory on it.
    fn volume(&self, name: &str) -> String {
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

fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn postgres_redis_and_rabbitmq_come_back_as_they_were() {
    let project = Project::up(STORES).await;
    let psql = |sql: &str| format!("psql -U jobsprint -Atqc \"{sql}\"");
    let make = "CREATE TABLE kept AS SELECT generate_series(1, 1000) n";
    project.ask("postgres", &psql(make)).await;
    project.ask("redis", "redis-cli set kept yes").await;
    let declare = "rabbitmqadmin declare queue name=kept durable=true && \
        rabbitmqadmin publish routing_key=kept payload=hello properties='{\"delivery_mode\":2}'";
    project.ask("rabbitmq", declare).await;

    let saved = project.works(&["snapshot", "save", "one"]);
    project.ask("postgres", &psql("DROP TABLE kept")).await;
    project.ask("redis", "redis-cli del kept").await;
    project
        .ask("rabbitmq", "rabbitmqadmin delete queue name=kept")
        .await;
    let restored = project.works(&["snapshot", "restore", "one", "--yes", "--no-snapshot"]);

    assert!(
        saved.contains("kept the data of postgres, rabbitmq and redis as `one`"),
        "{saved}"
    );
    assert!(restored.contains("is back at `one`"), "{restored}");
    let rows = project
        .ask("postgres", &psql("SELECT count(*) FROM kept"))
        .await;
    assert_eq!(rows, "1000");
    assert_eq!(project.ask("redis", "redis-cli get kept").await, "yes");
    let message = "rabbitmqadmin -f tsv get queue=kept | grep -o hello | head -n 1";
    assert_eq!(project.ask("rabbitmq", message).await, "hello");
    assert_eq!(project.snapshots(), ["one"]);
}

#[tokio::test]
async fn every_destructive_verb_keeps_what_it_removes() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;

    project.works(&["snapshot", "save", "first"]);
    project.write("second").await;
    project.works(&["snapshot", "restore", "--latest", "--yes"]);
    assert_eq!(project.word().await, "first");
    let before = project.snapshots().pop().expect("one was made first");
    assert!(before.starts_with("before-restore-"), "{before}");
    project.works(&["snapshot", "rename", &before, "second"]);
    let told = project.works(&["snapshot", "diff", "first", "second"]);
    assert!(told.contains("volume one: "), "{told}");

    project.works(&["down", "--volumes", "--yes"]);
    project.works(&["snapshot", "restore", "second", "--yes"]);
    project.works(&["up"]);
    assert_eq!(project.word().await, "second");
    project.works(&["snapshot", "delete", "second"]);
    let names = project.snapshots();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[1].starts_with("before-down-"), "{names:?}");
}

#[tokio::test]
async fn the_oldest_of_the_tools_own_can_be_restored_and_goes_only_then() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "asked"]);
    project.works(&["snapshot", "restore", "asked", "--yes"]);
    let oldest = project.snapshots().pop().expect("one was made first");
    project.write("second").await;
    for _ in 0..4 {
        project.works(&["snapshot", "restore", "asked", "--yes"]);
    }
    project.write("third").await;

    project.works(&["snapshot", "restore", &oldest, "--yes"]);

    assert_eq!(project.word().await, "first");
    let names = project.snapshots();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(!names.contains(&oldest), "{names:?}");
}

#[tokio::test]
async fn resets_restored_backups_and_new_passwords_are_preceded_by_a_snapshot() {
    let project = Project::at(SEEDED).await;
    fs::create_dir_all(project.path("seeds/postgres")).expect("a directory");
    fs::create_dir_all(project.path("migrations")).expect("a directory");
    fs::create_dir_all(project.path("templates")).expect("a directory");
    let write = |name: &str, text: &str| fs::write(project.path(name), text).expect("written");
    write("migrations/0001_jobs.sql", "CREATE TABLE jobs (id int);");
    write("seeds/postgres/010_jobs.csv", "id\n1\n2\n");
    write(
        "templates/.env.schema",
        "# ---\n# @required @sensitive @generate=alnum(32)\nPOSTGRES_PASSWORD=\n",
    );
    write(".env", "POSTGRES_PASSWORD=first\n");
    project.works(&["up"]);
    let psql = async |sql: &str| {
        let script = format!("psql -U jobsprint -Atqc '{sql}'");
        project.ask("postgres", &script).await
    };
    let count = "SELECT count(*) FROM jobs";

    psql("INSERT INTO jobs VALUES (3)").await;
    project.ask("redis", "redis-cli set cached yes").await;
    let told = project.works(&["reset", "--yes"]);
    let covers = "kept the data of postgres and redis as `before-reset-";
    assert!(told.contains(covers), "only what goes: {told}");
    assert!(
        told.contains("packed with zstd"),
        "a little is packed: {told}"
    );
    assert_eq!(psql(count).await, "2");
    assert_eq!(project.ask("redis", "redis-cli dbsize").await, "0");
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-reset-"), "{kept}");
    let manifest = project.path(&format!(".jobsprint/snapshots/{kept}/manifest.json"));
    let manifest = fs::read_to_string(manifest).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let version = &manifest["migrations"];
    assert!(version.is_string(), "SQL files make a version: {version}");
    project.ask("files", "echo since > /files/word").await;
    // The newest is of two stores alone: those come back, and the third stays as it is.
    let told = project.works(&["snapshot", "restore", "--latest", "--yes", "--no-snapshot"]);
    assert!(
        told.contains(&format!(
            "the data of postgres and redis is back at `{kept}`"
        )),
        "{told}"
    );
    assert_eq!(psql(count).await, "3");
    assert_eq!(project.ask("redis", "redis-cli get cached").await, "yes");
    assert_eq!(project.ask("files", "cat /files/word").await, "since");

    project.works(&["backup"]);
    let backup = project.works(&["--output", "json", "backup", "list"]);
    let backup: serde_json::Value = serde_json::from_str(&backup).expect("JSON");
    let name = backup["backups"][0]["name"].as_str().expect("a name");
    for (verb, says) in [("list", name), ("prune", "removed 0 of 1 backups")] {
        let mut command = project.command(&["backup", verb]);
        let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output();
        let output = said(&output.expect("the tool starts"));
        assert!(output.contains(says), "no engine is needed: {output}");
    }
    psql("DELETE FROM jobs").await;
    project.works(&["restore", name, "--yes"]);
    assert_eq!(psql(count).await, "3");
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-restore-"), "{kept}");

    project.works(&["env", "rotate", "POSTGRES_PASSWORD"]);
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-env-rotate-"), "{kept}");
    project.works(&["reset", "--volumes", "--yes"]);
    let kept = project.snapshots().pop().expect("a snapshot");
    assert!(kept.starts_with("before-down-"), "{kept}");
    assert_eq!(psql(count).await, "2");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused_with_the_reason_and_nothing_changes() {
    let project = Project::up(PLAIN).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_elsewhere_sends_tars_and_those_of_the_first_format_come_back() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;
    project.works(&["snapshot", "save", "files"]);
    let elsewhere = Proxy::telling("/version", |version| {
        version["KernelVersion"] = json!("another machine's");
    });
    let away = |words: &[&str]| {
        let mut command = project.command(words);
        let output = command.env("DOCKER_HOST", elsewhere.address()).output();
        output.expect("the tool starts")
    };

    let saved = tokio::task::block_in_place(|| away(&["snapshot", "save", "packed"]));
    let restore = ["snapshot", "restore", "files", "--yes", "--no-snapshot"];
    let refused = tokio::task::block_in_place(|| away(&restore));
    let manifest = project.path(".jobsprint/snapshots/packed/manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let old = text
        .replace("\"schema\": 2", "\"schema\": 1")
        .replace("\"checksum\"", "\"sha256\"")
        .replace("\"way\": \"zstd\",", "");
    fs::write(&manifest, old).expect("written");
    project.write("second").await;
    project.works(&["snapshot", "restore", "packed", "--yes", "--no-snapshot"]);

    assert!(
        said(&saved).contains(", packed with zstd, in "),
        "{}",
        said(&saved)
    );
    let refused = said(&refused);
    assert!(
        refused.contains("was kept as files, and this engine doesn't see"),
        "{refused}"
    );
    assert_eq!(project.word().await, "first");
}

/// Keeps odd owners, modes and times, takes them away, and brings them back; gives what the save said.
async fn keep_and_bring_back(project: &Project, works: impl Fn(&[&str]) -> String) -> String {
    project.write("first").await;
    let make = "cd /one && rm -rf box && mkdir -m 2750 box && echo 1 > 'box/a b' && chmod 4711 'box/a b' && \
        chown -R 70:999 box && ln -s 'a b' box/link && chown -h 5:6 box/link && touch -d @1000 'box/a b' && \
        chown 7:8 . && chmod 1777 .";
    project.ask("writer", make).await;
    let look = "cd /one && find . -exec stat -c '%n %u:%g %a %F' {} + -type f -exec stat -c '%n %Y' {} + | grep -v '^./.bulk' | sort";
    let before = project.ask("writer", look).await;

    let saved = works(&["snapshot", "save", "mine"]);
    project
        .ask(
            "writer",
            "cd /one && rm -rf box && chown 0:0 . && chmod 700 .",
        )
        .await;
    works(&["snapshot", "restore", "mine", "--yes", "--no-snapshot"]);

    assert_eq!(project.ask("writer", look).await, before);
    let open = Command::new("find")
        .arg(project.path(".jobsprint/snapshots"))
        .args(["-perm", "/077", "!", "-type", "l"])
        .output();
    assert_eq!(
        said(&open.expect("find starts")),
        "",
        "nobody else may read it"
    );
    saved
}

#[tokio::test]
async fn a_snapshot_by_root_comes_back_with_every_owner_and_mode() {
    let project = Project::up(PLAIN).await;

    let saved = keep_and_bring_back(&project, |words| project.works(words)).await;

    assert!(
        saved.contains(", copied, in ") || saved.contains(", cloned by the filesystem, in "),
        "{saved}"
    );
}

#[tokio::test]
async fn a_snapshot_is_its_users_own_and_comes_back_with_every_owner_and_mode() {
    let project = Project::at(PLAIN).await;
    project.give_to_user();
    let works = |words: &[&str]| project.works_for_user(words);
    works(&["up"]);

    let saved = keep_and_bring_back(&project, works).await;

    assert!(
        saved.contains(", copied, in ") || saved.contains(", cloned by the filesystem, in "),
        "{saved}"
    );
    let kept = project.path(".jobsprint/snapshots");
    let mut killed = project
        .command_of_user(&["snapshot", "save", "killed"])
        .spawn()
        .expect("the tool starts");
    let half = kept.join(format!(".{}.killed.part/one.tree", project.name));
    let began = Instant::now();
    while !half.exists() && killed.try_wait().expect("asked").is_none() {
        assert!(began.elapsed() < Duration::from_secs(20), "it copies");
    }
    killed.kill().expect("killed");
    killed.wait().expect("gone");
    works(&["snapshot", "save", "after"]);
    for name in project.snapshots() {
        works(&["snapshot", "delete", &name]);
    }
    assert_eq!(fs::read_dir(&kept).expect("read").count(), 0);
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
    for as_user in [false, true] {
        let directory = tempfile::tempdir_in(disk.path()).expect("a directory");
        let project = Project::within(directory, &file).await;
        if as_user {
            project.give_to_user();
        }
        let works = |words: &[&str]| {
            if as_user {
                project.works_for_user(words)
            } else {
                project.works(words)
            }
        };
        works(&["up"]);

        let saved = keep_and_bring_back(&project, works).await;

        assert!(saved.contains(", cloned by the filesystem, in "), "{saved}");
        assert_eq!(project.word().await, "first");
    }
}

#[tokio::test]
async fn a_save_that_is_killed_leaves_nobody_paused_and_nothing_half_made() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;

    let began = Instant::now();
    project.works(&["snapshot", "save", "unhurried"]);
    for (number, moment) in moments(began.elapsed()).enumerate() {
        let mut save = project.begin(&["snapshot", "save", &format!("killed-{number}")]);
        tokio::time::sleep(moment).await;
        save.kill().expect("killed");
        save.wait().expect("gone");
        project.goes_on().await;
    }

    project.works(&["snapshot", "save", "whole"]);
    let listed = project.snapshots();
    let shelf = fs::read_dir(project.path(".jobsprint/snapshots")).expect("read");
    assert_eq!(
        shelf.count(),
        listed.len(),
        "nothing lies beside the whole ones"
    );
    // One that a killed run had finished is as good as any: the last of those is looked at, beside the others' first and last.
    for name in [
        &listed[0],
        &listed[listed.len() - 2],
        &listed[listed.len() - 1],
    ] {
        project.write("second").await;
        project.works(&["snapshot", "restore", name, "--yes", "--no-snapshot"]);
        assert_eq!(project.word().await, "first");
    }
}

#[tokio::test]
async fn a_restore_that_is_killed_is_all_or_nothing() {
    let project = Project::up(PLAIN).await;
    project.write("kept").await;
    project.works(&["snapshot", "save", "kept"]);

    let began = Instant::now();
    project.works(&["snapshot", "restore", "kept", "--yes", "--no-snapshot"]);
    for moment in moments(began.elapsed()) {
        project.write("live").await;
        let mut restore = project.begin(&["snapshot", "restore", "kept", "--yes", "--no-snapshot"]);
        tokio::time::sleep(moment).await;
        restore.kill().expect("killed");
        restore.wait().expect("gone");

        project.works(&["up"]);
        let word = project.word().await;
        assert!(["kept", "live"].contains(&word.as_str()), "{word}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let project = Project::up(PLAIN).await;
    project.write("first").await;
    let shelf = project.path(".jobsprint/snapshots");
    fs::create_dir_all(&shelf).expect("a directory");
    let small = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
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

#[tokio::test]
async fn each_git_branch_keeps_its_own_data() {
    let project = Project::up(PLAIN).await;
    let git = project.path(".git");
    fs::create_dir(&git).expect("a directory");
    let switch = |branch: &str| {
        let head = format!("ref: refs/heads/{branch}\n");
        fs::write(git.join("HEAD"), head).expect("written");
        project.works(&["snapshot", "--auto-branch"])
    };
    switch("main");
    project.write("main").await;

    switch("feature/x");
    assert_eq!(project.word().await, "main");
    project.write("feature").await;
    switch("main");
    assert_eq!(project.word().await, "main");
    switch("feature/x");

    assert_eq!(project.word().await, "feature");
    let mut names = project.snapshots();
    names.sort();
    assert_eq!(names, ["branch-feature-x", "branch-main"]);
}
