//! The main promise on the real stack: `setup` on a bare checkout, everything answers, again changes nothing,
//! Docker Compose sees the same stack, no secret is shown, and `down --volumes` leaves nothing.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use support::checkout::{Checkout, SECRETS};

/// GETs a URL; gives the body.
#[track_caller]
fn get(words: &[&str]) -> String {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--max-time",
            "20",
        ])
        .args(words)
        .output()
        .expect("curl is installed: `apt-get install curl`");
    let body = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {error}{body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_takes_a_bare_checkout_to_a_stack_that_answers() {
    let bed = support::Bed::make().await;
    let engine = Arc::clone(&bed.engine);
    let checkout = Checkout::new(bed.project.clone());

    // From nothing to ready.
    checkout.works(&["setup", "--yes", "--output", "plain"]);
    let values = checkout.values();
    everything_answers(&checkout, &values);
    tables_are_migrated_and_seeded(&checkout);

    // What a person wrote is as it was, and nobody else may read it.
    let text = fs::read_to_string(checkout.path(".env")).expect("it is there");
    assert!(text.starts_with("# mine\n"));
    assert!(text.contains("PUTER_APP_ID='kept as I wrote it'\n"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(checkout.path(".env"))
            .expect("it is there")
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    // Again: nothing to do.
    let before = containers(&*engine, &checkout).await;
    let again = checkout.tool(&["setup", "--yes", "--output", "plain"]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        again.status.success() && told.contains("nothing to do"),
        "{told}"
    );
    assert_eq!(containers(&*engine, &checkout).await, before);
    assert_eq!(before.len(), 7);

    // Docker Compose sees the same seven.
    let seen = checkout.compose(&["ps", "--services"]);
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert_eq!(seen.lines().count(), 7, "{seen}");

    // Data outlives its containers.
    checkout.works(&["restart", "postgres", "n8n", "--output", "plain"]);
    everything_answers(&checkout, &values);
    tables_are_migrated_and_seeded(&checkout);

    // The machine-readable state.
    let status = checkout.works(&["status", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("it is JSON");
    assert_eq!(status["schema"], 1);
    let rows = status["services"].as_array().expect("a list");
    assert!(rows.iter().all(|row| row["state"] == "ready"), "{status}");

    // An exit code is passed on.
    let code = checkout.tool(&["exec", "-T", "api-gateway", "--", "sh", "-c", "exit 7"]);
    assert_eq!(code.status.code(), Some(7));

    no_secret_is_shown(&checkout, &values).await;

    // Docker Compose takes down what it sees.
    let taken = checkout.compose(&["down"]);
    let told = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert!(taken.status.success(), "{told}");
    let left = engine.observe(&checkout.project, &[]).await;
    let left = left.expect("it answers");
    assert!(left.containers.is_empty() && left.networks.is_empty());
    assert!(!left.volumes.is_empty());

    // And nothing is left.
    checkout.works(&["down", "--volumes", "--yes", "--output", "plain"]);
    let left = engine
        .observe(&checkout.project, &[])
        .await
        .expect("it answers");
    assert!(left.containers.is_empty() && left.networks.is_empty() && left.volumes.is_empty());
}

#[track_caller]
fn everything_answers(checkout: &Checkout, values: &BTreeMap<String, String>) {
    let url = |port, path| checkout.url(port, path);
    assert!(get(&[&url("API_PORT", "/ready")]).contains("postgres"));
    assert!(get(&[&url("HTTP_PORT", "/ready")]).contains("postgres"));
    let secure = format!("https://localhost:{}/ready", values["HTTPS_PORT"]);
    let certificate = checkout.path(".jobsprint/tls/localhost.crt");
    let trusted = certificate.to_str().expect("UTF-8");
    assert!(get(&["--cacert", trusted, &secure]).contains("postgres"));
    assert!(get(&[&url("FRONTEND_PORT", "/")]).contains("<html"));
    assert!(get(&[&url("HTTP_PORT", "/")]).contains("<html"));
    get(&[&url("N8N_PORT", "/healthz/readiness")]);
    assert!(get(&[&url("HTTP_PORT", "/api/jobs")]).contains("title"));
    let login = format!("jobsprint:{}", values["RABBITMQ_PASSWORD"]);
    let who = get(&[
        "--user",
        &login,
        &url("RABBITMQ_MANAGEMENT_PORT", "/api/whoami"),
    ]);
    assert!(who.contains("\"name\":\"jobsprint\""), "{who}");
    let thanks = get(&[
        "--header",
        "content-type: application/json",
        "--data",
        r#"{"name":"Ada","job":"Compiler Engineer"}"#,
        &url("N8N_PORT", "/webhook/application-received"),
    ]);
    assert!(thanks.contains("Thank you, Ada"), "{thanks}");
}

#[track_caller]
fn tables_are_migrated_and_seeded(checkout: &Checkout) {
    let query = "select count(*) > 10 from jobs";
    let answer = checkout.works(&[
        "exec",
        "-T",
        "postgres",
        "--",
        "psql",
        "-U",
        "jobsprint",
        "-d",
        "jobsprint",
        "-Atc",
        query,
    ]);
    assert_eq!(answer.trim(), "t");
}

/// Names and start times of the project's containers.
async fn containers(
    engine: &dyn jobsprint_dev::engine::Engine,
    checkout: &Checkout,
) -> BTreeMap<String, String> {
    let observed = engine.observe(&checkout.project, &[]).await;
    let containers = observed.expect("it answers").containers;
    containers
        .into_iter()
        .map(|found| (found.name, format!("{:?}", found.state)))
        .collect()
}

/// Neither in what the tool said, nor in labels, nor in any process's arguments, nor in a file that others may read.
async fn no_secret_is_shown(checkout: &Checkout, values: &BTreeMap<String, String>) {
    checkout.works(&["logs"]);
    let mut places = vec![("output", checkout.said.lock().expect("no panic").clone())];
    let engine = support::engine().await;
    let observed = engine
        .observe(&checkout.project, &[])
        .await
        .expect("it answers");
    for found in &observed.containers {
        places.push(("labels", format!("{:?}", found.labels)));
    }
    let processes = fs::read_dir("/proc").expect("Linux");
    for process in processes.flatten() {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        places.push((
            "arguments",
            String::from_utf8_lossy(&arguments).into_owned(),
        ));
    }
    assert!(places.len() > 20, "there is something to look at");
    for key in SECRETS {
        let value = &values[key];
        assert!(value.len() >= 16, "{key} was generated");
        for (place, text) in &places {
            assert!(!text.contains(value.as_str()), "{key} stands in {place}");
        }
    }
}
