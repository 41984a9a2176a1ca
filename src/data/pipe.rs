//! Streams between a file of this machine and a command in a container.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::digest::{Hashing, unreadable};
use super::dump::open;
use super::{DataContext, DataError};
use crate::domain::{ContainerId, Packing};
use crate::engine::ExecRequest;
use crate::event::LogStream;

const CHUNK: usize = 256 * 1024;
/// Pieces on their way from one side to the other.
const AHEAD: usize = 16;
/// So much of what a command says on stderr is kept: its end tells why it failed.
const KEPT: usize = 8 * 1024;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piped {
    /// Its exit code.
    pub(super) code: i64,
    /// The last lines that it wrote to stderr.
    pub(super) words: Vec<String>,
    /// Bytes of the file that was written, or that a dump holds.
    pub(super) bytes: u64,
    /// The SHA-256 of the file that was written, in hexadecimal.
    pub(super) hash: String,
}

/// Writes what a command says to a new file, packed, which is whole once this returns well with exit code 0.
pub(super) async fn into_file(
    context: &DataContext,
    container: &ContainerId,
    request: &ExecRequest,
    path: &Path,
    packing: Packing,
) -> Result<Piped, DataError> {
    let mut session = context.engine.open_exec(container, request).await?;
    session.input.shutdown().await.ok();
    let (pieces, taken) = mpsc::channel(AHEAD);
    let target = path.to_owned();
    let writing = spawn_blocking(move || write(taken, &target, packing));
    let mut words = Vec::new();
    while let Some(piece) = session.output.next().await {
        match piece? {
            (LogStream::Stdout, piece) => {
                if pieces.send(piece).await.is_err() {
                    break; // the writer has failed, and says why
                }
            }
            (LogStream::Stderr, piece) => keep(&mut words, &piece),
        }
    }
    drop(pieces);
    let written = writing.await.expect("writing doesn't panic");
    let (bytes, hash) = written.map_err(|error| unreadable(path, &error))?;
    Ok(Piped {
        code: session.exit.await?,
        words: lines(&words),
        bytes,
        hash,
    })
}

/// The file's size and SHA-256.
fn write(
    mut pieces: mpsc::Receiver<Bytes>,
    path: &Path,
    packing: Packing,
) -> io::Result<(u64, String)> {
    let mut file = Hashing::new(File::create(path)?);
    let file = match packing {
        Packing::None => {
            fill(&mut pieces, &mut file)?;
            file
        }
        Packing::Gzip => {
            let mut packer = GzEncoder::new(file, Compression::default());
            fill(&mut pieces, &mut packer)?;
            packer.finish()?
        }
        Packing::Zstd => {
            let mut packer = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            fill(&mut pieces, &mut packer)?;
            packer.finish()?
        }
    };
    file.inner.sync_all()?;
    Ok((file.count, file.finish()))
}

fn fill(pieces: &mut mpsc::Receiver<Bytes>, into: &mut impl Write) -> io::Result<()> {
    while let Some(piece) = pieces.blocking_recv() {
        into.write_all(&piece)?;
    }
    Ok(())
}

/// Gives a command what a dump holds.
pub(super) async fn from_file(
    context: &DataContext,
    container: &ContainerId,
    request: &ExecRequest,
    path: &Path,
) -> Result<Piped, DataError> {
    let session = context.engine.open_exec(container, request).await?;
    let (mut input, mut output) = (session.input, session.output);
    let (pieces, mut taken) = mpsc::channel::<Bytes>(AHEAD);
    let source = path.to_owned();
    let reading = spawn_blocking(move || read(&source, &pieces));
    let feed = async move {
        while let Some(piece) = taken.recv().await {
            // A command that has seen enough closes its end; its exit code tells whether that was well.
            if input.write_all(&piece).await.is_err() {
                break;
            }
        }
        input.flush().await.ok();
        input.shutdown().await.ok();
        // Kept open until the command has ended: where the engine's door is a single stream, closing it would end both ways.
        input
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
    let (_input, heard) = tokio::join!(feed, listen);
    let bytes = reading.await.expect("reading doesn't panic");
    Ok(Piped {
        words: lines(&heard?),
        code: session.exit.await?,
        bytes: bytes.map_err(|error| unreadable(path, &error))?,
        hash: String::new(),
    })
}

/// Hands on what a dump holds, and says how much it was.
fn read(path: &Path, pieces: &mpsc::Sender<Bytes>) -> io::Result<u64> {
    let mut file = open(path)?;
    let mut bytes = 0;
    loop {
        let mut piece = vec![0; CHUNK];
        let count = file.read(&mut piece)?;
        piece.truncate(count);
        bytes += count as u64;
        if count == 0 || pieces.blocking_send(piece.into()).is_err() {
            return Ok(bytes);
        }
    }
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
