//! A bucket's server that checks every signature, computed here from the specification of AWS Signature Version 4 alone:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const KEY: &str = "AKIATEST";
const SECRET: &str = "s3cret+key/of=the bucket";
const TOKEN: &str = "a+session/token==";
const REGION: &str = "eu-central-1";
/// Names of objects that each server and each signer encodes in its own way, if it is wrong.
const PREFIX: &str = "dümps of + us & co";

/// A request as far as its signature is about it.
struct Signed<'a> {
    method: &'a str,
    /// With the query, as it was sent.
    target: &'a str,
    host: &'a str,
}

impl Signed<'_> {
    /// The query's parameters, decoded.
    fn query(&self) -> BTreeMap<String, String> {
        let (_, query) = self.target.split_once('?').unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect()
    }

    fn path(&self) -> String {
        decoded(self.target.split('?').next().unwrap_or_default())
    }

    /// What its signature must be with this secret.
    fn signature(&self, secret: &str) -> String {
        let mut query = self.query();
        query.remove("X-Amz-Signature");
        let mut pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name, ""), encoded(value, "")))
            .collect();
        pairs.sort();
        let canonical = format!(
            "{}\n{}\n{}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            self.method,
            encoded(&self.path(), "/"),
            pairs.join("&"),
            self.host
        );
        let credential = &query["X-Amz-Credential"];
        let (_, scope) = credential.split_once('/').expect("a key and a scope");
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            query["X-Amz-Date"],
            hex(&Sha256::digest(canonical))
        );
        let mut key = format!("AWS4{secret}").into_bytes();
        for word in scope.split('/') {
            key = sealed(&key, word);
        }
        hex(&sealed(&key, &text))
    }
}

fn sealed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// Everything but letters, digits, `-._~` and what `plain` holds, by `%` and two digits.
fn encoded(text: &str, plain: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte if plain.as_bytes().contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// In a URL that S3 takes, `+` is itself.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
        let digits = std::str::from_utf8(&digits).expect("digits");
        bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// A server with one bucket, `team`, that answers only what is rightly signed.
struct Server {
    endpoint: String,
    objects: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Server {
    fn start(objects: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let objects = Arc::new(Mutex::new(objects));
        let held = Arc::clone(&objects);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, &held);
            }
        });
        Self { endpoint, objects }
    }
}

fn answer(mut stream: &TcpStream, objects: &Mutex<BTreeMap<String, String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let (method, target) = (
        words.next().expect("a method"),
        words.next().expect("a target"),
    );
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let host = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    let request = Signed {
        method,
        target,
        host: host.expect("a host"),
    };
    let (status, body) = respond(&request, &mut objects.lock().expect("one at a time"));
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).ok(); // one that is gone needs no answer
}

fn respond(request: &Signed<'_>, objects: &mut BTreeMap<String, String>) -> (u16, String) {
    let query = request.query();
    let given = |name: &str| query.get(name).cloned().unwrap_or_default();
    let scope = format!(
        "{KEY}/{}/{REGION}/s3/aws4_request",
        &given("X-Amz-Date")[..8]
    );
    if given("X-Amz-Credential") != scope || given("X-Amz-Security-Token") != TOKEN {
        return (
            403,
            "<Error><Code>InvalidAccessKeyId</Code></Error>".to_owned(),
        );
    }
    if given("X-Amz-Signature") != request.signature(SECRET) {
        return (
            403,
            "<Error><Code>SignatureDoesNotMatch</Code></Error>".to_owned(),
        );
    }
    let path = request.path();
    let key = path.strip_prefix("/team").expect("the bucket");
    let key = key.trim_start_matches('/').to_owned();
    match (request.method, key.as_str()) {
        ("GET", "") => {
            let url = given("encoding-type") == "url";
            let prefix = given("prefix");
            let found = objects.keys().filter(|key| key.starts_with(&prefix));
            let contents: Vec<String> = found
                .map(|key| {
                    let key = if url { encoded(key, "/") } else { key.clone() };
                    format!(
                        "<Contents><Key>{key}</Key><LastModified>2026-01-05T08:00:00.000Z</LastModified>\
                         <ETag>\"x\"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
                    )
                })
                .collect();
            let contents = contents.concat();
            let encoding = if url {
                "<EncodingType>url</EncodingType>"
            } else {
                ""
            };
            let text = format!(
                "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>team</Name><Prefix></Prefix>\
                 <MaxKeys>1000</MaxKeys>{encoding}<IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
            );
            (200, text)
        }
        ("GET", key) => match objects.get(key) {
            Some(content) => (200, content.clone()),
            None => (404, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
        },
        ("DELETE", key) => {
            objects.remove(key);
            (204, String::new())
        }
        _ => (405, String::new()),
    }
}

/// Two backups of one day long ago, the older of which is not kept.
fn backups() -> BTreeMap<String, String> {
    let mut objects = BTreeMap::new();
    for hour in ["08", "09"] {
        let manifest = json!({
            "schema": 1, "project": "shop", "database": "shop", "server": "15.18", "bytes": 1, "sha256": "",
            "created": format!("2026-01-05T{hour}:00:00Z"),
        });
        let name = format!("{PREFIX}/old {hour}+é~(1)");
        objects.insert(format!("{name}.json"), manifest.to_string());
        objects.insert(format!("{name}.sql"), "-".to_owned());
    }
    objects
}

/// Runs the tool against the server, without any engine, and gives how it ended and what it said.
fn tool(server: &Server, secret: &str, verb: &str) -> (bool, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = "services:\n  postgres: { image: 'postgres:15-alpine', x-jobsprint: { ready: postgres } }\n";
    fs::write(directory.path().join("compose.yml"), file).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_jobsprint-dev"))
        .args(["backup", verb, "--directory"])
        .arg(format!("s3://team/{PREFIX}"))
        .current_dir(directory.path())
        .env("HOME", directory.path())
        .env("DOCKER_HOST", "unix:///nowhere.sock")
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env_remove("AWS_ENDPOINT_URL_S3")
        .env_remove("AWS_PROFILE")
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .output()
        .expect("the tool starts");
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
    let left = server.objects.lock().expect("one at a time");
    let left: Vec<&String> = left.keys().collect();
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
