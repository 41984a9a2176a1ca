//! A proxy on the engine's socket that puts faults in: it refuses, hangs, dawdles, breaks off, garbles, or tells other facts.

#![allow(dead_code, reason = "every test binary takes the part that it needs")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jobsprint_dev::engine::Surroundings;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// What it does to an answer.
#[derive(Clone)]
pub enum Fault {
    /// Nothing.
    None,
    /// It never answers.
    Hang,
    /// It answers after this.
    Slow(Duration),
    /// It cuts the answer off within its head.
    CutHead,
    /// It cuts the answer off after the first byte of its body.
    CutBody,
    /// It answers with half a JSON document.
    Garble,
    /// It answers with a page for people, as a proxy of the office does.
    Babble,
    /// It answers with status 500.
    Refuse,
    /// It refuses calls of this method whose path or query holds this, with this status and message.
    RefuseCalls {
        /// `DELETE`.
        method: &'static str,
        /// `/networks/`.
        path: &'static str,
        /// `403 Forbidden`.
        status: &'static str,
        /// The engine's words.
        message: &'static str,
    },
    /// It goes away after so many calls: cuts all that is under way, listens nowhere, and is back after a while.
    Restart {
        /// The calls that it still answers.
        after: usize,
        /// How long it is away.
        away: Duration,
    },
    /// It changes the JSON document of calls whose path ends so.
    Rewrite(&'static str, Arc<dyn Fn(&mut Value) + Send + Sync>),
}

/// Which calls are touched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// All.
    All,
    /// All but the first question, by which a client makes its acquaintance.
    AfterVersion,
    /// Only those whose answer comes bit by bit: logs, events, commands, files.
    Streams,
}

/// A running proxy; it ends when dropped.
pub struct Proxy {
    directory: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of this machine's engine.
    pub fn start(fault: Fault, calls: Calls) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("bound");
        let task = tokio::spawn(listen(listener, socket, fault, calls));
        Self { directory, task }
    }

    /// One that tells other facts: `change` alters the document of calls whose path ends in `path`.
    pub fn telling(
        path: &'static str,
        change: impl Fn(&mut Value) + Send + Sync + 'static,
    ) -> Self {
        Self::start(Fault::Rewrite(path, Arc::new(change)), Calls::All)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    /// Its address, for `DOCKER_HOST`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves each connection; one that is to restart drops them all once, and its socket with them.
async fn listen(mut listener: UnixListener, socket: PathBuf, fault: Fault, calls: Calls) {
    let mut under_way = JoinSet::new();
    let mut left = match fault {
        Fault::Restart { after, .. } => after,
        _ => usize::MAX,
    };
    while let Ok((client, _)) = listener.accept().await {
        if let (0, Fault::Restart { away, .. }) = (left, &fault) {
            under_way.shutdown().await;
            drop((client, listener));
            std::fs::remove_file(&socket).ok();
            tokio::time::sleep(*away).await;
            listener = UnixListener::bind(&socket).expect("bound again");
            left = usize::MAX;
            continue;
        }
        left = left.saturating_sub(1);
        under_way.spawn(serve(client, fault.clone(), calls));
    }
}

/// Whether the answer to this path comes bit by bit.
fn is_stream(path: &str) -> bool {
    let ends = [
        "/logs", "/events", "/start", "/attach", "/archive", "/build", "/create", "/stats",
    ];
    let is_object = path.ends_with("/containers/create")
        || path.contains("/networks/")
        || path.contains("/volumes/");
    let is_container = path.contains("/containers/") && path.ends_with("/start");
    ends.iter().any(|end| path.ends_with(end)) && !is_object && !is_container
}

/// The socket that this machine's engine listens on.
fn upstream() -> PathBuf {
    let host = Surroundings::of_this_process().docker_host;
    let path = host
        .as_deref()
        .and_then(|host| host.strip_prefix("unix://"));
    PathBuf::from(path.unwrap_or("/var/run/docker.sock"))
}

/// One request a connection: the client is told to close, so that no call slips by unseen.
async fn serve(mut client: UnixStream, fault: Fault, calls: Calls) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 4096];
        let count = client.read(&mut bytes).await.ok()?;
        if count == 0 {
            return None;
        }
        head.extend_from_slice(&bytes[..count]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let asked = text.split(' ').nth(1)?;
    let path = asked.split('?').next()?.to_owned();
    let spared = match calls {
        Calls::All => false,
        Calls::AfterVersion => path.ends_with("/version"),
        Calls::Streams => !is_stream(&path),
    };
    let fault = if spared { Fault::None } else { fault };
    match &fault {
        Fault::Hang => std::future::pending::<()>().await,
        Fault::Slow(time) => tokio::time::sleep(*time).await,
        Fault::Garble => return say(&mut client, "200 OK", "{\"Id\": [").await,
        Fault::Babble => {
            let page = "<html><body>Please log in to the network.</body></html>";
            return say(&mut client, "200 OK", page).await;
        }
        Fault::Refuse => {
            let message = "{\"message\":\"something broke inside the engine\"}";
            return say(&mut client, "500 Internal Server Error", message).await;
        }
        Fault::RefuseCalls {
            method,
            path: part,
            status,
            message,
        } if text.starts_with(method) && asked.contains(part) => {
            let message = serde_json::json!({ "message": message }).to_string();
            return say(&mut client, status, &message).await;
        }
        Fault::None
        | Fault::RefuseCalls { .. }
        | Fault::CutHead
        | Fault::CutBody
        | Fault::Restart { .. }
        | Fault::Rewrite(..) => {}
    }
    let mut engine = UnixStream::connect(upstream()).await.ok()?;
    let is_upgrade = text.to_lowercase().contains("upgrade:");
    if is_upgrade {
        engine.write_all(&head).await.ok()?;
    } else {
        let line_end = head.windows(2).position(|end| end == b"\r\n")? + 2;
        engine.write_all(&head[..line_end]).await.ok()?;
        engine.write_all(b"Connection: close\r\n").await.ok()?;
        engine.write_all(&head[line_end..]).await.ok()?;
    }
    match &fault {
        Fault::Rewrite(end, change) if path.ends_with(*end) => {
            let mut answer = Vec::new();
            engine.read_to_end(&mut answer).await.ok()?;
            let mut document = serde_json::from_slice(&body(&answer)?).ok()?;
            change(&mut document);
            say(&mut client, "200 OK", &document.to_string()).await
        }
        Fault::CutHead | Fault::CutBody => {
            // The request's body, if it has one, is on its way meanwhile.
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_engine, mut to_engine) = engine.into_split();
            let sending = tokio::spawn(async move {
                tokio::io::copy(&mut from_client, &mut to_engine).await.ok();
            });
            let (mut answer, mut passed) = (Vec::new(), 0);
            loop {
                let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
                let (until, is_over) = match (&fault, head.map(|at| at + 4)) {
                    (Fault::CutBody, Some(at)) if answer.len() > at => (at + 1, true),
                    // A command that reads says nothing before it has got something, and it gets nothing before this.
                    (Fault::CutBody, Some(at)) => (at, false),
                    (Fault::CutHead, _) if answer.len() >= 40 => (40, true),
                    _ => (0, false),
                };
                if until > passed {
                    to_client.write_all(&answer[passed..until]).await.ok()?;
                    passed = until;
                }
                if is_over || from_engine.read_buf(&mut answer).await.ok()? == 0 {
                    break;
                }
            }
            sending.abort();
            Some(())
        }
        _ => copy_bidirectional(&mut client, &mut engine)
            .await
            .ok()
            .map(drop),
    }
}

async fn say(client: &mut UnixStream, status: &str, body: &str) -> Option<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nApi-Version: 1.41\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await.ok()?;
    client.shutdown().await.ok()
}

/// The body of a whole answer, its chunks joined.
fn body(answer: &[u8]) -> Option<Vec<u8>> {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let (head, mut rest) = answer.split_at(end);
    let is_chunked = String::from_utf8_lossy(head)
        .to_lowercase()
        .contains("chunked");
    if !is_chunked {
        return Some(rest.to_vec());
    }
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|end| end == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 2 + size + 2..)?;
    }
}
