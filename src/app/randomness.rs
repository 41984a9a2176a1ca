//! The operating system's own generator.

use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::env::Randomness;

/// Randomness for secrets.
pub(super) struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&mut self, bytes: &mut [u8]) {
        SysRng
            .try_fill_bytes(bytes)
            .expect("the kernel's generator never fails once the system has booted");
    }
}
