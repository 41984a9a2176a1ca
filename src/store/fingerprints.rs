//! Fingerprints of the credentials that volumes keep: enough to tell that one has changed, never the value.
//!
//! They lie in `.jobsprint/volumes.json` (0600) under the volume's name. Not on the volume: its labels can't change
//! once it is made, and a file in it would stand in a store's own directory. A volume that others made, or put in
//! another's place, has no fingerprint or a wrong one: its login is refused then, and it is mended all the same.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{BrokenRecord, StateDir, StoreError, read_record, write_record};
use crate::domain::Secret;

const FILE: &str = "volumes.json";
const VERSION: u32 = 1;

/// How a credential stands to the one that a volume was last seen with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The volume was never seen.
    Unknown,
    /// It is the same.
    Same,
    /// It is another.
    Other,
}

/// What is known of a project's volumes.
pub struct Fingerprints {
    content: Content,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    /// The key of all fingerprints, in base64.
    key: String,
    /// Fingerprints by volume and variable.
    volumes: BTreeMap<String, BTreeMap<String, String>>,
}

impl Fingerprints {
    /// Those of the project; none where there is no file, or none that can be read: they are a memory, and not the truth.
    ///
    /// `fresh` becomes the key where there is none yet: random bytes.
    #[must_use]
    pub fn of(state: &StateDir, fresh: [u8; 32]) -> Self {
        let read = read_record(&state.path().join(FILE), VERSION);
        let content = read.ok().flatten().unwrap_or_else(|| Content {
            version: VERSION,
            key: BASE64.encode(fresh),
            volumes: BTreeMap::new(),
        });
        Self { content }
    }

    /// Why those of the project can't be read, where they can't.
    #[must_use]
    pub fn fault(state: &StateDir) -> Option<BrokenRecord> {
        read_record::<Content>(&state.path().join(FILE), VERSION).err()
    }

    /// How `value` stands to the one that `volume` was last seen with.
    #[must_use]
    pub fn standing(&self, volume: &str, variable: &str, value: &Secret) -> Standing {
        let known = self.content.volumes.get(volume);
        match known.and_then(|known| known.get(variable)) {
            None => Standing::Unknown,
            Some(known) if *known == self.fingerprint(volume, variable, value) => Standing::Same,
            Some(_) => Standing::Other,
        }
    }

    /// Remembers that `volume` has this credential.
    pub fn keep(&mut self, volume: &str, variable: &str, value: &Secret) {
        let fingerprint = self.fingerprint(volume, variable, value);
        let known = self.content.volumes.entry(volume.to_owned()).or_default();
        known.insert(variable.to_owned(), fingerprint);
    }

    /// Forgets a volume that is gone; tells whether it was known.
    pub fn forget(&mut self, volume: &str) -> bool {
        self.content.volumes.remove(volume).is_some()
    }

    /// Writes them down, for the owner alone; a file that can't be read is put aside.
    ///
    /// # Errors
    /// [`StoreError`] where the system refuses.
    pub fn save(&self, state: &StateDir) -> Result<(), StoreError> {
        let file = state.directory("")?.join(FILE);
        write_record(&file, VERSION, &self.content).map(drop)
    }

    fn fingerprint(&self, volume: &str, variable: &str, value: &Secret) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.content.key.as_bytes())
            .expect("HMAC takes a key of any length");
        for part in [volume, variable, value.expose()] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        BASE64.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const VARIABLE: &str = "POSTGRES_PASSWORD";

    #[test]
    fn a_changed_credential_is_told_and_its_value_is_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::of(home.path());
        let (old, new) = (Secret::new("s3cret-old"), Secret::new("s3cret-new"));

        let mut first = Fingerprints::of(&state, [1; 32]);
        assert_eq!(first.standing("v", VARIABLE, &old), Standing::Unknown);
        first.keep("v", VARIABLE, &old);
        first.save(&state).unwrap();

        let mut second = Fingerprints::of(&state, [2; 32]);
        assert_eq!(second.standing("v", VARIABLE, &old), Standing::Same);
        assert_eq!(second.standing("v", VARIABLE, &new), Standing::Other);
        assert_eq!(second.standing("w", VARIABLE, &old), Standing::Unknown);
        let file = home.path().join(".jobsprint/volumes.json");
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("s3cret") && !text.contains(&BASE64.encode("s3cret-old")));
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        assert!(second.forget("v") && !second.forget("v"));
        assert_eq!(second.standing("v", VARIABLE, &old), Standing::Unknown);
    }

    #[test]
    fn one_password_of_two_volumes_has_two_fingerprints_and_another_key_gives_others() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::of(home.path());
        let value = Secret::new("s3cret-value");
        let (one, other) = (
            Fingerprints::of(&state, [1; 32]),
            Fingerprints::of(&state, [2; 32]),
        );

        let print = one.fingerprint("v", VARIABLE, &value);

        assert_ne!(print, one.fingerprint("w", VARIABLE, &value));
        assert_ne!(print, other.fingerprint("v", VARIABLE, &value));
    }

    #[test]
    fn a_broken_file_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let state = StateDir::of(home.path());
        let file = state.directory("").unwrap().join(FILE);
        fs::write(file, "{\"version\":1,").unwrap();

        let known = Fingerprints::of(&state, [1; 32]);

        let value = Secret::new("s3cret-value");
        assert_eq!(known.standing("v", VARIABLE, &value), Standing::Unknown);
    }
}
