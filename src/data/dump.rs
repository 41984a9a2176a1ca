//! The kinds of dump that can be restored, told by their first bytes.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use super::DataError;
use super::digest::unreadable;

/// What a dump is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dump {
    /// `pg_dump --format=custom`.
    Custom,
    /// SQL text.
    Plain,
    /// SQL text through gzip.
    Gzip,
}

/// `pg_dump` writes this as a text's last words, so a text without it was cut short.
const LAST_WORDS: &str = "PostgreSQL database dump complete";
const FIRST_WORDS: &str = "-- PostgreSQL database dump";
/// What zstd packed begins so.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const CHUNK: usize = 256 * 1024;
/// So much of a file's begin and end is looked at.
const LOOKED_AT: usize = 4096;

impl Dump {
    /// Tells what `path` is.
    ///
    /// # Errors
    /// Where it is no dump, or one that was cut short.
    pub(super) fn of(path: &Path) -> Result<Self, DataError> {
        let refused = |reason: &str| DataError::Input {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let (head, tail) = ends(path).map_err(|error| unreadable(path, &error))?;
        match head.as_slice() {
            [] => Err(refused("it is empty")),
            [b'P', b'G', b'D', b'M', b'P', ..] => Ok(Self::Custom),
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            text if text.contains(&0) => Err(refused("it is neither a dump of postgres nor SQL")),
            text => {
                let is_cut = contains(text, FIRST_WORDS) && !contains(&tail, LAST_WORDS);
                if is_cut {
                    return Err(refused("it was cut short: the dump's last line is missing"));
                }
                Ok(Self::Plain)
            }
        }
    }

    /// The shell's text that restores it from stdin into `$PGDATABASE`, whole or not at all.
    pub(super) fn restore_script(self) -> String {
        // A text may name its own database, and must not leave the one that it was given.
        let here = r"sed -e '/^\\connect /d' -e '/^\\c /d' -e '/^CREATE DATABASE .*;$/d' -e '/^DROP DATABASE .*;$/d'";
        let psql = "psql -X -q -o /dev/null -v ON_ERROR_STOP=1 --single-transaction";
        match self {
            Self::Custom => {
                "pg_restore --exit-on-error --no-owner --single-transaction -d \"$PGDATABASE\""
                    .to_owned()
            }
            Self::Plain => format!("{here} | {psql}"),
            // Where the packing is broken, what is said in its place is no SQL, so that nothing is kept.
            Self::Gzip => {
                format!("(gzip -dc || echo 'the packed file is broken;') | {here} | {psql}")
            }
        }
    }
}

/// The major version that a text says it was dumped from.
pub(super) fn major_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Dumped from database version")?;
    let digits = rest.trim_start_matches([' ', ':']);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

fn contains(bytes: &[u8], words: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(words)
}

/// Opens a file; one that zstd packed gives what is in it.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::with_capacity(CHUNK, File::open(path)?);
    if file.fill_buf()?.starts_with(&ZSTD) {
        return Ok(Box::new(zstd::Decoder::with_buffer(file)?));
    }
    Ok(Box::new(file))
}

/// The first and the last bytes of what a file holds.
fn ends(path: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = open(path)?;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    file.by_ref()
        .take(LOOKED_AT as u64)
        .read_to_end(&mut head)?;
    if head.contains(&0) {
        return Ok((head, tail)); // no text: its end tells nothing
    }
    tail.clone_from(&head);
    let mut piece = vec![0; CHUNK];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok((head, tail));
        }
        tail.extend_from_slice(&piece[..count]);
        tail.drain(..tail.len().saturating_sub(LOOKED_AT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> Result<Dump, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Dump::of(file.path())
            .map_err(|error| error.to_string().split_once(": ").unwrap().1.to_owned())
    }

    #[test]
    fn a_dump_is_known_by_its_first_bytes() {
        assert_eq!(kind(b"PGDMP\x01\x0e"), Ok(Dump::Custom));
        assert_eq!(kind(b"\x1f\x8b\x08"), Ok(Dump::Gzip));
        assert_eq!(kind(b"CREATE TABLE t ();"), Ok(Dump::Plain));
        assert_eq!(
            kind(b"\x89PNG\0"),
            Err("it is neither a dump of postgres nor SQL".to_owned())
        );
        assert_eq!(kind(b""), Err("it is empty".to_owned()));
    }

    #[test]
    fn a_text_that_was_cut_short_is_refused() {
        let whole = "--\n-- PostgreSQL database dump\n--\nSELECT 1;\n-- PostgreSQL database dump complete\n";
        assert_eq!(kind(whole.as_bytes()), Ok(Dump::Plain));
        assert_eq!(
            kind(&whole.as_bytes()[..50]),
            Err("it was cut short: the dump's last line is missing".to_owned())
        );
    }

    #[test]
    fn the_version_is_read_from_the_first_lines() {
        let text =
            "-- Dumped from database version 15.18 (Debian)\n-- Dumped by pg_dump version 16";
        assert_eq!(major_version(text), Some(15));
        assert_eq!(
            major_version(";     Dumped from database version: 17beta1"),
            Some(17)
        );
        assert_eq!(major_version("SELECT 1"), None);
    }
}
