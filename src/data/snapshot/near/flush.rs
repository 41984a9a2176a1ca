//! What was written goes to the disk while more is being written.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Two keep a disk busy: one waits for its word while the other's bytes are on their way.
const THREADS: usize = 2;
/// Files that wait; one more is left to the [`Root::sync`](super::root::Root::sync) at the end.
const WAITING: usize = 64;

/// Threads that bring files to the disk.
#[derive(Debug)]
pub(super) struct Flush(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    files: SyncSender<File>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Flush {
    pub fn begin() -> Self {
        let (files, taken) = sync_channel(WAITING);
        let taken = Arc::new(Mutex::new(taken));
        let threads = (0..THREADS).map(|_| {
            let taken = Arc::clone(&taken);
            thread::spawn(move || flush(&taken))
        });
        let threads = threads.collect();
        Self(Mutex::new(Some(Running { files, threads })))
    }

    /// Brings what was written to `file` so far to the disk, at some time.
    pub fn soon(&self, file: &File) {
        let running = self.0.lock().expect("nobody panics with it");
        if let (Some(running), Ok(file)) = (&*running, file.try_clone()) {
            running.files.try_send(file).ok();
        }
    }

    /// Waits until all that was asked for is done.
    pub fn finish(&self) -> io::Result<()> {
        let running = self.0.lock().expect("nobody panics with it").take();
        let Some(Running { files, threads }) = running else {
            return Ok(());
        };
        drop(files);
        let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
        ended
            .into_iter()
            .try_for_each(|ended| ended.expect("flushing doesn't panic"))
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.finish().ok(); // who drops it has no more use of the files
    }
}

fn flush(files: &Mutex<Receiver<File>>) -> io::Result<()> {
    let next = || files.lock().expect("nobody panics with it").recv();
    while let Ok(file) = next() {
        file.sync_data()?;
    }
    Ok(())
}
