//! A registry on loopback that misbehaves when told to: Debian's `docker-registry`, behind a proxy that spoils answers.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// `dev` with the password `opensesame`, as `htpasswd -B` writes it.
const LOGIN: &str = "dev:$2y$05$VZZfiQ6m0Kan6xu5QfMlF.85n6FvaxBWlRsM6N.mDR.wNlmUq3dQC\n";

/// How a registry misbehaves.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Not at all.
    None,
    /// The first requests for a manifest are refused with this status, and a Retry-After of 1 s.
    Refuses { status: u16, requests: u32 },
    /// Connections are taken and never answered.
    Hangs,
    /// The first blob is cut off after some bytes.
    CutsBlob,
}

/// Who may pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// `dev`, with the password `opensesame`.
    Login,
}

/// A registry and its spoiling proxy; both end when it is dropped.
pub struct Registry {
    process: Child,
    _storage: tempfile::TempDir,
    /// The registry itself, as `127.0.0.1:PORT`.
    pub host: String,
    /// The spoiling proxy before it.
    pub spoilt: String,
}

impl Registry {
    /// Starts one.
    ///
    /// # Panics
    /// Where `docker-registry` isn't installed.
    pub async fn start(access: Access, fault: Fault) -> Self {
        let storage = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let host = format!("127.0.0.1:{port}");
        let htpasswd = storage.path().join("htpasswd");
        fs::write(&htpasswd, LOGIN).expect("written");
        let auth = match access {
            Access::Open => String::new(),
            Access::Login => format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                htpasswd.display()
            ),
        };
        let config = storage.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {host}\n{auth}",
            storage.path().display()
        );
        fs::write(&config, text).expect("written");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a registry; hint: apt-get install docker-registry");
        let registry = Self {
            process,
            _storage: storage,
            spoilt: spoil(&host, fault).await,
            host,
        };
        registry.wait().await;
        registry
    }

    async fn wait(&self) {
        let listening = async {
            while TcpStream::connect(&self.host).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listening)
            .await
            .expect("the registry listens");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// A proxy before `host` with `fault`; its address.
async fn spoil(host: &str, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let (host, faults) = (host.to_owned(), Arc::new(AtomicU32::new(0)));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, host.clone(), fault, Arc::clone(&faults)));
        }
    });
    address
}

/// Serves one request, or spoils it.
async fn serve(mut client: TcpStream, host: String, fault: Fault, faults: Arc<AtomicU32>) {
    let Some(head) = read_head(&mut client).await else {
        return;
    };
    let is_about = |what: &str| head.lines().next().is_some_and(|line| line.contains(what));
    match fault {
        Fault::Hangs => return std::future::pending().await,
        Fault::Refuses { status, requests }
            if is_about("/manifests/") && faults.fetch_add(1, Ordering::SeqCst) < requests =>
        {
            let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
            let answer = format!(
                "HTTP/1.1 {status} Refused\r\nRetry-After: 1\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(client.write_all(answer.as_bytes()).await);
            return;
        }
        _ => {}
    }
    let Ok(mut upstream) = TcpStream::connect(&host).await else {
        return;
    };
    // One request a connection: what is asked next comes by another, and may be spoilt anew.
    let closing = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    if upstream.write_all(closing.as_bytes()).await.is_err() {
        return;
    }
    let cuts = matches!(fault, Fault::CutsBlob)
        && head.starts_with("GET")
        && is_about("/blobs/")
        && faults.fetch_add(1, Ordering::SeqCst) == 0;
    if cuts {
        let mut beginning = vec![0; 2000];
        let length = upstream.read(&mut beginning).await.unwrap_or_default();
        drop(client.write_all(&beginning[..length]).await);
    } else {
        drop(tokio::io::copy_bidirectional(&mut client, &mut upstream).await);
    }
}

async fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
        // The engine tries TLS first, even on loopback: a hello that is no text is hung up on.
        if !head[0].is_ascii_alphabetic() {
            return None;
        }
    }
    String::from_utf8(head).ok()
}
