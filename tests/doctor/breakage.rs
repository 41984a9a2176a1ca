//! A file that is broken for a while, and whole again afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// How a file was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    Emptied,
    Halved,
    Noise,
    Newer,
    OtherTypes,
    Directory,
}

use Damage::{Directory, Emptied, Halved, Newer, Noise, OtherTypes};

pub const EVERY: &[Damage] = &[Emptied, Halved, Noise, Newer, OtherTypes, Directory];
/// For readers that take their time.
pub const FEW: &[Damage] = &[Noise, Directory];

impl Damage {
    fn put(self, path: &Path, whole: &[u8]) {
        let content = match self {
            Emptied => Vec::new(),
            Halved => whole[..whole.len() / 2].to_vec(),
            Noise => (0..=255).rev().cycle().take(300).collect(),
            Newer => b"{\"version\": 99, \"schema\": 99, \"v\": 99, \"format\": 99}".to_vec(),
            OtherTypes => b"{\"version\": 1, \"schema\": 1, \"v\": 1, \"format\": 1, \
                \"services\": [1], \"variables\": 7, \"ports\": \"x\", \"volumes\": {\"a\": 3}, \"steps\": {}, \
                \"branch\": [], \"parts\": 0, \"doing\": \"dancing\"}"
                .to_vec(),
            Directory => {
                fs::remove_file(path).expect("it was there");
                fs::create_dir(path).expect("made");
                fs::write(path.join("inside"), whole).expect("written");
                return;
            }
        };
        fs::write(path, content).expect("damaged");
    }
}

/// A file as it was, put back when dropped.
pub struct Whole {
    pub path: PathBuf,
    content: Vec<u8>,
}

impl Whole {
    pub fn of(path: PathBuf) -> Self {
        let content = fs::read(&path).expect("it is whole");
        Self { path, content }
    }

    /// Breaks it, whatever became of it before; gives its bytes then, where it is still a file.
    pub fn damage(&self, how: Damage) -> Option<Vec<u8>> {
        for place in self.places() {
            if place.is_dir() {
                fs::remove_dir_all(place).expect("removed");
            }
        }
        fs::create_dir_all(self.path.parent().expect("a directory")).expect("made");
        fs::write(&self.path, &self.content).expect("whole again");
        how.put(&self.path, &self.content);
        fs::read(&self.path).ok()
    }

    /// Names that begin as the file's: it itself, and what was put aside.
    pub fn places(&self) -> Vec<PathBuf> {
        let name = self.path.file_name().expect("a file").to_string_lossy();
        let beside = fs::read_dir(self.path.parent().expect("a directory"));
        let beside = beside.into_iter().flatten().flatten();
        let places = beside.map(|entry| entry.path()).filter(|path| {
            let other = path.file_name().expect("a file").to_string_lossy();
            other == name || other.starts_with(&format!("{name}.broken"))
        });
        places.collect()
    }

    /// Whether what the damage left is still there: in the file's place, beside it, or among the versions before.
    pub fn still_has(&self, broken: Option<&Vec<u8>>) -> bool {
        let mut places = self.places();
        if self.path.ends_with(".env") {
            let before = self.path.with_file_name(".jobsprint/backups/env");
            let before = fs::read_dir(before).into_iter().flatten().flatten();
            places.extend(before.map(|entry| entry.path()));
        }
        places.iter().any(|place| match broken {
            Some(bytes) => fs::read(place).is_ok_and(|now| now == *bytes),
            None => fs::read(place.join("inside")).is_ok_and(|now| now == self.content),
        })
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        for place in self.places() {
            if place.is_dir() {
                fs::remove_dir_all(place).ok();
            } else {
                fs::remove_file(place).ok();
            }
        }
        let above = self.path.parent().expect("a directory");
        // A template that was thrown away is nobody's loss.
        if above.is_dir() {
            fs::write(&self.path, &self.content).expect("put back");
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&self.path, private).expect("set");
        }
    }
}
