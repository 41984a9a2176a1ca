//! One file's bytes carried into another, and hashed as they go by.
//!
//! Those of a large file are read and hashed by one thread while another one writes them: the cores and the disk are busy
//! together.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use blake3::{Hash, Hasher};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::flush::Flush;
use crate::data::snapshot::fingerprint::FILE;

/// So much is read, hashed and written at a time.
const PIECE: usize = 1024 * 1024;
/// What goes past the system's cache begins and ends at multiples of it, in the file and in memory.
const BLOCK: usize = 4096;
/// Pieces of a large file on their way: one is read, one waits, one is written.
const PIECES: usize = 3;
/// So much is brought to the disk at a time, of what goes through the cache.
const STRETCH: u64 = 32 * 1024 * 1024;
/// From here on a file is large.
pub(super) const LARGE: u64 = 1024 * 1024;

/// Whether what is nothing but zeros is written, or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holes {
    Fill,
    Stay,
}

/// By which way a large file's bytes go to the disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Road<'a> {
    /// At once: they fill no memory, and whoever reads them first waits for the disk.
    PastCache,
    /// By the system's cache, where they stay for who reads them soon; they are brought to the disk meanwhile.
    ThroughCache(&'a Flush),
}

/// What went by of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Passed {
    pub bytes: u64,
    pub hash: Hash,
}

/// Carries one file after the other.
pub(super) struct Carrier<'a> {
    road: Road<'a>,
    pieces: Vec<Piece>,
    stop: &'a AtomicBool,
}

impl<'a> Carrier<'a> {
    /// One that fails where it sees `stop` set.
    pub fn new(road: Road<'a>, stop: &'a AtomicBool) -> Self {
        let pieces = Vec::new();
        Self { road, pieces, stop }
    }

    /// Reads all of a file that nothing needs to be written of.
    pub fn read(&mut self, from: &File) -> io::Result<Passed> {
        let mut reading = Reading::of(from, self.stop);
        let mut piece = self.piece();
        while !reading.reads_last(&mut piece)? {}
        self.pieces.push(piece);
        Ok(reading.passed())
    }

    /// Writes all of `from`, which is about this `long`, into the empty file `to`.
    pub fn carry(&mut self, from: &File, to: &File, holes: Holes, long: u64) -> io::Result<Passed> {
        let mut reading = Reading::of(from, self.stop);
        let mut writing = Writing::of(to, holes, self.road);
        if long >= LARGE {
            if let Road::PastCache = self.road {
                past_cache(to, true).ok(); // not every filesystem can
            }
            self.carry_ahead(reading, writing)
        } else {
            let mut piece = self.piece();
            loop {
                let is_last = reading.reads_last(&mut piece)?;
                writing.write(&piece)?;
                if is_last {
                    break;
                }
            }
            self.pieces.push(piece);
            writing.end()?;
            Ok(reading.passed())
        }
    }

    /// Reads ahead of what is written.
    fn carry_ahead(
        &mut self,
        reading: Reading<'_>,
        mut writing: Writing<'_>,
    ) -> io::Result<Passed> {
        let (full, filled) = channel();
        let (free, freed) = channel();
        for _ in 0..PIECES {
            free.send(self.piece()).expect("its other end is here");
        }
        let (passed, freed) = thread::scope(|scope| {
            let reader = scope.spawn(move || (read_ahead(reading, &freed, &full), freed));
            let written = filled.iter().try_for_each(|piece| {
                writing.write(&piece)?;
                free.send(piece).ok(); // the last one is read already
                Ok::<(), io::Error>(())
            });
            drop((free, filled)); // where writing failed, reading ends by this
            let (passed, freed) = reader.join().expect("reading doesn't panic");
            written.and(passed).map(|passed| (passed, freed))
        })?;
        self.pieces.extend(freed.try_iter());
        writing.end()?;
        Ok(passed)
    }

    fn piece(&mut self) -> Piece {
        self.pieces.pop().unwrap_or_else(Piece::new)
    }
}

/// Fills pieces that are free, until the file is over or nobody takes them any more.
fn read_ahead(
    mut reading: Reading<'_>,
    freed: &Receiver<Piece>,
    full: &Sender<Piece>,
) -> io::Result<Passed> {
    for mut piece in freed {
        let is_last = reading.reads_last(&mut piece)?;
        if full.send(piece).is_err() || is_last {
            break;
        }
    }
    Ok(reading.passed())
}

/// A room that begins at a multiple of [`BLOCK`], and what of it is filled.
struct Piece {
    room: Vec<u8>,
    start: usize,
    count: usize,
}

impl Piece {
    fn new() -> Self {
        let room = vec![0; PIECE + BLOCK];
        let start = room.as_ptr().align_offset(BLOCK).min(BLOCK);
        Self {
            room,
            start,
            count: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[self.start..self.start + self.count]
    }

    /// Reads until it is full or the file is over.
    fn fill(&mut self, mut from: &File) -> io::Result<()> {
        self.count = 0;
        while self.count < PIECE {
            let room = self.start + self.count..self.start + PIECE;
            match from.read(&mut self.room[room]) {
                Ok(0) => break,
                Ok(read) => self.count += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A file that is read and hashed.
struct Reading<'a> {
    from: &'a File,
    stop: &'a AtomicBool,
    hash: Hasher,
    bytes: u64,
}

impl<'a> Reading<'a> {
    fn of(from: &'a File, stop: &'a AtomicBool) -> Self {
        let mut hash = Hasher::new();
        hash.update(FILE);
        Self {
            from,
            stop,
            hash,
            bytes: 0,
        }
    }

    /// Reads the next piece, and says whether it is the last one.
    fn reads_last(&mut self, piece: &mut Piece) -> io::Result<bool> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        piece.fill(self.from)?;
        self.hash.update(piece.bytes());
        self.bytes += piece.count as u64;
        Ok(piece.count < PIECE)
    }

    fn passed(&self) -> Passed {
        Passed {
            bytes: self.bytes,
            hash: self.hash.finalize(),
        }
    }
}

/// A file that is written from its beginning to its end.
struct Writing<'a> {
    to: &'a File,
    holes: Holes,
    road: Road<'a>,
    place: u64,
}

impl<'a> Writing<'a> {
    fn of(to: &'a File, holes: Holes, road: Road<'a>) -> Self {
        Self {
            to,
            holes,
            road,
            place: 0,
        }
    }

    fn write(&mut self, piece: &Piece) -> io::Result<()> {
        let bytes = piece.bytes();
        if self.holes == Holes::Fill || bytes.iter().any(|byte| *byte != 0) {
            if !bytes.len().is_multiple_of(BLOCK) {
                past_cache(self.to, false)?;
            }
            write(self.to, bytes, self.place)?;
        }
        self.place += bytes.len() as u64;
        if let Road::ThroughCache(flush) = self.road
            && self.place.is_multiple_of(STRETCH)
        {
            flush.soon(self.to);
        }
        Ok(())
    }

    fn end(&self) -> io::Result<()> {
        match self.holes {
            Holes::Fill => Ok(()),
            Holes::Stay => self.to.set_len(self.place),
        }
    }
}

/// Writes at `place`, through the system's cache where the filesystem wants larger blocks than these past it.
fn write(to: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    match to.write_all_at(bytes, place) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            past_cache(to, false)?;
            to.write_all_at(bytes, place)
        }
        written => written,
    }
}

/// Whether what is written to a file from now on goes to the disk at once, and not through the system's cache.
fn past_cache(file: &File, is_past: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, is_past);
    Ok(fcntl_setfl(file, flags)?)
}
