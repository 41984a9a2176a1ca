//! Backups in a bucket: a real database on one side, a server that speaks S3 on the other.

#[path = "world/shipped.rs"]
mod shipped;
#[path = "bucket/signed.rs"]
mod signed;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jobsprint_dev::domain::{ImageRef, ProjectName};

use crate::signed::PREFIX;

const COMPOSE: &str = "
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_DB: jobsprint, POSTGRES_PASSWORD: s3cret-pg }
    volumes: ['postgres:/var/lib/postgresql/data']
    stop_signal: SIGINT
    x-jobsprint: { role: data, ready: postgres }
volumes: { postgres: {} }
";
const SECRET: &str = "s3cret-key-of-the-bucket";

/// A running S3 server with one empty bucket, gone with the test.
struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port().to_string();
        drop(free);
        let child = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server is here: pip install 'moto[server]'");
        let began = Instant::now();
        while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            assert!(began.elapsed() < Duration::from_mins(1), "it listens");
        }
        let server = Self {
            child,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        server.put("team", "");
        server
    }

    fn put(&self, path: &str, content: &str) {
        let kind = "Content-Type: application/octet-stream";
        let answer = self.curl(&["-X", "PUT", "-H", kind, "--data-binary", content], path);
        assert!(answer.contains(" 200 "), "{path}: {answer}");
    }

    /// What the server answers, head and body.
    fn curl(&self, words: &[&str], path: &str) -> String {
        let url = format!("{}/{path}", self.endpoint);
        let output = Command::new("curl")
            .args(["-sSi"])
            .args(words)
            .arg(url)
            .output();
        said(&output.expect("curl starts"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Project {
    directory: tempfile::TempDir,
    name: ProjectName,
}

impl Project {
    async fn up() -> Self {
        let engine = support::engine().await;
        shipped::ensure(&engine, &ImageRef::new("postgres:15-alpine")).await;
        let project = Self {
            directory: tempfile::tempdir().expect("a directory"),
            name: support::unique_project(),
        };
        fs::write(project.directory.path().join("compose.yml"), COMPOSE).expect("a file");
        let up = project.command(&["up"]).output().expect("the tool starts");
        assert!(up.status.success(), "{}", said(&up));
        project
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command.args(["-p", self.name.as_str()]).args(words);
        command.current_dir(self.directory.path());
        for name in ["AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        command
            .env("HOME", self.directory.path())
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "us-east-1");
        command
    }

    fn run(&self, server: &Server, words: &[&str]) -> Output {
        let mut command = self.command(words);
        let output = command.env("AWS_ENDPOINT_URL", &server.endpoint).output();
        let output = output.expect("the tool starts");
        assert!(!said(&output).contains(SECRET), "{}", said(&output));
        output
    }

    #[track_caller]
    fn works(&self, server: &Server, words: &[&str]) -> String {
        let output = self.run(server, words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    }

    #[track_caller]
    fn fails(&self, server: &Server, words: &[&str]) -> String {
        let output = self.run(server, words);
        assert_eq!(output.status.code(), Some(40), "{}", said(&output));
        said(&output)
    }

    fn psql(&self, sql: &str) -> String {
        let container = format!("{}-postgres-1", self.name);
        let output = Command::new("docker")
            .args(["exec", &container, "psql", "-U", "jobsprint", "-Atqc", sql])
            .output()
            .expect("docker starts");
        said(&output).trim().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let mut down = self.command(&["down", "--volumes", "--yes", "--no-snapshot"]);
        drop(down.output());
    }
}

fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_backup_goes_into_a_bucket_by_parts_and_is_listed_verified_restored_and_pruned() {
    let (project, server) = (Project::up().await, Server::start());
    let place = ["--directory", "s3://team/dumps"];
    let with = |words: &[&'static str]| [words, &place].concat();
    project
        .psql("CREATE TABLE kept AS SELECT n, md5(n::text) word FROM generate_series(1, 400000) n");

    let plain = ["backup", "--format", "plain", "--compress", "none"];
    let made = project.works(&server, &with(&plain));
    let listed = project.works(
        &server,
        &[&["--output", "json"], &with(&["backup", "list"])[..]].concat(),
    );
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let backup = &listed["backups"][0];
    let (name, path) = (
        backup["name"].as_str().expect("a name"),
        backup["path"].as_str().expect("a path"),
    );
    assert!(made.contains(&format!("as `{path}`")), "{made}");
    assert!(path.starts_with("s3://team/dumps/jobsprint-"), "{path}");
    let bytes = backup["manifest"]["bytes"].as_u64().expect("a size");
    assert!(bytes > 8 * 1024 * 1024, "more than one part: {bytes}");
    let head = server.curl(&["-I"], path.trim_start_matches("s3://"));
    assert!(
        head.contains("-2\""),
        "sent by two parts, as its tag tells: {head}"
    );

    let verified = project.works(&server, &[&["backup", "verify", name], &place[..]].concat());
    assert!(
        verified.contains("can be restored: 1 tables, 400000 rows"),
        "{verified}"
    );
    let passing = project.directory.path().join(".jobsprint/passing");
    let of_a_killed_run = passing.join("killed");
    fs::create_dir(&of_a_killed_run).expect("made");
    fs::write(of_a_killed_run.join("half.sql"), "--").expect("written");
    project.psql("DELETE FROM kept");
    project.works(
        &server,
        &[&["restore", name, "--yes", "--no-snapshot"], &place[..]].concat(),
    );
    assert_eq!(project.psql("SELECT count(*) FROM kept"), "400000");
    assert_eq!(
        fs::read_dir(passing).expect("read").count(),
        0,
        "nothing is left on the way"
    );

    // Two of one day long ago: the older of them is not kept.
    for hour in ["08", "09"] {
        let mut manifest = backup["manifest"].clone();
        manifest["created"] = format!("2026-01-05T{hour}:00:00Z").into();
        let old = format!("team/dumps/old-{hour}");
        server.put(&format!("{old}.json"), &manifest.to_string());
        server.put(&format!("{old}.sql"), "--");
    }
    // A dump without its manifest is an upload that was cut off.
    server.put("team/dumps/half.sql", "--");
    let pruned = project.works(&server, &with(&["backup", "prune"]));
    assert!(pruned.contains("removed 1 of 3 backups"), "{pruned}");
    let left = server.curl(&[], "team?list-type=2");
    assert!(!left.contains("old-08"), "{left}");
    assert!(
        left.contains("old-09.json") && left.contains("old-09.sql"),
        "{left}"
    );
}

#[tokio::test]
async fn what_a_bucket_refuses_is_told_and_no_half_backup_is_listed() {
    let (project, server) = (Project::up().await, Server::start());

    let unknown = project.fails(&server, &["backup", "--directory", "s3://nobody/dumps"]);
    assert!(
        unknown.contains("`s3://nobody/dumps/` can't be written to: "),
        "{unknown}"
    );
    assert!(
        unknown.contains("(NoSuchBucket)") && unknown.contains("hint: make it first"),
        "{unknown}"
    );

    let unnamed = project.fails(&server, &["backup", "list", "--directory", "s3://"]);
    assert!(
        unnamed.contains("an address is `s3://BUCKET/PREFIX`"),
        "{unnamed}"
    );

    let mut command = project.command(&["backup", "list", "--directory", "s3://team/dumps"]);
    let nobody = command.env_remove("AWS_ACCESS_KEY_ID").output();
    let nobody = said(&nobody.expect("the tool starts"));
    assert!(nobody.contains("no access key for the bucket"), "{nobody}");
    assert!(nobody.contains("AWS_PROFILE"), "{nobody}");

    project.works(&server, &["backup", "--directory", "s3://team/dumps"]);
    let list = [
        "--output",
        "json",
        "backup",
        "list",
        "--directory",
        "s3://team/dumps",
    ];
    let listed: serde_json::Value =
        serde_json::from_str(&project.works(&server, &list)).expect("JSON");
    let manifest = listed["backups"][0]["manifest"].to_string();
    server.put("team/dumps/altered.json", &manifest);
    server.put("team/dumps/altered.dump", "PGDMP of something else");
    let altered = ["restore", "altered", "--yes", "--no-snapshot"];
    let altered = [&altered, &["--directory", "s3://team/dumps"][..]].concat();
    let altered = project.fails(&server, &altered);
    assert!(
        altered.contains("it is not what its manifest describes: the checksums differ"),
        "{altered}"
    );

    let mut command = project.command(&["backup", "list", "--directory", "s3://team/dumps"]);
    drop(server);
    let gone = command
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .output();
    let gone = said(&gone.expect("the tool starts"));
    assert!(
        gone.contains("`s3://team/dumps/` can't be listed: Connection refused"),
        "{gone}"
    );
    assert!(gone.contains("hint: see AWS_ENDPOINT_URL"), "{gone}");
}

#[tokio::test]
async fn each_part_of_an_upload_is_signed_as_a_server_that_checks_wants_it() {
    let project = Project::up().await;
    let server = signed::Server::start(BTreeMap::new());
    let place = format!("s3://team/{PREFIX}");
    project
        .psql("CREATE TABLE kept AS SELECT n, md5(n::text) word FROM generate_series(1, 400000) n");
    let works = |words: &[&str]| {
        let mut run = project.command(words);
        run.args(["--directory", &place]);
        server.lend(&mut run, signed::SECRET);
        let output = run.output().expect("the tool starts");
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        said(&output)
    };

    works(&["backup", "--format", "plain", "--compress", "none"]);

    let joined = server.held.lock().expect("one at a time").joined.clone();
    let (dump, parts) = joined.first_key_value().expect("an upload by parts");
    assert_eq!(*parts, 2, "{joined:?}");
    let name = dump
        .strip_prefix(&format!("{PREFIX}/"))
        .expect("in its place");
    let name = name.strip_suffix(".sql").expect("a plain dump");
    let verified = works(&["backup", "verify", name]);
    assert!(
        verified.contains("can be restored: 1 tables, 400000 rows"),
        "{verified}"
    );
}
