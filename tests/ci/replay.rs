//! A failed run, brought up again from its capsule.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::checkout::{Checkout, text};

const SECRET: &str = "s3cr3t-value-of-ci";

const SCHEMA: &str = "\
# @required @sensitive @generate=alnum(32) @type=string(minLength=8)
API_SECRET=

# @type=port
WEB_PORT=4000

# @type=url
SAID_URL=http://localhost:${WEB_PORT}/said

# @type=url @sensitive
CACHE_URL=redis://:${API_SECRET}@localhost:${WEB_PORT}/0
";

/// A checkout whose service serves the secrets that it was given, and the capsule of a run that failed there.
async fn failed() -> (Checkout, PathBuf) {
    let checkout = Checkout::new().await;
    let path = checkout.directory.path().join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    let file = file
        .replace(
            "[httpd, -f, -p, \"8080\", -h, /etc]",
            "[sh, -c, \"echo $$API_SECRET $$STORE_URL > /data/said; exec httpd -f -p 8080 -h /data\"]",
        )
        .replace(
            "environment: { ",
            "environment: { API_SECRET: \"${API_SECRET}\", STORE_URL: \"redis://:${API_SECRET}@store/0\", ",
        );
    let file = file.replace(
        "volumes: [\"data:/data\"]",
        "volumes: [\"data:/data\", \"./mounted:/mounted\"]",
    );
    fs::write(&path, file).expect("written");
    let mut run = checkout.command(&["--artifacts", "out", "--", "false"]);
    let ran = run.env("API_SECRET", SECRET).output().expect("started");
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    let made = fs::read_dir(checkout.directory.path().join("out")).expect("made");
    let capsule = made.flatten().next().expect("one").path();
    (checkout, capsule)
}

fn replay(checkout: &Checkout, capsule: &Path, words: &[&str]) -> std::process::Output {
    let capsule = capsule.display().to_string();
    checkout.run(&[&["replay", &capsule], words].concat())
}

/// Of an address on this machine.
fn port(address: &str) -> &str {
    let (_, rest) = address.split_once("localhost:").expect("it is local");
    rest.split('/').next().expect("a port")
}

/// The replays of this checkout that the engine has any part of.
async fn replays(checkout: &Checkout) -> Vec<String> {
    let prefix = format!("{}-replay-", checkout.name);
    let label = "com.docker.compose.project";
    let projects = checkout.engine.projects_with(label).await.expect("listed");
    let ours = projects
        .into_iter()
        .filter(|name| name.starts_with(&prefix));
    ours.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_on_the_stack_of_a_capsule_with_fresh_secrets_that_agree() {
    let (checkout, capsule) = failed().await;

    let words = [
        "--",
        "sh",
        "-c",
        "curl --silent --show-error \"$WEB_URL/said\"",
    ];
    let ran = replay(&checkout, &capsule, &words);

    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let said = text(&ran.stdout);
    let (secret, url) = said.trim().split_once(' ').expect("two words");
    assert_eq!(secret.len(), 32, "{said}");
    assert_eq!(url, format!("redis://:{secret}@store/0"));
    assert!(!text(&ran.stderr).contains(secret), "{}", text(&ran.stderr));
    assert_eq!(replays(&checkout).await, Vec::<String>::new());
    let code = replay(&checkout, &capsule, &["--", "sh", "-c", "exit 7"]);
    assert_eq!(code.status.code(), Some(7));
}

/// The same, with addresses that only the schema declares; the command of the run that failed has written them down.
async fn failed_with_schema() -> (Checkout, PathBuf, String) {
    let checkout = Checkout::new().await;
    let root = checkout.directory.path();
    let path = root.join("compose.yaml");
    let file = fs::read_to_string(&path).expect("a file");
    let file = file
        .replace(
            "[httpd, -f, -p, \"8080\", -h, /etc]",
            "[sh, -c, \"echo $$API_SECRET > /data/said; exec httpd -f -p 8080 -h /data\"]",
        )
        .replace("127.0.0.1:4000:8080", "127.0.0.1:${WEB_PORT}:8080")
        .replace(
            "environment: { ",
            "environment: { API_SECRET: \"${API_SECRET}\", CACHE: \"${CACHE_URL}\", ",
        );
    fs::write(&path, file).expect("written");
    fs::create_dir(root.join("templates")).expect("made");
    fs::write(root.join("templates/.env.schema"), SCHEMA).expect("written");
    let script = "echo $SAID_URL $CACHE_URL > asked; false";
    let ran = checkout.run(&["--artifacts", "out", "--", "sh", "-c", script]);
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    let made = fs::read_dir(root.join("out")).expect("made");
    let capsule = made.flatten().next().expect("one").path();
    let asked = fs::read_to_string(root.join("asked")).expect("written");
    (checkout, capsule, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_gets_the_declared_addresses_with_the_ports_and_secrets_of_the_replay() {
    let (checkout, capsule, then) = failed_with_schema().await;
    let (said_then, cache_then) = then.trim().split_once(' ').expect("two addresses");
    let port_then: u16 = port(said_then).parse().expect("a port");
    let secret_then = &cache_then["redis://:".len()..][..32];
    // Whoever holds it makes the replay choose another one.
    let held = TcpListener::bind(("127.0.0.1", port_then)).expect("it was free before");

    let script = "curl --silent --show-error $SAID_URL; echo $SAID_URL $CACHE_URL $WEB_URL";
    let ran = replay(&checkout, &capsule, &["--", "sh", "-c", script]);

    drop(held);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let output = text(&ran.stdout);
    let words: Vec<&str> = output.split_whitespace().collect();
    let [secret, said, cache, web] = words.as_slice() else {
        panic!("the secret and three addresses: {output}");
    };
    let port = port(said);
    assert_ne!(port, port_then.to_string());
    assert_eq!(*said, format!("http://localhost:{port}/said"));
    assert_eq!(*cache, format!("redis://:{secret}@localhost:{port}/0"));
    assert_eq!(*web, format!("http://localhost:{port}"));
    assert_ne!(*secret, secret_then);
    assert!(!text(&ran.stderr).contains(secret), "{}", text(&ran.stderr));
    for name in ["model.yaml", "replay.json", "summary.md", "timeline.log"] {
        let file = fs::read_to_string(capsule.join(name)).expect(name);
        assert!(!file.contains(secret_then), "{name}: {file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capsule_without_declared_addresses_is_brought_up_as_before() {
    let (checkout, capsule, _) = failed_with_schema().await;
    let path = capsule.join("replay.json");
    let file = fs::read_to_string(&path).expect("read");
    let mut old: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let fields = old.as_object_mut().expect("an object");
    fields.remove("addresses").expect("it has them");
    fs::write(&path, old.to_string()).expect("written");

    let script = "curl --silent --fail $WEB_URL/said && echo \"[$SAID_URL]\"";
    let ran = replay(&checkout, &capsule, &["--", "sh", "-c", script]);

    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).ends_with("[]\n"), "{}", text(&ran.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_fails_too_leaves_a_capsule_with_the_same_addresses() {
    let (checkout, capsule, _) = failed_with_schema().await;
    replay(&checkout, &capsule, &["--", "false"]);
    let root = checkout.directory.path().join("target/jobsprint-ci");
    let made = fs::read_dir(root).expect("made").flatten().next();
    let second = made.expect("one").path();

    let script = "curl --silent --fail $SAID_URL >said && test \"$SAID_URL\" = \"$WEB_URL/said\"";
    let ran = replay(&checkout, &second, &["--", "sh", "-c", script]);

    assert!(ran.status.success(), "{}", text(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capsule_holds_no_secret_and_its_model_no_path_of_the_machine() {
    let (checkout, capsule) = failed().await;
    let directory = checkout.directory.path().canonicalize().expect("there");

    let read = |name: &str| fs::read_to_string(capsule.join(name)).expect(name);
    let files = [
        "model.yaml",
        "images.json",
        "replay.json",
        "containers.json",
        "probes.txt",
        "startup.txt",
        "summary.md",
        "timeline.log",
        "logs/web-1.log",
    ];
    for name in files {
        assert!(!read(name).contains(SECRET), "{name}: {}", read(name));
    }
    let model = read("model.yaml");
    assert!(!model.contains(&directory.display().to_string()), "{model}");
    assert!(
        model.contains("source: \"${JOBSPRINT_ROOT}/mounted\""),
        "{model}"
    );
    assert!(model.contains("API_SECRET: \"${API_SECRET}\""), "{model}");
    assert!(model.contains("redis://:${API_SECRET}@store/0"), "{model}");
    assert!(read("images.json").contains("\"id\": \"sha256:"));
    assert!(
        read("probes.txt").contains("web  ready"),
        "{}",
        read("probes.txt")
    );
    assert!(read("summary.md").contains("jobsprint-dev ci replay "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_stays_to_be_looked_at_until_it_is_removed() {
    let (checkout, capsule) = failed().await;

    let ran = replay(&checkout, &capsule, &[]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    checkout.tool(&["stacks", "gc"]);
    let stacks = replays(&checkout).await;
    let project = stacks.first().expect("it stays").clone();
    let model = capsule.join("model.yaml").display().to_string();
    let on_it = |verb: &[&str]| {
        let elsewhere = std::env::temp_dir();
        let words = [&["-f", &model, "-p", &project], verb].concat();
        let mut command = checkout.command(&[]);
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.args(words).current_dir(elsewhere);
        command.output().expect("the tool starts")
    };
    let status = on_it(&["status"]);
    let logs = on_it(&["logs"]);
    let exec = on_it(&["exec", "web", "--", "cat", "/data/said"]);
    let observed = checkout.observe(&project).await;
    let listed = checkout.tool(&["stacks", "list"]);
    let removed = checkout.tool(&["stacks", "rm", &project]);

    let hint = format!("look with `jobsprint-dev -f {model} -p {project} status`");
    assert!(text(&ran.stderr).contains(&hint), "{}", text(&ran.stderr));
    assert!(
        text(&status.stdout).contains("ready"),
        "{}",
        text(&status.stderr)
    );
    assert!(logs.status.success(), "{}", text(&logs.stderr));
    assert!(
        text(&exec.stdout).contains("redis://:"),
        "{}",
        text(&exec.stderr)
    );
    let pinned = fs::read_to_string(capsule.join("images.json")).expect("read");
    assert!(pinned.contains(observed.containers[0].image_id.as_str()));
    let listed = text(&listed.stdout);
    let line = listed.lines().find(|line| line.starts_with(&project));
    let words: Vec<&str> = line.expect("listed").split_whitespace().take(3).collect();
    assert_eq!(words, [project.as_str(), "replay", "kept"]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(replays(&checkout).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_gone_is_named_with_the_way_to_it() {
    let (checkout, capsule) = failed().await;
    let path = capsule.join("replay.json");
    let file = fs::read_to_string(&path).expect("read");
    let at = file.find("sha256:").expect("an id") + "sha256:".len();
    let gone = format!("{}{}{}", &file[..at], "0".repeat(64), &file[at + 64..]);
    fs::write(&path, gone).expect("written");

    let refused = replay(&checkout, &capsule, &["--", "true"]);
    let unpinned = replay(&checkout, &capsule, &["--unpinned", "--", "true"]);

    assert_eq!(refused.status.code(), Some(21), "{}", text(&refused.stderr));
    let said = text(&refused.stderr);
    assert!(
        said.contains("an image of that run is not here any more"),
        "{said}"
    );
    assert!(
        said.contains("`web` ran jobsprint-dev-test/tiny:3"),
        "{said}"
    );
    assert!(
        said.contains("docker save") && said.contains("--unpinned"),
        "{said}"
    );
    assert!(unpinned.status.success(), "{}", text(&unpinned.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_capsule_is_told_so() {
    let checkout = Checkout::new().await;

    let ran = replay(&checkout, checkout.directory.path(), &["--", "true"]);

    assert_eq!(ran.status.code(), Some(2));
    assert!(
        text(&ran.stderr).contains("is no capsule"),
        "{}",
        text(&ran.stderr)
    );
}
