//! Streams between a file of this machine and a command in a container.

use std::path::Path;

use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::digest::{hexadecimal, unreadable};
use super::{DataContext, DataError};
use crate::domain::ContainerId;
use crate::engine::ExecRequest;
use crate::event::LogStream;

const CHUNK: usize = 256 * 1024;
/// So much of what a command says on stderr is kept: its end tells why it failed.
const KEPT: usize = 8 * 1024;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piped {
    /// Its exit code.
    pub(super) code: i64,
    /// The last lines that it wrote to stderr.
    pub(super) words: Vec<String>,
    /// Bytes that went through.
    pub(super) bytes: u64,
    /// Their SHA-256 in hexadecimal.
    pub(super) hash: String,
}

/// Writes what a command says to a new file, which is whole once this returns well with exit code 0.
pub(super) async fn into_file(
    context: &DataContext,
    container: &ContainerId,
    request: &ExecRequest,
    path: &Path,
) -> Result<Piped, DataError> {
    let in_file = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::create(path).await.map_err(in_file)?;
    let mut session = context.engine.open_exec(container, request).await?;
    session.input.shutdown().await.ok();
    let (mut hash, mut bytes, mut words) = (Sha256::new(), 0, Vec::new());
    while let Some(piece) = session.output.next().await {
        match piece? {
            (LogStream::Stdout, piece) => {
                hash.update(&piece);
                bytes += piece.len() as u64;
                file.write_all(&piece).await.map_err(in_file)?;
            }
            (LogStream::Stderr, piece) => keep(&mut words, &piece),
        }
    }
    file.sync_all().await.map_err(in_file)?;
    Ok(Piped {
        code: session.exit.await?,
        words: lines(&words),
        bytes,
        hash: hexadecimal(&hash.finalize()),
    })
}

/// Gives a command a file to read.
pub(super) async fn from_file(
    context: &DataContext,
    container: &ContainerId,
    request: &ExecRequest,
    path: &Path,
) -> Result<Piped, DataError> {
    let in_file = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).await.map_err(in_file)?;
    let session = context.engine.open_exec(container, request).await?;
    let (mut input, mut output) = (session.input, session.output);
    let feed = async move {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = file.read(&mut chunk).await?;
            if count == 0 {
                break;
            }
            hash.update(&chunk[..count]);
            bytes += count as u64;
            // A command that has seen enough closes its end; its exit code tells whether that was well.
            if input.write_all(&chunk[..count]).await.is_err() {
                break;
            }
        }
        input.flush().await.ok();
        input.shutdown().await.ok();
        // Kept open until the command has ended: where the engine's door is a single stream, closing it would end both ways.
        Ok::<_, std::io::Error>((input, bytes, hexadecimal(&hash.finalize())))
    };
    let listen = async {
        let mut words = Vec::new();
        while let Some(piece) = output.next().await {
            if let (LogStream::Stderr, piece) = piece? {
                keep(&mut words, &piece);
            }
        }
        Ok::<_, DataError>(words)
    };
    let (sent, heard) = tokio::join!(feed, listen);
    let (_input, bytes, hash) = sent.map_err(in_file)?;
    Ok(Piped {
        words: lines(&heard?),
        code: session.exit.await?,
        bytes,
        hash,
    })
}

fn keep(words: &mut Vec<u8>, piece: &[u8]) {
    words.extend_from_slice(piece);
    let surplus = words.len().saturating_sub(KEPT);
    words.drain(..surplus);
}

fn lines(words: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(words)
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}
