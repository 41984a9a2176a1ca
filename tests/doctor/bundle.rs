//! The archive to post: no secret of `.env` stands in it, however and by whomever it was said.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jobsprint_dev::dotenv;
use jobsprint_dev::env::{Schema, Variable};

use crate::patient::Patient;
use crate::support::Bed;

const SCHEMA: &str = include_str!("../../templates/.env.schema");

/// All text of the archive, file by file.
fn unpacked(patient: &Patient, archive: &str) -> Vec<(String, String)> {
    let status = Command::new("tar")
        .args(["xzf", archive])
        .current_dir(patient.path())
        .status();
    assert!(status.expect("tar starts").success());
    let mut files = Vec::new();
    let mut waiting = vec![patient.path().join("jobsprint-bundle")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("there") {
            let path = entry.expect("read").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let bytes = fs::read(&path).expect("read");
                let text = String::from_utf8_lossy(&bytes).into_owned();
                files.push((path.display().to_string(), text));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// The values of a `.env` that the schema calls secret.
fn secrets(env: &Path) -> Vec<(String, String)> {
    let schema = Schema::parse("schema", SCHEMA).expect("it ships");
    let text = fs::read_to_string(env).expect("there");
    let values = dotenv::parse(&text, &|_| None)
        .expect("it is whole")
        .values();
    let secret = values.into_iter().filter(|(name, value)| {
        let variable = schema.variable(name);
        !value.is_empty() && variable.is_some_and(Variable::is_sensitive)
    });
    secret.collect()
}

/// What any base64 text within `text` says.
fn behind_base64(text: &str) -> String {
    let is_of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let mut all = String::new();
    for word in text.split(|c| !is_of(c)).filter(|word| word.len() > 11) {
        for from in 0..4 {
            let rest = &word[from..];
            let whole = &rest[..rest.len() / 4 * 4];
            if let Ok(bytes) = STANDARD_NO_PAD.decode(whole) {
                all.push_str(&String::from_utf8_lossy(&bytes));
                all.push('\n');
            }
        }
    }
    all
}

#[track_caller]
fn has_none(files: &[(String, String)], secrets: &[(String, String)]) {
    for (file, text) in files {
        let behind = behind_base64(text);
        for (name, value) in secrets {
            assert!(!text.contains(value), "{file} has {name}");
            assert!(!behind.contains(value), "{file} has {name} in base64");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_env_is_in_it_whoever_said_it() {
    let bed = Bed::make().await;
    let image = crate::support::tiny_image(&bed.engine).await;
    let compose = format!(
        "services:\n  a:\n    image: {image}\n    stop_grace_period: 0s\n    env_file: [.env]\n    \
         environment: {{ POSTGRES_PASSWORD: \"${{POSTGRES_PASSWORD}}\", PLAIN: \"postgres://x:${{POSTGRES_PASSWORD}}@h/\" }}\n    \
         command: [sh, -c, 'env; env | busybox base64 -w 0; echo; busybox env | busybox tr \"\\n\" \" \"; echo said; sleep 1000']\n    \
         labels: {{ of: \"${{REDIS_PASSWORD}}\" }}\n    x-jobsprint: {{ ready: log said, url: \"http://localhost/?t=${{JWT_SECRET}}\" }}\n"
    );
    let patient = Patient::of(bed, &compose);
    patient.write("templates/.env.schema", SCHEMA);
    patient.write(
        ".env",
        "PUTER_APP_ID=app-0c2cb9b2-6f4e-4f0a-9a52-1d2f7a7ad7a1\n",
    );
    patient.run(&["env", "init", "--yes"]);
    patient.run(&["up"]);
    let env = patient.path().join(".env");
    let before = secrets(&env);
    assert!(before.len() > 8, "{before:?}");

    patient.run(&["bundle", "first.tar.gz"]);
    let files = unpacked(&patient, "first.tar.gz");
    let (_, log) = files
        .iter()
        .find(|(file, _)| file.contains("logs/"))
        .expect("a log");
    assert!(
        log.contains("NODE_ENV=development") && log.contains("said"),
        "{log}"
    );
    has_none(&files, &before);

    // What was said before a change is a secret still.
    patient.run(&["env", "rotate", "REDIS_PASSWORD", "--no-apply"]);
    let after = secrets(&env);
    assert_ne!(before, after);
    patient.run(&["bundle", "second.tar.gz"]);
    let files = unpacked(&patient, "second.tar.gz");
    has_none(&files, &before);
    has_none(&files, &after);

    // So is what stands in files that can't be understood.
    let text = fs::read_to_string(&env).expect("there");
    patient.write(
        ".env",
        &format!("{text}\nTOKEN=\"unclosed-swordfish\nnonsense swordfish-2\n"),
    );
    patient.write("compose.yaml", &compose.replace("image:", "imagee:"));
    patient.run(&["bundle", "third.tar.gz"]);
    let files = unpacked(&patient, "third.tar.gz");
    has_none(&files, &after);
    let unclosed = [("TOKEN".to_owned(), "unclosed-swordfish".to_owned())];
    has_none(&files, &unclosed);
}
