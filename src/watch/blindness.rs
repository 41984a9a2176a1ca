//! Why changes are looked for instead of being told of, in words that say what mends it.

use std::fmt;
use std::path::{Path, PathBuf};

/// File systems whose files others change without this system's being told
/// (<https://man7.org/linux/man-pages/man2/statfs.2.html>), by their magic numbers.
const REMOTE: [(u64, &str); 7] = [
    (0x0102_1997, "9p"),
    (0x6969, "nfs"),
    (0x517b, "smb"),
    (0xfe53_4d42, "smb2"),
    (0xff53_4d42, "cifs"),
    (0x6573_5546, "fuse"),
    (0x786f_4256, "vboxsf"),
];

/// Why the watcher polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blindness {
    /// The person asked for it.
    Asked,
    /// A file that was written as a trial was not told of.
    Deaf,
    /// The system's limit of watches is reached.
    Exhausted,
    /// Sources lie where changes by others are not told of.
    Remote {
        /// The place.
        place: PathBuf,
        /// Its file system's name.
        kind: &'static str,
    },
    /// The system gives no notices, for this reason.
    Refused(String),
}

impl Blindness {
    /// The first of these places that lies on a file system of others.
    #[must_use]
    pub fn of_remote<'a>(mut places: impl Iterator<Item = &'a Path>) -> Option<Self> {
        places.find_map(|place| {
            let found = rustix::fs::statfs(place).ok()?;
            // The magic is a 32-bit number, whatever the width of its field.
            let magic = u64::try_from(found.f_type).ok()? & 0xffff_ffff;
            let (_, kind) = REMOTE.iter().find(|(remote, _)| *remote == magic)?;
            let place = place.to_owned();
            Some(Self::Remote { place, kind })
        })
    }
}

impl fmt::Display for Blindness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("looking for changes twice a second, as asked for"),
            Self::Deaf => f.write_str(
                "this system doesn't tell of changes here; looking for them twice a second instead",
            ),
            Self::Exhausted => f.write_str(
                "the system's limit of watched directories is reached; looking for changes twice a second \
                 instead. To lift it: `sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`",
            ),
            Self::Remote { place, kind } => write!(
                f,
                "`{}` lies on {kind}, where changes by others are not told of; looking for them twice a second instead",
                place.display()
            ),
            Self::Refused(reason) => write!(
                f,
                "the system tells of no changes ({reason}); looking for them twice a second instead"
            ),
        }
    }
}
