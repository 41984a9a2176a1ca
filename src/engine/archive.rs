//! A tar that is made while it is sent.

use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// How much is sent at once, and how many pieces may wait.
const PIECE: usize = 256 * 1024;
const WAITING: usize = 8;

/// The archive that `write` fills, in a thread of its own.
pub type Archive = tar::Builder<BufWriter<Pieces>>;

/// Sends what `write` puts into an archive; where it fails, the stream ends with its error.
pub fn send_tar(
    write: impl FnOnce(&mut Archive) -> io::Result<()> + Send + 'static,
) -> BoxStream<'static, io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let failed = sender.clone();
        let mut archive = tar::Builder::new(BufWriter::with_capacity(PIECE, Pieces(sender)));
        let written = write(&mut archive).and_then(|()| archive.into_inner()?.flush());
        if let Err(error) = written {
            drop(failed.blocking_send(Err(error)));
        }
    });
    ReceiverStream::new(receiver).boxed()
}

/// Writes to the reader at the other end, and waits where it is slower.
#[derive(Debug)]
pub struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
