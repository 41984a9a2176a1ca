//! A record of the tool's own, as JSON with a version: read whole or told why not, and never written over where it can't be read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::atomic::kind_of;
use super::{Privacy, StoreError, write};

/// How a record may call its version: one that is made of events calls it as each event does.
const VERSION_KEYS: [&str; 3] = ["version", "v", "schema"];
/// No record is as large as this.
const LARGEST: u64 = 32 << 20;
/// What a record's name gets once it is put aside.
const ASIDE: &str = "broken";

/// A record that can't be read: what it kept counts as forgotten, and the file stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record `{}` {reason}: what it kept is not used", .path.display())]
pub struct BrokenRecord {
    /// The file.
    pub path: PathBuf,
    /// Why, as a phrase that follows its name.
    pub reason: String,
}

/// What stands in the record at `path`; `None` where there is none.
///
/// # Errors
/// [`BrokenRecord`] where it is no whole record of this `version`.
pub fn read_record<T: DeserializeOwned>(
    path: &Path,
    version: u32,
) -> Result<Option<T>, BrokenRecord> {
    let broken = |reason: String| BrokenRecord {
        path: path.to_owned(),
        reason,
    };
    let refused = |error: &io::Error| broken(format!("can't be read: {}", in_words(error)));
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&error)),
        // Reading a pipe would wait for ever.
        Ok(found) if !found.is_file() => {
            let kind = kind_of(found.file_type());
            return Err(broken(format!("is a {kind}, not a file")));
        }
        Ok(found) if found.len() == 0 => return Err(broken("is empty".to_owned())),
        Ok(found) if found.len() > LARGEST => {
            return Err(broken("is far too large".to_owned()));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| refused(&error))?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| broken("is no whole JSON".to_owned()))?;
    let found = VERSION_KEYS.iter().find_map(|key| value.get(key)?.as_u64());
    match found {
        Some(found) if found == u64::from(version) => {}
        Some(found) => {
            let known = format!("is of version {found}, and this jobsprint-dev reads {version}");
            return Err(broken(known));
        }
        None => return Err(broken("tells no version".to_owned())),
    }
    // The error's own words would quote what the file holds.
    let read = serde_json::from_value(value);
    read.map(Some)
        .map_err(|_| broken("doesn't hold what it should".to_owned()))
}

/// Writes a record of `version`, for the owner alone. One that stands there and can't be read is put aside first: gives
/// where it is then.
///
/// # Errors
/// [`StoreError`] where the system refuses.
///
/// # Panics
/// Never: a record holds nothing that JSON can't.
pub fn write_record<T: Serialize + DeserializeOwned>(
    path: &Path,
    version: u32,
    content: &T,
) -> Result<Option<PathBuf>, StoreError> {
    let aside = match read_record::<T>(path, version) {
        Ok(_) => None,
        Err(_) => Some(put_aside(path)?),
    };
    let text = serde_json::to_vec_pretty(content).expect("a record is text, numbers and lists");
    write(path, &text, Privacy::Private)?;
    Ok(aside)
}

/// Gives what stands at `path` another name beside it, which nothing has, and tells which.
///
/// # Errors
/// [`StoreError`] where the system refuses.
pub fn put_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let named = |end: String| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let mut place = named(format!(".{ASIDE}"));
    let mut number = 1;
    while fs::symlink_metadata(&place).is_ok() {
        number += 1;
        place = named(format!(".{ASIDE}-{number}"));
    }
    fs::rename(path, &place).map_err(StoreError::refused("put aside", path))?;
    Ok(place)
}

fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Ports = std::collections::BTreeMap<String, u32>;

    fn home() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ports.json");
        (home, path)
    }

    fn reason(path: &Path) -> String {
        read_record::<Ports>(path, 1).unwrap_err().reason
    }

    #[test]
    fn what_is_written_is_read_and_there_may_be_none() {
        let (_home, path) = home();
        assert_eq!(read_record::<Ports>(&path, 1), Ok(None));
        let ports = Ports::from([("version".to_owned(), 1), ("API_PORT".to_owned(), 4001)]);

        assert_eq!(write_record(&path, 1, &ports).unwrap(), None);

        assert_eq!(read_record(&path, 1), Ok(Some(ports)));
    }

    #[test]
    fn whatever_is_wrong_is_told_in_words_that_quote_nothing() {
        let (home, path) = home();
        for (content, told) in [
            ("", "is empty"),
            ("{\"version\": 1, \"API", "is no whole JSON"),
            ("\u{1}\u{2}", "is no whole JSON"),
            ("{}", "tells no version"),
            (
                "{\"version\": 99}",
                "is of version 99, and this jobsprint-dev reads 1",
            ),
            (
                "{\"version\": 1, \"a\": \"s3cret\"}",
                "doesn't hold what it should",
            ),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(reason(&path), told);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(reason(&path), "is a directory, not a file");
        let beneath = home.path().join("file/ports.json");
        fs::write(home.path().join("file"), "").unwrap();
        assert_eq!(reason(&beneath), "can't be read: not a directory");
    }

    #[test]
    fn what_cannot_be_read_is_put_aside_and_never_written_over() {
        let (home, path) = home();
        let ports = Ports::from([("version".to_owned(), 1)]);
        let newer = json!({ "version": 2 }).to_string();

        for number in 1..=2 {
            fs::write(&path, format!("{newer}{}", " ".repeat(number))).unwrap();
            let aside = write_record(&path, 1, &ports).unwrap().unwrap();
            assert_eq!(fs::read_to_string(aside).unwrap().trim(), newer);
        }

        assert_eq!(read_record(&path, 1), Ok(Some(ports)));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
    }
}
