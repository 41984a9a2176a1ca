//! A checkout of a stack with stores, and templates of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use crate::checkout::{Checkout, text};

const FILE: &str = r#"
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: shop, POSTGRES_PASSWORD: "${DB_PASSWORD}" }
    volumes: ["db:/var/lib/postgresql/data"]
    stop_signal: SIGINT
    x-jobsprint: { role: data, ready: postgres, migrate: { directory: ./migrations } }
  redis:
    image: redis:7-alpine
    volumes: ["cache:/data"]
    x-jobsprint: { role: data, ready: redis }
volumes: { db: {}, cache: {}, queue: {} }
x-jobsprint: { seeds: ./seeds }
"#;

const BROKER: &str = r#"
  rabbitmq:
    image: rabbitmq:3.12-management-alpine
    hostname: rabbitmq
    environment: { RABBITMQ_DEFAULT_USER: shop, RABBITMQ_DEFAULT_PASS: "${MQ_PASSWORD}" }
    volumes: ["queue:/var/lib/rabbitmq"]
    x-jobsprint: { role: data, ready: amqp }
"#;

const SCHEMA: &str = "\
# @required @sensitive @generate=alnum(32) @type=string(minLength=8)
DB_PASSWORD=

# @required @sensitive @generate=alnum(32) @type=string(minLength=8)
MQ_PASSWORD=
";

/// Counts what the first seed made.
pub const COUNT: [&str; 10] = [
    "--in",
    "postgres",
    "--",
    "psql",
    "-U",
    "shop",
    "-d",
    "shop",
    "-Atc",
    "SELECT count(*) FROM jobs",
];

/// The stack's checkout, and the tool's own state beside it.
pub struct Stores {
    pub checkout: Checkout,
    pub state: tempfile::TempDir,
}

impl Stores {
    /// postgres with a migration and a seed, and redis with a seed.
    pub async fn new() -> Self {
        let stores = Self {
            checkout: Checkout::new().await,
            state: tempfile::tempdir().expect("a directory"),
        };
        stores.write(
            "compose.yaml",
            &format!("name: {}\n{FILE}", stores.checkout.name),
        );
        stores.write("templates/.env.schema", SCHEMA);
        stores.write("migrations/001_jobs.sql", "CREATE TABLE jobs (id int);");
        stores.write(
            "seeds/postgres/010_jobs.sql",
            "INSERT INTO jobs VALUES (1), (2);",
        );
        stores.write("seeds/redis/010_flags.redis", "SET flag on\n");
        stores
    }

    /// The same and a broker, which has a queue by its seed.
    pub async fn with_broker() -> Self {
        let stores = Self::new().await;
        let name = &stores.checkout.name;
        let file = FILE.replacen(
            "volumes: { db",
            &format!("{}volumes: {{ db", &BROKER[1..]),
            1,
        );
        stores.write("compose.yaml", &format!("name: {name}\n{file}"));
        let queue =
            r#"{"queues":[{"name":"jobs","durable":true,"auto_delete":false,"arguments":{}}]}"#;
        stores.write("seeds/rabbitmq/010_queues.json", queue);
        stores
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.checkout.directory.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// `ci` with these words, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.checkout.command(words);
        command.env("XDG_STATE_HOME", self.state.path());
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the tool starts")
    }

    /// Runs `ci`, and expects it to end well; what was written to stdout, and to stderr.
    #[track_caller]
    pub fn works(&self, words: &[&str]) -> (String, String) {
        let ran = self.run(words);
        let told = text(&ran.stderr);
        assert!(ran.status.success(), "{told}");
        (text(&ran.stdout), told)
    }

    /// Runs another verb here.
    pub fn tool(&self, words: &[&str]) -> Output {
        self.start_tool(words).wait_with_output().expect("it ends")
    }

    /// Starts another verb here.
    pub fn start_tool(&self, words: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
        command
            .args(words)
            .current_dir(self.checkout.directory.path())
            .env("XDG_STATE_HOME", self.state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("the tool starts")
    }

    /// The directories of the templates that there are.
    pub fn templates(&self) -> Vec<PathBuf> {
        let place = self.state.path().join("jobsprint-dev/templates");
        let entries = fs::read_dir(place).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}
