//! Whether a container has files as they are on the host: told by their sums, which its own program compares.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Compares what it reads with what is there; an image without the program can't say.
pub(super) const COMPARE: &str = "sha256sum -c >/dev/null 2>&1";

/// The sums of these files, a line for each; `None` where a name can't be told so.
///
/// A directory has no sum, and neither has what is gone by now.
pub(super) fn list(changed: &[(PathBuf, String)]) -> Option<String> {
    let mut list = String::new();
    for (path, target) in changed {
        // The program reads such names by rules that differ from image to image.
        if target.contains(['\n', '\\']) {
            return None;
        }
        if let Ok(sum) = sum(path) {
            list.extend([&sum, "  ", target, "\n"]);
        }
    }
    Some(list)
}

fn sum(path: &Path) -> io::Result<String> {
    let mut hasher = Hashing(Sha256::new());
    io::copy(&mut File::open(path)?, &mut hasher)?;
    let mut text = String::new();
    for byte in hasher.0.finalize() {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
    }
    Ok(text)
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_a_line_and_what_is_no_file_has_none() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("a b.js"), "abc").expect("written");
        let changed = ["a b.js", "gone.js", ""].map(|name| (at(name), format!("/app/{name}")));

        assert_eq!(
            list(&changed).as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  /app/a b.js\n")
        );
        assert_eq!(list(&[(at("a b.js"), "/app/a\\b.js".to_owned())]), None);
    }
}
