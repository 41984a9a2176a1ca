//! What this room's tests share: a randomness that counts.

use super::Randomness;

/// Yields 0, 1, 2, … 255, 0, …
#[derive(Debug, Default)]
pub(super) struct Counting(u8);

impl From<u8> for Counting {
    fn from(first: u8) -> Self {
        Self(first)
    }
}

impl Randomness for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}
