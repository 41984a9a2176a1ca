//! A volume's tar on its way to a file and back: through zstd, and hashed as it goes by.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;

use super::draft::private;
use crate::data::DataError;
use crate::data::digest::{Hashing, unreadable};

/// The quickest level that still packs: a database shrinks to a quarter at the speed of a disk.
const LEVEL: i32 = 1;
const PIECE: usize = 256 * 1024;
/// Pieces on their way from one side to the other.
const AHEAD: usize = 16;
/// A whole tar ends in two empty blocks.
const END: usize = 1024;

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::data) struct Packed {
    /// Bytes of the tar.
    pub bytes: u64,
    /// Bytes of the file.
    pub stored: u64,
    /// The file's SHA-256.
    pub sha256: String,
}

/// How a volume's file is called in a snapshot.
pub(super) fn packed_name(key: &str) -> String {
    format!("{key}.tar.zst")
}

/// Writes a tar to a new file, packed; it is on the disk once this returns.
pub(in crate::data) async fn pack<E: Into<DataError>>(
    mut tar: BoxStream<'static, Result<Bytes, E>>,
    path: &Path,
) -> Result<Packed, DataError> {
    let (pieces, taken) = mpsc::channel(AHEAD);
    let target = path.to_owned();
    let packing = spawn_blocking(move || write(taken, &target));
    let mut cut = None;
    while let Some(piece) = tar.next().await {
        match piece {
            Ok(piece) => {
                if pieces.send(piece).await.is_err() {
                    break; // the writer has failed, and says why
                }
            }
            Err(error) => {
                cut = Some(error);
                break;
            }
        }
    }
    drop(pieces);
    let packed = packing.await.expect("packing doesn't panic");
    match cut {
        Some(error) => Err(error.into()),
        None => packed.map_err(|error| unreadable(path, &error)),
    }
}

fn write(mut pieces: mpsc::Receiver<Bytes>, path: &Path) -> io::Result<Packed> {
    let mut packer = zstd::Encoder::new(Hashing::new(private(path)?), LEVEL)?;
    let (mut bytes, mut end) = (0, Vec::new());
    while let Some(piece) = pieces.blocking_recv() {
        bytes += piece.len() as u64;
        end.extend_from_slice(&piece[piece.len().saturating_sub(END)..]);
        end.drain(..end.len().saturating_sub(END));
        packer.write_all(&piece)?;
    }
    if end.len() < END || end.iter().any(|byte| *byte != 0) {
        return Err(io::Error::other("a part of it came only"));
    }
    let hashing = packer.finish()?;
    hashing.inner.sync_all()?;
    Ok(Packed {
        bytes,
        stored: hashing.count,
        sha256: hashing.finish(),
    })
}

/// The tar that was packed into a file.
pub(in crate::data) fn unpack(path: PathBuf) -> BoxStream<'static, io::Result<Bytes>> {
    let (pieces, taken) = mpsc::channel(AHEAD);
    spawn_blocking(move || {
        let read = read(&path, &pieces);
        if let Err(error) = read {
            // Where nobody listens any more, nobody needs to hear of it.
            pieces.blocking_send(Err(error)).ok();
        }
    });
    ReceiverStream::new(taken).boxed()
}

fn read(path: &Path, pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut unpacker =
        zstd::Decoder::with_buffer(BufReader::with_capacity(PIECE, File::open(path)?))?;
    loop {
        let mut piece = vec![0; PIECE];
        let count = unpacker.read(&mut piece)?;
        piece.truncate(count);
        if count == 0 || pieces.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::data::digest::hash;

    fn tar(pieces: Vec<Vec<u8>>) -> BoxStream<'static, Result<Bytes, DataError>> {
        stream::iter(pieces.into_iter().map(|piece| Ok(piece.into()))).boxed()
    }

    #[tokio::test]
    async fn what_is_packed_is_unpacked_and_hashed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data.tar.zst");
        let content = vec![7; 3 * PIECE];

        let packed = pack(tar(vec![content.clone(), vec![0; END]]), &path)
            .await
            .unwrap();

        let back: Vec<Bytes> = unpack(path.clone()).map(Result::unwrap).collect().await;
        assert_eq!(back.concat(), [content, vec![0; END]].concat());
        assert_eq!(packed.bytes, (3 * PIECE + END) as u64);
        assert_eq!(hash(&path).await.unwrap(), (packed.stored, packed.sha256));
    }

    #[tokio::test]
    async fn a_tar_without_its_end_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data.tar.zst");

        let error = pack(tar(vec![vec![7; 5000]]), &path).await.unwrap_err();

        assert!(
            error.to_string().ends_with("a part of it came only"),
            "{error}"
        );
    }
}
