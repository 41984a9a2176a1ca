//! A checkout for `--isolate tenant`: stores, an app that uses them, and runs of it that wait to be let go.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdin, Output, Stdio};
use std::time::Duration;

use jobsprint_dev::domain::ContainerId;
use jobsprint_dev::engine::ExecRequest;
use rustix::process::Signal;

use crate::checkout::text;
use crate::stores::Stores;
use crate::support;

pub const TENANT: [&str; 2] = ["--isolate", "tenant"];
pub const BEGUN: &str = "the stores begin with the template of an earlier tenant";

/// A checkout with stores and an app that uses them, whose shared stores are its own and go with it.
pub struct Shop {
    pub stores: Stores,
}

/// A run whose command waits until it is let go.
pub struct Running {
    pub child: Child,
    hold: Option<ChildStdin>,
    /// The command's environment.
    pub told: BTreeMap<String, String>,
}

/// A run that is followed by what it tells on stderr.
pub struct Telling {
    pub child: Child,
    output: BufReader<ChildStderr>,
    told: String,
}

impl Telling {
    /// Follows a run whose stderr is a pipe.
    pub fn of(mut child: Child) -> Self {
        let output = BufReader::new(child.stderr.take().expect("piped"));
        let told = String::new();
        Self {
            child,
            output,
            told,
        }
    }

    /// Waits until it tells this.
    #[track_caller]
    pub fn until(mut self, sign: &str) -> Self {
        while !self.told.contains(sign) {
            let read = self.output.read_line(&mut self.told).expect("text");
            assert!(read > 0, "it never told `{sign}`: {}", self.told);
        }
        self
    }

    /// Sends it a signal, and waits for its end.
    #[track_caller]
    pub fn ends_by(mut self, signal: Signal) {
        send(signal, &self.child);
        self.output.read_to_string(&mut self.told).expect("text");
        let ended = self.child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(130), "{signal:?}: {}", self.told);
    }
}

pub fn send(signal: Signal, child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("sent");
}

impl Running {
    /// Lets the command end.
    pub fn end(mut self) -> Output {
        drop(self.hold.take());
        self.child.wait_with_output().expect("it ends")
    }

    /// `postgresql://user:password@127.0.0.1:5432/database`, as the store's own container has it.
    pub fn inside(&self, variable: &str, port: u16) -> String {
        let (login, rest) = self.told[variable]
            .rsplit_once('@')
            .expect("a login stands in it");
        let (_, place) = rest.split_once('/').expect("a database stands in it");
        format!("{login}@127.0.0.1:{port}/{place}")
    }
}

impl Shop {
    pub async fn new() -> Self {
        Self::of(Stores::new().await).await
    }

    pub async fn of(stores: Stores) -> Self {
        let engine = support::engine().await;
        let image = support::tiny_image(&engine).await;
        let path = stores.checkout.directory.path().join("compose.yaml");
        let file = std::fs::read_to_string(&path).expect("written");
        let app = format!(
            "services:
  web:
    image: {image}
    command: [httpd, -f, -p, \"8080\", -h, /etc]
    ports: [\"127.0.0.1:4000:8080\"]
    environment:
      DATABASE_URL: postgresql://shop:${{DB_PASSWORD}}@postgres:5432/shop
      REDIS_URL: redis://redis:6379
    x-jobsprint: {{ ready: tcp 8080 }}
"
        );
        let file = file.replacen("services:\n", &app, 1);
        let file = file.replace(
            "    image: postgres:15-alpine\n",
            "    image: postgres:15-alpine\n    ports: [\"127.0.0.1:5432:5432\"]\n",
        );
        let file = file.replace(
            "    image: redis:7-alpine\n",
            "    image: redis:7-alpine\n    ports: [\"127.0.0.1:6379:6379\"]\n",
        );
        let file = file.replace(
            "    hostname: rabbitmq\n",
            "    hostname: rabbitmq\n    ports: [\"127.0.0.1:5672:5672\"]\n",
        );
        std::fs::write(path, file).expect("written");
        Self { stores }
    }

    /// Runs a command in a tenant's stack.
    pub fn run(&self, words: &[&str]) -> Output {
        self.stores.run(&[&TENANT, words].concat())
    }

    /// The same, which ends well; what was written to stdout and stderr.
    #[track_caller]
    pub fn works(&self, words: &[&str]) -> (String, String) {
        self.stores.works(&[&TENANT, words].concat())
    }

    /// Starts a run, and waits until its command has begun.
    pub fn start(&self, words: &[&str]) -> Running {
        let script = "env; echo begun; read -r line || :";
        let words = [&TENANT, words, &["--", "sh", "-c", script]].concat();
        let mut command = self.stores.command(&words);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("started");
        let hold = child.stdin.take();
        let output = BufReader::new(child.stdout.as_mut().expect("piped"));
        let told = output
            .lines()
            .map(|line| line.expect("text"))
            .take_while(|line| line != "begun")
            .filter_map(|line| {
                let (name, value) = line.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        Running { child, hold, told }
    }

    /// Starts a run, to be followed by what it tells.
    pub fn follow(&self, words: &[&str]) -> Telling {
        let mut command = self.stores.command(&[&TENANT, words].concat());
        Telling::of(command.spawn().expect("started"))
    }

    /// The file with the stack.
    pub fn alter(&self, alter: impl FnOnce(String) -> String) {
        let path = self.stores.checkout.directory.path().join("compose.yaml");
        let file = std::fs::read_to_string(&path).expect("written");
        std::fs::write(&path, alter(file)).expect("written");
    }

    /// The shared stores, as they are listed.
    pub fn shared(&self) -> Vec<String> {
        self.listed("shared")
    }

    pub fn listed(&self, kind: &str) -> Vec<String> {
        let listed = self.stores.tool(&["--output", "json", "stacks", "list"]);
        let listed: serde_json::Value =
            serde_json::from_slice(&listed.stdout).expect("JSON is listed");
        let here = self.stores.checkout.directory.path().display().to_string();
        let rows = listed["stacks"].as_array().expect("a list").iter();
        rows.filter(|row| row["kind"] == kind && row["directory"] == here.as_str())
            .map(|row| row["project"].as_str().expect("a name").to_owned())
            .collect()
    }

    /// What a command in a shared store says, on both streams.
    pub async fn says(&self, store: &str, words: &[&str]) -> String {
        let shared = self.shared();
        let [project] = shared.as_slice() else {
            panic!("one project of shared stores: {shared:?}");
        };
        let container = ContainerId::new(format!("{project}-{store}-1"));
        let request = ExecRequest {
            command: words.iter().map(|&word| word.to_owned()).collect(),
            ..ExecRequest::default()
        };
        let engine = &self.stores.checkout.engine;
        let ran = engine.execute(&container, &request).await.expect("run");
        text(&ran.stdout) + &text(&ran.stderr)
    }

    pub async fn sql(&self, run: &Running, statement: &str) -> String {
        let url = run.inside("DATABASE_URL", 5432);
        self.says("postgres", &["psql", "-X", "-Atc", statement, &url])
            .await
    }

    pub async fn redis(&self, run: &Running, words: &[&str]) -> String {
        let url = run.inside("REDIS_URL", 6379);
        let command = [&["redis-cli", "--no-auth-warning", "-u", &url], words].concat();
        self.says("redis", &command).await
    }

    /// Waits until the shared postgres runs a statement that has these words; a limit says that it never will.
    pub async fn until_runs(&self, words: &str) {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE position('{words}' IN query) > 0 AND pid <> pg_backend_pid()"
        );
        let own = ["psql", "-X", "-U", "shop", "-d", "postgres", "-Atc", &sql];
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while self.says("postgres", &own).await == "0\n" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.expect("it runs");
    }

    /// Whatever of tenants the shared postgres and redis have.
    pub async fn left(&self) -> String {
        let name = self.stores.checkout.name.replace('-', "_");
        let sql = format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{name}%' \
             UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE '{name}%'"
        );
        let own = ["psql", "-X", "-U", "shop", "-d", "postgres", "-Atc", &sql];
        let users = self.says("redis", &["redis-cli", "ACL", "USERS"]).await;
        let users = users.lines().filter(|user| *user != "default");
        let mut left: Vec<String> = users.map(str::to_owned).collect();
        left.extend(self.says("postgres", &own).await.lines().map(str::to_owned));
        left.join("\n")
    }

    /// The virtual hosts and users that the shared broker has of tenants.
    pub async fn left_in_broker(&self) -> String {
        let list_hosts = ["rabbitmqctl", "-q", "list_vhosts", "name"];
        let list_users = ["rabbitmqctl", "-q", "list_users"];
        let hosts = self.says("rabbitmq", &list_hosts).await;
        let all = hosts + &self.says("rabbitmq", &list_users).await;
        let name = self.stores.checkout.name.replace('-', "_");
        let left: Vec<&str> = all.lines().filter(|line| line.contains(&name)).collect();
        left.join("\n")
    }

    /// That neither the stores nor the engine has anything of a tenant, and nothing is noted of one.
    #[track_caller]
    pub fn has_no_tenant(&self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            assert_eq!(self.left().await, "", "{place}");
            let stacks = self.stores.checkout.stacks().await;
            assert!(stacks.is_empty(), "{place}: {stacks:?}");
            let listed = self.listed("tenant");
            assert!(listed.is_empty(), "{place}: {listed:?}");
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for project in self.listed("tenant").iter().chain(&self.shared()) {
            self.stores.tool(&["stacks", "rm", project]);
        }
    }
}
