//! The files that say what runs are watched too: what they ask for is done, and no more.

use super::shop::{Shop, is};

const BUILT: &str = r#"
services:
  api:
    build: ./app
    network_mode: none
    stop_grace_period: 0s
    environment: { LEVEL: "${LEVEL}" }
    env_file: [./api.env]
    volumes: [/srv/node_modules]
    command: [sh, -c, "echo runs $$LEVEL $$COLOUR $$(cat /srv/made); exec sleep infinity"]
  other:
    image: jobsprint-dev-test/tiny:3
    network_mode: none
    stop_grace_period: 0s
    command: [sh, -c, "echo other runs; exec sleep infinity"]
"#;

fn recipe(made: &str) -> String {
    format!(
        "FROM jobsprint-dev-test/tiny:3\nCOPY package.json /srv/\nRUN echo {made} > /srv/made\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn env_files_a_dockerfile_and_a_manifest_converge_just_the_service_they_touch() {
    let shop = Shop::with(BUILT).await;
    shop.write(".env", "LEVEL=low\n");
    shop.write("api.env", "COLOUR=red\n");
    shop.write("app/Dockerfile", &recipe("one"));
    shop.write("app/package.json", "{}");
    let mut watcher = shop.watch(&[]);
    watcher.wait_for("Watching");
    watcher.logs("runs low red one");
    watcher.logs("other runs");

    shop.write(".env", "LEVEL=high\n");
    watcher.says(".env changed: the stack is as the files say");
    watcher.logs("runs high red one");

    shop.write("api.env", "COLOUR=blue\n");
    watcher.says("api.env changed: the stack is as the files say");
    watcher.logs("runs high blue one");

    // A Dockerfile alone leaves what the service installed; a package manager's file gives it up.
    shop.inside("touch /srv/node_modules/installed");
    shop.write("app/Dockerfile", &recipe("two"));
    let changed = watcher.wait_for("Changed");
    assert_eq!(
        (&changed["way"], &changed["file"]),
        (&"Rebuilt".into(), &"Dockerfile".into())
    );
    watcher.logs("runs high blue two");
    assert_eq!(shop.inside("ls /srv/node_modules"), "installed");

    shop.write("app/package.json", "{ \"name\": \"api\" }");
    let changed = watcher.wait_for("Changed");
    assert_eq!(
        (&changed["way"], &changed["file"]),
        (&"Rebuilt".into(), &"package.json".into())
    );
    assert_eq!(shop.inside("ls /srv/node_modules"), "");

    // A build that fails leaves what runs.
    shop.write(
        "app/Dockerfile",
        "FROM jobsprint-dev-test/tiny:3\nRUN exit 3\n",
    );
    watcher.wait_for("ChangeFailed");
    assert_eq!(shop.inside("cat /srv/made"), "two");

    let others = |event: &&serde_json::Value| is(event, "Log") && event["line"] == "other runs";
    assert_eq!(
        watcher.heard().iter().filter(others).count(),
        1,
        "it went on all the time"
    );
}

const DATA: &str = r#"
x-jobsprint: { seeds: ./seeds }
services:
  postgres:
    image: postgres:15-alpine
    environment: { POSTGRES_USER: jobsprint, POSTGRES_PASSWORD: s3cret-value }
    x-jobsprint: { role: data, ready: postgres }
  api:
    image: jobsprint-dev-test/tiny:3
    command: [sh, -c, "exec sleep infinity"]
    stop_grace_period: 0s
    volumes: ["./migrations:/migrations:ro"]
    depends_on: { postgres: { condition: service_healthy } }
    x-jobsprint:
      migrate: { run: [sh, -c, "ls /migrations > /tmp/migrated"], inputs: [./migrations] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_migration_or_seed_runs_and_is_only_told_of_where_asked() {
    let shop = Shop::with(DATA).await;
    shop.write("migrations/1.sql", "select 1;");
    shop.write(
        "seeds/postgres/1.sql",
        "create table seeded as select 1 as one;",
    );
    let count = || {
        let asked = [
            "exec",
            "-T",
            "postgres",
            "--",
            "psql",
            "-U",
            "jobsprint",
            "-Atc",
        ];
        let ran = shop.tool(&[&asked[..], &["select count(*) from seeded"]].concat());
        ran.stdout.trim().to_owned()
    };

    let mut watcher = shop.watch(&["--no-logs"]);
    watcher.wait_for("Watching");
    assert_eq!(shop.inside("cat /tmp/migrated"), "1.sql");
    shop.write("migrations/2.sql", "select 2;");
    watcher.says("api: migrations/2.sql → ran 1 migration in");
    assert_eq!(shop.inside("cat /tmp/migrated"), "1.sql\n2.sql");
    shop.write("seeds/postgres/2.sql", "insert into seeded values (2);");
    watcher.says("postgres: seeds/postgres/2.sql → ran 1 seed in");
    assert_eq!(count(), "2");
    assert!(watcher.interrupt().success());

    let mut watcher = shop.watch(&["--no-logs", "--no-migrate"]);
    watcher.wait_for("Watching");
    shop.write("migrations/3.sql", "select 3;");
    watcher.says(
        "`migrations/3.sql` may make a migration of `api` due: `jobsprint-dev migrate` runs it",
    );
    shop.write("seeds/postgres/3.sql", "insert into seeded values (3);");
    watcher.says(
        "`seeds/postgres/3.sql` may make a seed of `postgres` due: `jobsprint-dev seed` runs it",
    );
    assert_eq!(shop.inside("cat /tmp/migrated"), "1.sql\n2.sql");
    assert_eq!(count(), "2");
}
