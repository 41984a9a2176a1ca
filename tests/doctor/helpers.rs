//! What helps once something is wrong: explanations, other ports, the archive to post.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use jobsprint_dev::doctor::explanation;
use jobsprint_dev::domain::FailureKind;
use jobsprint_dev::error::exit_code;
use regex::Regex;

use crate::patient::Patient;
use crate::support::Bed;
use crate::terminal::Terminal;

/// What a service may say; each line has a secret that stands in no file of the project.
const PLANTED: &str = "\
as app at db:5432: postgres://app:swordfish-a@db:5432/app
redis://:swordfish-b@cache:6379
Authorization: Bearer swordfish-c-swordfish
{\"user\":\"app\",\"password\":\"swordfish-d\",\"n\":1}
DB_PASSWORD=swordfish-e
pushed with ghp_swordfish0123456789
eyJswordfish.eyJswordfish.swordfish
-----BEGIN PRIVATE KEY-----
swordfish-f
-----END PRIVATE KEY-----
Set-Cookie: session=1; csrf_token=swordfish-g
";

fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code(),
        out + &String::from_utf8_lossy(&output.stderr),
    )
}

#[tokio::test]
async fn an_exit_code_is_explained_and_a_wrong_name_comes_with_a_suggestion() {
    let patient = Patient::healthy().await;

    let (code, text) = said(&mut patient.command(&["explain", "60"]));
    assert_eq!(code, Some(0));
    assert!(
        text.contains("Port (exit code 60)") && text.contains("next: jobsprint-dev doctor"),
        "{text}"
    );

    let (code, text) = said(&mut patient.command(&["explain", "host.port"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("jobsprint-dev explain host.ports"), "{text}");
}

#[test]
fn every_exit_code_is_explained_under_its_kind_s_name() {
    for kind in FailureKind::ALL {
        let found = explanation(&exit_code(kind).to_string());
        assert_eq!(
            found.map(|found| found.name.to_owned()),
            Some(format!("{kind:?}"))
        );
    }
    assert!(explanation("0").is_some());
}

#[test]
fn every_check_of_the_sources_is_explained() {
    let named = Regex::new(r#""((?:engine|project|host|prove)\.[a-z-]+)""#).expect("valid");
    let mut checks = BTreeSet::new();
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("there") {
            let path = entry.expect("read").path();
            if path.is_dir() {
                if !path.ends_with("explanation") {
                    waiting.push(path);
                }
                continue;
            }
            let text = std::fs::read_to_string(path).expect("read");
            checks.extend(named.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
    assert!(checks.len() > 35, "{checks:?}");

    for check in checks {
        assert!(explanation(&check).is_some(), "`{check}` is not explained");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_ports_are_replaced_on_request_and_stay_so_in_this_checkout() {
    let (fed, fixed) = (
        TcpListener::bind("127.0.0.1:0").expect("a port"),
        TcpListener::bind("127.0.0.1:0").expect("a port"),
    );
    let port = |held: &TcpListener| held.local_addr().expect("bound").port();
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n    ports: [\"127.0.0.1:${{WEB_PORT:-{}}}:80\"]\n    \
         environment: {{ BASE: \"http://localhost:${{WEB_PORT:-{}}}\" }}\n    x-jobsprint: {{ url: \"http://localhost:${{WEB_PORT:-{}}}\" }}\n  \
         b:\n    image: {image}\n    stop_grace_period: 0s\n    ports: [\"127.0.0.1:{}:80\"]\n    x-jobsprint: {{ url: \"http://localhost:{}/x\" }}\n",
        port(&fed),
        port(&fed),
        port(&fed),
        port(&fixed),
        port(&fixed)
    );
    let patient = Patient::of(bed, &compose);

    let (code, text) = said(&mut patient.command(&["--output", "plain", "up"]));
    assert_eq!(code, Some(60), "{text}");
    assert!(
        text.contains(&port(&fed).to_string()) && text.contains(&port(&fixed).to_string()),
        "{text}"
    );
    assert!(text.contains("--remap-ports"), "{text}");

    patient.run(&["up", "--remap-ports"]);
    let (_, status) = said(&mut patient.command(&["--output", "json", "status"]));
    let status: serde_json::Value = serde_json::from_str(status.trim()).expect("a document");
    for (service, old) in [(0, port(&fed)), (1, port(&fixed))] {
        let bound = status["services"][service]["ports"][0]["host"]
            .as_u64()
            .expect("published");
        let url = status["services"][service]["url"].as_str().expect("a url");
        assert_ne!(bound, u64::from(old));
        assert!(url.contains(&format!(":{bound}")), "{status}");
    }
    let bound = status["services"][0]["ports"][0]["host"]
        .as_u64()
        .expect("published");
    let (_, inside) = said(&mut patient.command(&["exec", "a", "--", "printenv", "BASE"]));
    let (_, inside) = if inside.contains("http") {
        (0, inside)
    } else {
        let (_, all) = said(&mut patient.command(&["exec", "a", "--", "env"]));
        (0, all)
    };
    assert!(
        inside.contains(&format!("http://localhost:{bound}")),
        "{inside}"
    );

    // Remembered: another run neither asks nor changes anything.
    let (code, again) = said(&mut patient.command(&["--output", "plain", "up"]));
    assert_eq!(code, Some(0), "{again}");
    assert!(again.contains("nothing to do"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_the_next_free_port_is_offered_and_kept() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("bound").port();
    let patient = Patient::with(&format!("ports: [\"127.0.0.1:{port}:80\"]")).await;
    let mut command = patient.command(&["up"]);
    command.env_remove("CI").env("TERM", "xterm");

    let mut terminal = Terminal::run(&command, 120, 30);
    terminal.wait_for("Ports are taken. Take");
    terminal.wait_for(&format!("for {port} of `a`"));
    terminal.type_text("y\n");
    assert!(terminal.wait_for_exit().success(), "{:?}", terminal.lines());

    let (_, status) = said(&mut patient.command(&["--output", "json", "status"]));
    let status: serde_json::Value = serde_json::from_str(status.trim()).expect("a document");
    let bound = status["services"][0]["ports"][0]["host"].as_u64();
    assert_ne!(bound.expect("published"), u64::from(port));
    let (code, again) = said(&mut patient.command(&["--output", "plain", "up"]));
    assert_eq!(code, Some(0), "{again}");
    assert!(again.contains("nothing to do"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_has_it_all_and_no_secret() {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n    environment: {{ API_TOKEN: \"${{API_TOKEN}}\" }}\n    \
         command: [sh, -c, 'cat /said; echo \"started with $$API_TOKEN\"; sleep 1000']\n    \
         volumes: [\"./said:/said:ro\"]\n    x-jobsprint: {{ ready: log started }}\n"
    );
    let patient = Patient::of(bed, &compose);
    patient.write(".env", "API_TOKEN=swordfish-1234567\n");
    patient.write("said", PLANTED);
    patient.run(&["up"]);

    patient.run(&["bundle", "b.tar.gz"]);

    let unpacked = Command::new("tar")
        .args(["xzf", "b.tar.gz"])
        .current_dir(patient.path())
        .status();
    assert!(unpacked.expect("tar starts").success());
    let bundle = patient.path().join("jobsprint-bundle");
    for file in [
        "versions.txt",
        "verdicts.json",
        "compose.yaml",
        "events.json",
    ] {
        assert!(bundle.join(file).is_file(), "{file}");
    }
    let log = bundle.join(format!("logs/{}-a-1.txt", patient.bed.project));
    let log = std::fs::read_to_string(log).expect("the log is in it");
    assert!(log.ends_with("started with ***\n"), "{log}");
    assert!(log.contains("as app at db:5432"), "the rest stays: {log}");
    let found = Command::new("grep")
        .args(["-r", "-i", "swordfish"])
        .arg(&bundle)
        .output();
    assert_eq!(
        found.expect("grep starts").status.code(),
        Some(1),
        "no file has the secret"
    );
}
