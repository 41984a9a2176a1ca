//! A bucket's server that checks every signature, computed here from the specification of AWS Signature Version 4 alone:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>.

#![allow(dead_code, reason = "every test binary takes the part that it needs")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub const KEY: &str = "AKIATEST";
pub const SECRET: &str = "s3cret+key/of=the bucket";
pub const TOKEN: &str = "a+session/token==";
pub const REGION: &str = "eu-central-1";
/// Names of objects that each server and each signer encodes in its own way, if it is wrong.
pub const PREFIX: &str = "dümps of + us & co";

/// A request as far as its signature is about it.
pub struct Signed<'a> {
    pub method: &'a str,
    /// With the query, as it was sent.
    pub target: &'a str,
    pub host: &'a str,
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
    pub fn signature(&self, secret: &str) -> String {
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

/// What a bucket holds.
#[derive(Default)]
pub struct Held {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Parts of uploads that are under way, by key and number.
    parts: BTreeMap<(String, u32), Vec<u8>>,
    /// Of how many parts each object was made that came so.
    pub joined: BTreeMap<String, usize>,
}

/// A server with one bucket, `team`, that answers only what is rightly signed.
pub struct Server {
    pub endpoint: String,
    pub held: Arc<Mutex<Held>>,
}

impl Server {
    pub fn start(objects: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let held = Arc::new(Mutex::new(Held {
            objects,
            ..Held::default()
        }));
        let theirs = Arc::clone(&held);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, &theirs);
            }
        });
        Self { endpoint, held }
    }

    /// Has a run of the tool use it, by someone who has this secret.
    pub fn lend(&self, run: &mut Command, secret: &str) {
        run.env("AWS_ENDPOINT_URL", &self.endpoint)
            .env_remove("AWS_ENDPOINT_URL_S3")
            .env_remove("AWS_PROFILE")
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_SESSION_TOKEN", TOKEN);
    }
}

fn answer(mut stream: &TcpStream, held: &Mutex<Held>) {
    let mut reader = BufReader::new(stream);
    let mut lines: Vec<String> = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a head");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let field = |wanted: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let length = field("content-length").map_or(0, |length| length.parse().expect("a number"));
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).expect("a body");
    let mut words = lines.first().expect("a request").split(' ');
    let request = Signed {
        method: words.next().expect("a method"),
        target: words.next().expect("a target"),
        host: field("host").expect("a host"),
    };
    let (status, body) = respond(&request, sent, &mut held.lock().expect("one at a time"));
    let answered = format!(
        "HTTP/1.1 {status}\r\netag: \"{}\"\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        hex(&Sha256::digest(&body)),
        body.len()
    );
    stream
        .write_all(&[answered.as_bytes(), &body].concat())
        .ok(); // one that is gone needs no answer
}

fn respond(request: &Signed<'_>, sent: Vec<u8>, held: &mut Held) -> (u16, Vec<u8>) {
    let query = request.query();
    let given = |name: &str| query.get(name).cloned().unwrap_or_default();
    let refused = |code: &str| {
        (
            403,
            format!("<Error><Code>{code}</Code></Error>").into_bytes(),
        )
    };
    let scope = format!(
        "{KEY}/{}/{REGION}/s3/aws4_request",
        &given("X-Amz-Date")[..8]
    );
    if given("X-Amz-Credential") != scope || given("X-Amz-Security-Token") != TOKEN {
        return refused("InvalidAccessKeyId");
    }
    if given("X-Amz-Signature") != request.signature(SECRET) {
        return refused("SignatureDoesNotMatch");
    }
    let path = request.path();
    let key = path.strip_prefix("/team").expect("the bucket");
    let key = key.trim_start_matches('/').to_owned();
    let is_of_upload = query.contains_key("uploadId");
    match request.method {
        "GET" if key.is_empty() => (200, list(&given("prefix"), &given("encoding-type"), held)),
        "GET" => match held.objects.get(&key) {
            Some(content) => (200, content.clone()),
            None => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        },
        "POST" if query.contains_key("uploads") => {
            let text = "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>team</Bucket><Key>-</Key><UploadId>one + only/=</UploadId>\
                </InitiateMultipartUploadResult>";
            (200, text.into())
        }
        "PUT" if is_of_upload && given("uploadId") == "one + only/=" => {
            let number = given("partNumber").parse().expect("a number");
            held.parts.insert((key, number), sent);
            (200, Vec::new())
        }
        "POST" if is_of_upload => {
            let parts = std::mem::take(&mut held.parts);
            held.joined.insert(key.clone(), parts.len());
            let whole: Vec<Vec<u8>> = parts.into_values().collect();
            held.objects.insert(key, whole.concat());
            (200, b"<CompleteMultipartUploadResult/>".to_vec())
        }
        "PUT" => {
            held.objects.insert(key, sent);
            (200, Vec::new())
        }
        "DELETE" => {
            held.objects.remove(&key);
            (204, Vec::new())
        }
        _ => (405, Vec::new()),
    }
}

fn list(prefix: &str, encoding: &str, held: &Held) -> Vec<u8> {
    let found = held.objects.keys().filter(|key| key.starts_with(prefix));
    let contents: Vec<String> = found
        .map(|key| {
            let key = if encoding == "url" {
                encoded(key, "/")
            } else {
                key.clone()
            };
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-05T08:00:00.000Z</LastModified>\
                 <ETag>\"x\"</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        })
        .collect();
    let contents = contents.concat();
    let encoding = match encoding {
        "url" => "<EncodingType>url</EncodingType>",
        _ => "",
    };
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>team</Name><Prefix></Prefix>\
         <MaxKeys>1000</MaxKeys>{encoding}<IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    )
    .into_bytes()
}
