//! Whether files are in the system's cache: asked for bytes that it has not, it says so where it may not wait for the disk.

use std::io::IoSliceMut;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::root::{Entry, Root};

/// So many of the largest files speak for all.
const ASKED: usize = 16;

/// Whether most of `files`, which are below `root`, the largest first, would have to be read from the disk.
pub(super) fn is_on_disk_alone(root: &Root, files: &[&Entry]) -> bool {
    let asked = files.iter().take(ASKED);
    let answers: Vec<bool> = asked.filter_map(|file| is_missing(root, file)).collect();
    let missing = answers.iter().filter(|is_missing| **is_missing).count();
    missing * 2 > answers.len()
}

/// Whether the middle of a file isn't cached; `None` where the system doesn't tell.
fn is_missing(root: &Root, file: &Entry) -> Option<bool> {
    let open = root.read(&file.path).ok()?;
    let mut byte = [0];
    let pieces = &mut [IoSliceMut::new(&mut byte)];
    match preadv2(open, pieces, file.about.len() / 2, ReadWriteFlags::NOWAIT) {
        Ok(_) => Some(false),
        Err(Errno::AGAIN) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::{Advice, fadvise};

    use super::*;

    #[test]
    fn what_was_just_written_is_cached_and_what_the_system_forgot_is_not() {
        // Not where tests' own directories may be, in memory.
        let home = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        fs::write(home.path().join("file"), vec![7; 3_000_000]).unwrap();
        let root = Root::open(home.path()).unwrap();
        let entries = root.entries().unwrap();
        let files: Vec<&Entry> = entries.iter().collect();

        assert!(!is_on_disk_alone(&root, &files));
        let file = File::open(home.path().join("file")).unwrap();
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();

        assert!(is_on_disk_alone(&root, &files));
        assert!(!is_on_disk_alone(&root, &[]));
    }
}
