//! A small file beside data: written whole or not at all, for the owner alone, and read with words on what is wrong with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::DataError;
use super::digest::unreadable;

/// Writes `text` to `path`. At every moment the file is the old one or the new one, whole.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<(), DataError> {
    let fresh = path.with_extension("fresh");
    let directory = path.parent().unwrap_or(Path::new("/"));
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&fresh, path))
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|error| unreadable(path, &error))
}

/// The text of `path`, or a phrase that says why there is none; `None` where there is no file.
pub(super) fn read_whole(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Reading a pipe would wait for ever.
        Ok(found) if !found.is_file() => return Err("it is no file".to_owned()),
        Ok(found) if found.len() == 0 => return Err("it is empty".to_owned()),
        _ => {}
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err("it is no text".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_whatever_else_lies_there_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("one.json");
        assert_eq!(read_whole(&path), Ok(None));

        write_whole(&path, "{}").unwrap();
        assert_eq!(read_whole(&path), Ok(Some("{}".to_owned())));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);

        fs::write(&path, b"").unwrap();
        assert_eq!(read_whole(&path), Err("it is empty".to_owned()));
        fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(read_whole(&path), Err("it is no text".to_owned()));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(read_whole(&path), Err("it is no file".to_owned()));
        assert!(write_whole(&path, "{}").is_err());
    }
}
