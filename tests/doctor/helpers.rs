//! What helps once something is wrong: explanations, other ports, the archive to post.

use std::net::TcpListener;
use std::process::Command;

use crate::patient::Patient;
use crate::support::Bed;

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

#[tokio::test]
async fn every_exit_code_of_the_help_is_explained() {
    let patient = Patient::healthy().await;
    let codes = [0, 1, 2, 10, 20, 21, 30, 31, 40, 50, 60, 130];

    for code in codes {
        let (status, text) = said(&mut patient.command(&["explain", &code.to_string()]));
        assert_eq!(status, Some(0), "{code}: {text}");
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
async fn a_bundle_has_it_all_and_no_secret() {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n    environment: {{ API_TOKEN: \"${{API_TOKEN}}\" }}\n    \
         command: [sh, -c, 'echo \"started with $$API_TOKEN\"; sleep 1000']\n    x-jobsprint: {{ ready: log started }}\n"
    );
    let patient = Patient::of(bed, &compose);
    patient.write(".env", "API_TOKEN=swordfish-1234567\n");
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
    assert_eq!(log, "started with ***\n");
    let found = Command::new("grep")
        .args(["-r", "swordfish"])
        .arg(&bundle)
        .output();
    assert_eq!(
        found.expect("grep starts").status.code(),
        Some(1),
        "no file has the secret"
    );
}
