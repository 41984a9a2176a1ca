//! Signatures of a bucket's calls, held against a server that checks them.

#[path = "bucket/signed.rs"]
mod signed;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::json;

use crate::signed::{PREFIX, SECRET, Server, Signed, TOKEN};

/// Two backups of one day long ago, the older of which is not kept.
fn backups() -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for hour in ["08", "09"] {
        let manifest = json!({
            "schema": 1, "project": "shop", "database": "shop", "server": "15.18", "bytes": 1, "sha256": "",
            "created": format!("2026-01-05T{hour}:00:00Z"),
        });
        let name = format!("{PREFIX}/old {hour}+é~(1)");
        objects.insert(format!("{name}.json"), manifest.to_string().into_bytes());
        objects.insert(format!("{name}.sql"), b"-".to_vec());
    }
    objects
}

/// Runs the tool against the server, without any engine, and gives how it ended and what it said.
fn tool(server: &Server, secret: &str, verb: &str) -> (bool, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = "services:\n  postgres: { image: 'postgres:15-alpine', x-jobsprint: { ready: postgres } }\n";
    fs::write(directory.path().join("compose.yml"), file).expect("a file");
    let mut run = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"));
    run.args(["backup", verb, "--directory"])
        .arg(format!("s3://team/{PREFIX}"))
        .current_dir(directory.path())
        .env("HOME", directory.path())
        .env("DOCKER_HOST", "unix:///nowhere.sock");
    server.lend(&mut run, secret);
    let output = run.output().expect("the tool starts");
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains(secret) && !said.contains(TOKEN), "{said}");
    (output.status.success(), said)
}

#[test]
fn the_check_is_that_of_the_specifications_own_example() {
    let target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host";
    let request = Signed {
        method: "GET",
        target,
        host: "examplebucket.s3.amazonaws.com",
    };

    assert_eq!(
        request.signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn a_server_that_checks_takes_the_signatures_of_names_with_spaces_and_signs_in_them() {
    let server = Server::start(backups());

    let (listed, list) = tool(&server, SECRET, "list");
    let (pruned, prune) = tool(&server, SECRET, "prune");

    assert!(listed, "{list}");
    assert!(
        list.contains("old 08+é~(1)") && list.contains("old 09+é~(1)"),
        "{list}"
    );
    assert!(pruned, "{prune}");
    assert!(prune.contains("removed 1 of 2 backups"), "{prune}");
    let held = server.held.lock().expect("one at a time");
    let left: Vec<&String> = held.objects.keys().collect();
    assert_eq!(
        left,
        [
            &format!("{PREFIX}/old 09+é~(1).json"),
            &format!("{PREFIX}/old 09+é~(1).sql")
        ]
    );
}

#[test]
fn a_wrong_secret_is_refused_by_it_and_told() {
    let server = Server::start(backups());

    let (listed, said) = tool(&server, "another", "list");

    assert!(!listed);
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
}
