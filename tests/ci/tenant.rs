//! `--isolate tenant`: runs that share their stores, see nothing of each other, and leave nothing behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Output, Stdio};
use std::time::Duration;

use jobsprint_dev::domain::ContainerId;
use jobsprint_dev::engine::ExecRequest;

use crate::checkout::text;
use crate::kills::moments;
use crate::stores::Stores;
use crate::support;

const TENANT: [&str; 2] = ["--isolate", "tenant"];
const BEGUN: &str = "the stores begin with the template of an earlier tenant";

/// A checkout with stores and an app that uses them, whose shared stores are its own and go with it.
struct Shop {
    stores: Stores,
}

/// A run whose command waits until it is let go.
struct Running {
    child: Child,
    hold: Option<ChildStdin>,
    told: BTreeMap<String, String>,
}

impl Running {
    /// Lets the command end.
    fn end(mut self) -> Output {
        drop(self.hold.take());
        self.child.wait_with_output().expect("it ends")
    }

    /// `postgresql://user:password@127.0.0.1:5432/database`, as the store's own container has it.
    fn inside(&self, variable: &str, port: u16) -> String {
        let (login, rest) = self.told[variable]
            .rsplit_once('@')
            .expect("a login stands in it");
        let (_, place) = rest.split_once('/').expect("a database stands in it");
        format!("{login}@127.0.0.1:{port}/{place}")
    }
}

impl Shop {
    async fn new() -> Self {
        Self::of(Stores::new().await).await
    }

    async fn of(stores: Stores) -> Self {
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
    fn run(&self, words: &[&str]) -> Output {
        self.stores.run(&[&TENANT, words].concat())
    }

    /// The same, which ends well; what was written to stdout and stderr.
    #[track_caller]
    fn works(&self, words: &[&str]) -> (String, String) {
        self.stores.works(&[&TENANT, words].concat())
    }

    /// Starts a run, and waits until its command has begun.
    fn start(&self, words: &[&str]) -> Running {
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

    /// The shared stores, as they are listed.
    fn shared(&self) -> Vec<String> {
        self.listed("shared")
    }

    fn listed(&self, kind: &str) -> Vec<String> {
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
    async fn says(&self, store: &str, words: &[&str]) -> String {
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

    async fn sql(&self, run: &Running, statement: &str) -> String {
        let url = run.inside("DATABASE_URL", 5432);
        self.says("postgres", &["psql", "-X", "-Atc", statement, &url])
            .await
    }

    async fn redis(&self, run: &Running, words: &[&str]) -> String {
        let url = run.inside("REDIS_URL", 6379);
        let command = [&["redis-cli", "--no-auth-warning", "-u", &url], words].concat();
        self.says("redis", &command).await
    }

    /// Whatever of tenants the shared postgres and redis have.
    async fn left(&self) -> String {
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
}

impl Drop for Shop {
    fn drop(&mut self) {
        for project in self.listed("tenant").iter().chain(&self.shared()) {
            self.stores.tool(&["stacks", "rm", project]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_begin_from_one_template_and_see_nothing_of_each_other() {
    let shop = Shop::of(Stores::with_broker().await).await;
    let (_, first) = shop.works(&["--", "true"]);
    let one = shop.start(&[]);
    let two = shop.start(&[]);

    let count = "SELECT count(*) FROM jobs";
    shop.sql(&one, "INSERT INTO jobs VALUES (3)").await;
    shop.redis(&one, &["SET", "mine", "1"]).await;
    let queues = |run: &Running| {
        let host = run.told["JOBSPRINT_STACK"].replace('-', "_");
        let shop = &shop;
        async move {
            let words = ["rabbitmqctl", "-q", "list_queues", "-p", &host, "name"];
            shop.says("rabbitmq", &words).await
        }
    };
    let counts = (shop.sql(&one, count).await, shop.sql(&two, count).await);
    let flags = shop.redis(&two, &["MGET", "flag", "mine"]).await;
    let number = one.told["REDIS_URL"].rsplit_once('/').expect("a number").1;
    let astray = shop.redis(&two, &["SELECT", number]).await;
    let (queues, others) = (queues(&one).await, queues(&two).await);
    let theirs = two.told["DATABASE_URL"].rsplit_once('/').expect("a name").1;
    let url = one.inside("DATABASE_URL", 5432);
    let url = format!("{}/{theirs}", url.rsplit_once('/').expect("a name").0);
    let stranger = shop.says("postgres", &["psql", "-Atc", count, &url]).await;
    let ended = [one.end(), two.end()];

    assert!(first.contains("kept the stores as a template"), "{first}");
    for run in &ended {
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert!(text(&run.stderr).contains(BEGUN), "{}", text(&run.stderr));
        assert!(!text(&run.stderr).contains("001_jobs.sql"));
    }
    assert_eq!(counts, ("3\n".to_owned(), "2\n".to_owned()));
    assert_eq!(flags, "on\n\n");
    assert!(astray.contains("NOPERM"), "{astray}");
    assert!(stranger.contains("permission denied"), "{stranger}");
    assert!(
        queues.contains("jobs") && others.contains("jobs"),
        "{queues}{others}"
    );
    assert_eq!(shop.left().await, "");
    let hosts = shop
        .says("rabbitmq", &["rabbitmqctl", "-q", "list_vhosts", "name"])
        .await;
    assert_eq!(
        hosts
            .lines()
            .filter(|host| *host != "name")
            .collect::<Vec<_>>(),
        ["/"]
    );
    let users = shop
        .says("rabbitmq", &["rabbitmqctl", "-q", "list_users"])
        .await;
    assert!(!users.contains("_ci_"), "{users}");
    assert!(shop.stores.checkout.stacks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_finds_the_shared_stores_by_their_names_with_the_tenants_login() {
    let shop = Shop::new().await;

    let script = "nc -w 2 postgres 5432 </dev/null && nc -w 2 redis 6379 </dev/null && \
        echo $JOBSPRINT_STACK && echo $DATABASE_URL && echo $REDIS_URL";
    let (said, told) = shop.works(&["--in", "web", "--", "sh", "-c", script]);

    let lines: Vec<&str> = said.lines().collect();
    let [stack, database, redis] = lines.as_slice() else {
        panic!("{said}{told}");
    };
    let name = stack.replace('-', "_");
    assert!(
        database.starts_with(&format!("postgresql://{name}:")),
        "{database}"
    );
    assert!(
        database.ends_with(&format!("@postgres:5432/{name}")),
        "{database}"
    );
    assert!(redis.starts_with(&format!("redis://{name}:")), "{redis}");
    assert!(redis.contains("@redis:6379/"), "{redis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_tenant_however_its_run_ends() {
    let shop = Shop::new().await;

    let failed = shop.run(&["--", "false"]);
    let after_failure = shop.left().await;
    let mut killed = shop.start(&[]);
    killed.child.kill().expect("killed");
    killed.child.wait().expect("reaped");
    let swept = shop.stores.tool(&["stacks", "gc"]);
    let after_kill = shop.left().await;
    let asked = shop.start(&[]);
    let pid = rustix::process::Pid::from_child(&asked.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
    let asked = asked.child.wait_with_output().expect("it ends");

    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert_eq!(after_failure, "");
    assert!(swept.status.success(), "{}", text(&swept.stderr));
    assert_eq!(after_kill, "");
    assert_eq!(asked.status.code(), Some(130), "{}", text(&asked.stderr));
    assert_eq!(shop.left().await, "");
    shop.stores.checkout.until_stacks(0).await;
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_killed_at_any_moment_leaves_nothing() {
    let shop = Shop::new().await;
    shop.works(&["--", "true"]);
    for moment in moments(10, Duration::from_millis(1500)) {
        let words = [&TENANT, &["--", "sleep", "3600"][..]].concat();
        let mut run = shop.stores.command(&words).spawn().expect("started");
        tokio::time::sleep(moment).await;
        run.kill().expect("killed");
        run.wait().expect("reaped");
    }

    // The guards of those runs, or else the next look, drop what they had.
    let swept = shop.stores.tool(&["stacks", "gc"]);

    assert!(swept.status.success(), "{}", text(&swept.stderr));
    shop.stores.checkout.until_stacks(0).await;
    assert_eq!(shop.left().await, "");
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_stores_that_have_stopped_are_made_anew() {
    let shop = Shop::new().await;
    let stores = ["--services", "postgres,redis", "--", "true"];
    shop.works(&stores);
    let project = shop.shared().remove(0);
    let container = ContainerId::new(format!("{project}-redis-1"));
    let engine = &shop.stores.checkout.engine;
    engine
        .stop_container(&container, None)
        .await
        .expect("stopped");

    let (_, told) = shop.works(&stores);

    assert!(told.contains("bringing up postgres and redis for all tenants"));
    assert!(!told.contains(BEGUN), "{told}");
    assert_eq!(shop.shared(), [project]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_kept_is_listed_and_removed_by_its_name() {
    let shop = Shop::new().await;

    shop.works(&[
        "--services",
        "postgres,redis",
        "--keep",
        "always",
        "--",
        "true",
    ]);
    shop.stores.tool(&["stacks", "gc"]);
    let kept = shop.listed("tenant");
    let left = shop.left().await;
    let removed = shop.stores.tool(&["stacks", "rm", &kept[0]]);

    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(left.lines().count(), 3, "user, database and role: {left}");
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(shop.left().await, "");
    assert!(shop.listed("tenant").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_migration_goes_on_from_the_template_unless_it_is_not_wanted() {
    let shop = Shop::new().await;
    let stores = ["--services", "postgres,redis"];
    shop.works(&[&stores[..], &["--", "true"]].concat());
    shop.stores
        .write("migrations/002_more.sql", "INSERT INTO jobs VALUES (3);");

    let (_, later) = shop.works(&[&stores[..], &["--", "true"]].concat());
    let (_, again) = shop.works(&[&stores[..], &["--", "true"]].concat());
    let (_, without) = shop.works(&[&stores[..], &["--no-template", "--", "true"]].concat());

    assert!(
        later.contains("begin with a template that lacks one migration"),
        "{later}"
    );
    assert!(later.contains("002_more.sql") && !later.contains("001_jobs.sql"));
    assert!(again.contains(BEGUN), "{again}");
    assert!(!without.contains("template"), "{without}");
    assert!(without.contains("001_jobs.sql"), "{without}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_asks_for_more_is_refused_before_anything_is_made() {
    let shop = Shop::new().await;
    let path = shop.stores.checkout.directory.path().join("compose.yaml");

    let inside = shop.run(&["--in", "postgres", "--", "true"]);
    let reused = shop.run(&["--reuse", "--", "true"]);
    let file = std::fs::read_to_string(&path).expect("written");
    let file = file.replace("REDIS_URL: redis://redis:6379", "CACHE_HOST: redis");
    std::fs::write(&path, file).expect("written");
    let host = shop.run(&["--", "true"]);

    for (ran, reason) in [
        (inside, "`postgres` has a container that is shared"),
        (reused, "`--reuse` keeps a stack with its stores"),
        (
            host,
            "the stack can't be a tenant: `web` names `redis` in CACHE_HOST",
        ),
    ] {
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran.stderr));
        assert!(text(&ran.stderr).contains(reason), "{}", text(&ran.stderr));
    }
    assert!(shop.shared().is_empty());
    assert!(shop.stores.checkout.stacks().await.is_empty());
}
