//! The real stores, and a broker among them.

use std::process::Command;

use crate::project::{Project, said};

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

/// Puts a message into a queue, both to stay.
const DECLARE: &str = "rabbitmqadmin declare queue name=kept durable=true && \
    rabbitmqadmin publish routing_key=kept payload=hello properties='{\"delivery_mode\":2}'";
const GET: &str = "rabbitmqadmin -f tsv get queue=kept | grep -o hello | head -n 1";

#[tokio::test]
async fn postgres_redis_and_rabbitmq_come_back_as_they_were() {
    let project = Project::up(STORES).await;
    let psql = |sql: &str| format!("psql -U jobsprint -Atqc \"{sql}\"");
    let make = "CREATE TABLE kept AS SELECT generate_series(1, 1000) n";
    project.ask("postgres", &psql(make)).await;
    project.ask("redis", "redis-cli set kept yes").await;
    project.ask("rabbitmq", DECLARE).await;

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
    assert_eq!(project.ask("rabbitmq", GET).await, "hello");
    assert_eq!(project.snapshots(), ["one"]);
}

#[tokio::test]
async fn our_broker_stops_in_order_and_keeps_what_it_took() {
    let project = Project::up(STORES).await;
    project.ask("rabbitmq", DECLARE).await;

    project.works(&["stop", "rabbitmq"]);
    let log = Command::new("docker")
        .args(["logs", &format!("{}-rabbitmq-1", project.name)])
        .output();
    project.works(&["up"]);

    // Erlang's own answer to SIGTERM stops all at once and says nothing of the kind.
    let log = said(&log.expect("docker's client is here"));
    assert!(log.contains("Stopping application 'rabbit'"), "{log}");
    assert_eq!(project.ask("rabbitmq", GET).await, "hello");
}
