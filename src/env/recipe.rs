//! How a secret is made: `base64(32)`, `alnum(24)`, `hex(16)`, `uuid`, from a source of randomness that is handed in.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::Secret;

/// Where randomness comes from: the operating system in the program, a known sequence in tests.
pub trait Randomness {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// A recipe for a secret. Nothing that it makes needs quoting in a `.env`, a shell or a URL's query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// This many random bytes, as standard base64.
    Base64(usize),
    /// This many letters and digits.
    Alphanumeric(usize),
    /// This many random bytes, as lower-case hexadecimal digits.
    Hex(usize),
    /// A version 4 UUID (RFC 9562).
    Uuid,
}

impl Recipe {
    /// Makes a secret.
    #[must_use]
    pub fn make(self, randomness: &mut dyn Randomness) -> Secret {
        let text = match self {
            Self::Base64(length) => STANDARD.encode(bytes(length, randomness)),
            Self::Alphanumeric(length) => alphanumeric(length, randomness),
            Self::Hex(length) => hex(&bytes(length, randomness)),
            Self::Uuid => uuid(randomness),
        };
        Secret::new(text)
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64(length) => write!(f, "base64({length})"),
            Self::Alphanumeric(length) => write!(f, "alnum({length})"),
            Self::Hex(length) => write!(f, "hex({length})"),
            Self::Uuid => f.write_str("uuid"),
        }
    }
}

fn bytes(length: usize, randomness: &mut dyn Randomness) -> Vec<u8> {
    let mut bytes = vec![0; length];
    randomness.fill(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}

/// Every letter and digit is equally likely: a byte beyond the last whole multiple of 62 is thrown away.
fn alphanumeric(length: usize, randomness: &mut dyn Randomness) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const FAIR: u8 = 248;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes(length - text.len(), randomness) {
            if byte < FAIR {
                text.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            }
        }
    }
    text
}

fn uuid(randomness: &mut dyn Randomness) -> String {
    let mut bytes = bytes(16, randomness);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex(&bytes);
    let part = |from: usize, to: usize| &digits[from..to];
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::fixture::Counting;

    #[test]
    fn each_recipe_makes_its_own_kind_of_text() {
        let mut counting = Counting::default();
        let mut make = |recipe: Recipe| recipe.make(&mut counting).expose().to_owned();

        assert_eq!(make(Recipe::Hex(4)), "00010203");
        assert_eq!(make(Recipe::Base64(3)), "BAUG");
        assert_eq!(make(Recipe::Alphanumeric(5)), "HIJKL");
        assert_eq!(make(Recipe::Uuid), "0c0d0e0f-1011-4213-9415-161718191a1b");
    }

    #[test]
    fn an_unfair_byte_is_thrown_away_and_the_length_still_holds() {
        let mut counting = Counting::from(246);

        let text = Recipe::Alphanumeric(6).make(&mut counting);

        assert_eq!(text.expose(), "89ABCD");
    }

    #[test]
    fn a_jwt_secret_of_32_bytes_takes_44_characters() {
        let secret = Recipe::Base64(32).make(&mut Counting::default());

        assert_eq!(secret.expose().len(), 44);
    }
}
