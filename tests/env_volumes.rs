//! Secrets and the volumes that keep them, on the real engine: rotated, lost, and met in volumes that Docker Compose made.

#[path = "world/shipped.rs"]
mod shipped;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Instant;

use support::checkout::{Checkout, SECRETS};

/// The stores and the gateway: all that reads the secrets, without n8n's slow start.
const SERVICES: [&str; 4] = ["postgres", "redis", "rabbitmq", "api-gateway"];

fn with_services<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words.iter().copied().chain(SERVICES).collect()
}

/// Runs the tool, expects it to end well, and gives what it told.
#[track_caller]
fn told(checkout: &Checkout, words: &[&str]) -> String {
    let output = checkout.tool(words);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {text}");
    text
}

/// Asks postgres by TCP, as its consumers do, with this password.
fn query(checkout: &Checkout, password: &str, sql: &str) -> Result<String, String> {
    let password = format!("PGPASSWORD={password}");
    let words = ["exec", "-T", "postgres", "--", "env", &password, "psql"];
    let login = ["-h", "postgres", "-U", "jobsprint", "-Atc", sql];
    let output = checkout.tool(&[&words[..], &login].concat());
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The status of RabbitMQ's answer to a login.
fn broker(checkout: &Checkout, password: &str) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--max-time", "20"])
        .args(["--write-out", "%{http_code}", "--user"])
        .arg(format!("jobsprint:{password}"))
        .arg(checkout.url("RABBITMQ_MANAGEMENT_PORT", "/api/whoami"))
        .output()
        .expect("curl is installed: `apt-get install curl`");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn all_are_ready(checkout: &Checkout) {
    let status = checkout.works(&with_services(&["status", "--output", "json"]));
    let status: serde_json::Value = serde_json::from_str(&status).expect("it is JSON");
    let rows = status["services"].as_array().expect("a list");
    assert_eq!(rows.len(), SERVICES.len(), "{status}");
    assert!(rows.iter().all(|row| row["state"] == "ready"), "{status}");
}

/// `.env` as a machine has it where only its ports are known.
fn only_ports(checkout: &Checkout) -> String {
    let ports = checkout.values();
    let ports = ports.iter().filter(|(key, _)| key.ends_with("_PORT"));
    ports.fold(String::new(), |text, (key, value)| {
        text + &format!("{key}={value}\n")
    })
}

/// Neither in what the tool said, nor in labels, nor in what it remembers of volumes.
async fn nothing_leaked(bed: &support::Bed, checkout: &Checkout, seen: &BTreeMap<String, String>) {
    let observed = bed.engine.observe(&bed.project, &[]).await.unwrap();
    let labels = observed.containers.iter().map(|found| &found.labels);
    let labels = format!("{:?}", labels.collect::<Vec<_>>());
    let said = checkout.said.lock().unwrap().clone();
    let memory = fs::read_to_string(checkout.path(".jobsprint/volumes.json")).unwrap();
    assert!(memory.contains("POSTGRES_PASSWORD") && memory.contains("RABBITMQ_DEFAULT_PASS"));
    for key in SECRETS {
        for (place, text) in [("output", &said), ("labels", &labels), ("memory", &memory)] {
            assert!(!text.contains(&seen[key]), "{key} stands in {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_and_lost_and_every_row_stays() {
    let bed = support::Bed::make().await;
    let checkout = Checkout::new(bed.project.clone());
    told(&checkout, &with_services(&["setup", "--yes"]));
    let rows = "select count(*) from jobs";
    let first = checkout.values();
    let seeded = query(&checkout, &first["POSTGRES_PASSWORD"], rows).unwrap();
    assert!(seeded.parse::<u32>().unwrap() > 10);

    // Each is rotated on the running stack.
    for key in ["POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "JWT_SECRET"] {
        let began = Instant::now();
        let text = told(&checkout, &["env", "rotate", key]);
        println!("env rotate {key}: {} ms", began.elapsed().as_millis());
        assert!(text.contains("4 services ready in "), "{text}");
        all_are_ready(&checkout);
    }
    let second = checkout.values();
    let refused = query(&checkout, &first["POSTGRES_PASSWORD"], rows).unwrap_err();
    assert!(
        refused.contains("password authentication failed"),
        "{refused}"
    );
    let answer = query(&checkout, &second["POSTGRES_PASSWORD"], rows);
    assert_eq!(answer.unwrap(), seeded);
    assert_eq!(broker(&checkout, &first["RABBITMQ_PASSWORD"]), "401");
    assert_eq!(broker(&checkout, &second["RABBITMQ_PASSWORD"]), "200");
    assert_ne!(first["JWT_SECRET"], second["JWT_SECRET"]);

    // A value that a person chose is taken over alike, and then there is nothing to do.
    let text = told(&checkout, &["env", "set", "POSTGRES_PASSWORD=chosen-by-me"]);
    assert!(text.contains("it was given the one of `.env`"), "{text}");
    assert_eq!(query(&checkout, "chosen-by-me", rows).unwrap(), seeded);
    let text = told(&checkout, &with_services(&["up"]));
    assert!(text.contains("\nnothing to do ("), "{text}");

    // Without `.env`, what runs can be looked at and taken down.
    let ports = only_ports(&checkout);
    fs::remove_file(checkout.path(".env")).unwrap();
    for words in [
        &["status"][..],
        &["logs", "redis"],
        &["exec", "-T", "redis", "--", "true"],
        &["stop", "redis"],
        &["down"],
    ] {
        let text = told(&checkout, words);
        assert!(text.contains("`.env` has no value for"), "{text}");
    }

    // It is made anew, and the volumes are told.
    fs::write(checkout.path(".env"), &ports).unwrap();
    let text = told(&checkout, &with_services(&["setup", "--yes"]));
    let early = "the volume of `postgres` keeps another `POSTGRES_PASSWORD` than `.env`";
    assert!(text.contains(early), "{text}");
    let third = checkout.values();
    assert_ne!(third["POSTGRES_PASSWORD"], second["POSTGRES_PASSWORD"]);
    let answer = query(&checkout, &third["POSTGRES_PASSWORD"], rows);
    assert_eq!(answer.unwrap(), seeded);
    all_are_ready(&checkout);
    for seen in [&first, &second, &third] {
        nothing_leaked(&bed, &checkout, seen).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_that_docker_compose_made_are_told_new_secrets_and_keep_their_data() {
    let bed = support::Bed::make().await;
    let checkout = Checkout::new(bed.project.clone());
    for image in ["postgres:15-alpine", "rabbitmq:3.12-management-alpine"] {
        let image = jobsprint_dev::domain::ImageRef::new(image);
        shipped::ensure(&bed.engine, &image).await;
    }
    told(&checkout, &["env", "init", "--yes"]);
    let up = checkout.compose(&["up", "-d", "--wait", "postgres", "rabbitmq"]);
    assert!(
        up.status.success(),
        "{}",
        String::from_utf8_lossy(&up.stderr)
    );
    let first = checkout.values();
    let made = "create table kept as select 7 as number";
    query(&checkout, &first["POSTGRES_PASSWORD"], made).unwrap();
    assert!(checkout.compose(&["down"]).status.success());

    let ports = only_ports(&checkout);
    fs::write(checkout.path(".env"), ports).unwrap();
    let services = ["postgres", "rabbitmq"];
    let text = told(
        &checkout,
        &[
            &["setup", "--yes", "--no-migrate", "--no-seed"][..],
            &services,
        ]
        .concat(),
    );

    assert!(text.contains("`postgres` kept an older password"), "{text}");
    assert!(text.contains("`rabbitmq` kept an older password"), "{text}");
    let second = checkout.values();
    let found = query(
        &checkout,
        &second["POSTGRES_PASSWORD"],
        "select number from kept",
    );
    assert_eq!(found.unwrap(), "7");
    assert_eq!(broker(&checkout, &second["RABBITMQ_PASSWORD"]), "200");
    assert_eq!(broker(&checkout, &first["RABBITMQ_PASSWORD"]), "401");

    // A run that does nothing but tell a store its password has done something.
    told(
        &checkout,
        &["env", "rotate", "POSTGRES_PASSWORD", "--no-apply"],
    );
    let text = told(
        &checkout,
        &[&["up", "--no-migrate", "--no-seed"][..], &services].concat(),
    );
    assert!(text.contains("2 services ready in "), "{text}");
    let third = checkout.values();
    query(&checkout, &third["POSTGRES_PASSWORD"], "select 1").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_scripts_env_opens_the_database_that_it_made() {
    let bed = support::Bed::make().await;
    let checkout = Checkout::new(bed.project.clone());
    let postgres = jobsprint_dev::domain::ImageRef::new("postgres:15-alpine");
    shipped::ensure(&bed.engine, &postgres).await;
    told(&checkout, &["env", "init", "--yes"]);
    let weak = ["env", "set", "POSTGRES_PASSWORD=password", "--no-apply"];
    told(&checkout, &weak);
    let up = checkout.compose(&["up", "-d", "--wait", "postgres"]);
    assert!(
        up.status.success(),
        "{}",
        String::from_utf8_lossy(&up.stderr)
    );
    query(
        &checkout,
        "password",
        "create table kept as select 7 as number",
    )
    .unwrap();

    let port = &checkout.values()["POSTGRES_PORT"];
    let old = format!(
        "PUTER_APP_ID=app-1\nJWT_SECRET=some-secret-of-mine\n\
         DATABASE_URL=postgresql://jobsprint:password@localhost:{port}/jobsprint\n\
         REDIS_URL=redis://localhost:6379\nNODE_ENV=development\n"
    );
    let ports = only_ports(&checkout);
    fs::write(checkout.path(".env"), format!("{old}{ports}")).unwrap();
    let quick = ["setup", "--yes", "--no-migrate", "--no-seed", "postgres"];
    let text = told(&checkout, &quick);

    assert!(!text.contains("older password"), "{text}");
    let now = fs::read_to_string(checkout.path(".env")).unwrap();
    assert!(now.starts_with(&old), "{now}");
    let found = query(&checkout, "password", "select number from kept");
    assert_eq!(found.unwrap(), "7");
}

/// Keeps its key as n8n does, and says it aloud.
const KEEPER: &str = r#"
services:
  n8n:
    image: jobsprint-dev-test/tiny:3
    init: true
    environment:
      N8N_ENCRYPTION_KEY: ${N8N_ENCRYPTION_KEY:?}
    command:
      - sh
      - -c
      - |
        test -f /home/node/.n8n/config || printf '{"encryptionKey":"%s"}' "$$N8N_ENCRYPTION_KEY" > /home/node/.n8n/config
        echo "the key is $$N8N_ENCRYPTION_KEY"
        exec sleep infinity
    volumes: ["n8n:/home/node/.n8n"]
volumes:
  n8n: {}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_volume_keeps_is_compared_before_anything_starts_and_taken_back_where_env_was_lost()
 {
    let bed = support::Bed::make().await;
    support::tiny_image(&bed.engine).await;
    let checkout = Checkout::new(bed.project.clone());
    fs::write(checkout.path("compose/docker-compose.yml"), KEEPER).unwrap();
    let schema = "# @sensitive @generate=hex(32)\nN8N_ENCRYPTION_KEY=\n";
    fs::write(checkout.path("templates/.env.schema"), schema).unwrap();
    fs::remove_file(checkout.path(".env")).unwrap();
    told(&checkout, &["setup", "--yes"]);
    let key = checkout.values()["N8N_ENCRYPTION_KEY"].clone();

    // Logs hide the key unless it is asked for.
    assert!(checkout.works(&["logs"]).contains("the key is ***"));
    let shown = checkout.works(&["logs", "--no-redact"]);
    assert!(shown.contains(&key), "{shown}");

    // Another one is refused, with and without a fingerprint; nothing starts.
    told(&checkout, &["down"]);
    let other = "N8N_ENCRYPTION_KEY=0123456789abcdef0123456789abcdef\n";
    fs::write(checkout.path(".env"), other).unwrap();
    for _ in 0..2 {
        let output = checkout.tool(&["up"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(50), "{text}");
        assert!(
            text.contains("`n8n` can't start with the `N8N_ENCRYPTION_KEY` of `.env`"),
            "{text}"
        );
        assert!(text.contains("hint: give the old value back"), "{text}");
        assert!(text.contains("hint: or keep the new one"), "{text}");
        let observed = bed.engine.observe(&bed.project, &[]).await.unwrap();
        assert_eq!(observed.containers, []);
        fs::remove_file(checkout.path(".jobsprint/volumes.json")).ok();
    }

    // Where `.env` was lost, it is taken back.
    fs::remove_file(checkout.path(".env")).unwrap();
    let text = told(&checkout, &["setup", "--yes"]);
    let words = "`N8N_ENCRYPTION_KEY` was taken from the volume of `n8n`";
    assert!(text.contains(words), "{text}");
    assert_eq!(checkout.values()["N8N_ENCRYPTION_KEY"], key);
}
