//! The disk, as the Compose room reads it.

use std::io::{self, Read};
use std::path::Path;

use crate::composefile::FileReader;

/// Reads the real files; `-` is standard input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileReader for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        let bytes = std::fs::read(path)?;
        String::from_utf8(bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }
}
