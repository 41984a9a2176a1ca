//! Keeping secrets out of what is shown: each value is replaced by `***`, also where it is URL-encoded or in base64.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};

use crate::domain::Secret;

/// Shorter values are words of everyday text: masking them would hide everything and protect nothing.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// Replaces secrets in text, line by line.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The longest first, so that a value which holds another is masked whole.
    forms: Vec<String>,
}

impl Redactor {
    /// A redactor of these values. Values of fewer than six characters are left alone.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let forms: BTreeSet<String> = secrets
            .into_iter()
            .map(|secret| secret.expose().trim())
            .filter(|value| value.chars().count() >= SHORTEST)
            .flat_map(forms)
            .collect();
        let mut forms: Vec<String> = forms.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms }
    }

    /// The text with every secret replaced; untouched text is not copied.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = Cow::Owned(text.replace(form.as_str(), MASK));
            }
        }
        text
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

/// All the ways in which a value may be written.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    forms.push(url_encoded(value, "-_.~"));
    forms.push(url_encoded(value, "-_.!~*'()"));
    forms.push(url_encoded(value, "-_.~").replace("%20", "+"));
    forms.push(url_encoded(value, "-_.~").to_lowercase());
    let json = serde_json::to_string(value).unwrap_or_default();
    forms.push(json.trim_matches('"').to_owned());
    forms.extend(value.lines().map(str::to_owned));
    forms.extend(inside_base64(value));
    forms.retain(|form| form.chars().count() >= SHORTEST);
    forms
}

fn url_encoded(value: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || kept.contains(c) {
            encoded.push(c);
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all that is written");
        }
    }
    encoded
}

/// The characters that the value gives to any base64 text which holds it (as `user:password` in a header).
///
/// Three bytes make four characters, so there are three ways for it to lie; characters that its neighbours share are left out.
fn inside_base64(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let mut forms = Vec::new();
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            forms.push(core_of_base64(&alphabet, bytes, before));
        }
    }
    forms
}

fn core_of_base64(alphabet: &Alphabet, bytes: &[u8], before: usize) -> String {
    let mut shifted = vec![0; before];
    shifted.extend_from_slice(bytes);
    let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode(&shifted);
    let first = (before * 8).div_ceil(6);
    let last = shifted.len() * 8 / 6;
    encoded[first..last].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as URL_BASE64};

    use super::*;

    const VALUE: &str = "p/ss w+rd=é7";

    fn redact(text: &str) -> String {
        let secrets = [Secret::new(VALUE), Secret::new("short"), Secret::new("")];
        Redactor::new(&secrets).redact(text).into_owned()
    }

    #[test]
    fn a_value_is_masked_however_it_is_written() {
        assert_eq!(redact(&format!("login with {VALUE}!")), "login with ***!");
        assert_eq!(
            redact("amqp://u:p%2Fss%20w%2Brd%3D%C3%A97@h/"),
            "amqp://u:***@h/"
        );
        assert_eq!(redact("q=p%2fss%20w%2brd%3d%c3%a97"), "q=***");
        assert_eq!(redact("q=p%2Fss+w%2Brd%3D%C3%A97&r"), "q=***&r");
    }

    #[test]
    fn a_value_is_masked_inside_any_base64_text() {
        for before in ["", "u", "us", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let whole = format!("{before}{VALUE}{after}");
                for encoded in [BASE64.encode(&whole), URL_BASE64.encode(&whole)] {
                    let shown = redact(&format!("Authorization: Basic {encoded}"));
                    assert!(shown.contains(MASK), "{whole}: {shown}");
                }
            }
        }
    }

    #[test]
    fn each_line_of_a_value_is_masked_by_itself() {
        let key = Secret::new("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----");

        let shown = Redactor::new([&key])
            .redact("got MIIEvQIBADANBg")
            .into_owned();

        assert_eq!(shown, "got ***");
    }

    #[test]
    fn a_value_that_holds_another_is_masked_whole() {
        let secrets = [Secret::new("password"), Secret::new("password-long")];

        let shown = Redactor::new(&secrets)
            .redact("password-long password")
            .into_owned();

        assert_eq!(shown, "*** ***");
    }

    #[test]
    fn other_text_is_not_even_copied() {
        let redactor = Redactor::new(&[Secret::new("password")]);

        assert!(matches!(redactor.redact("all is well"), Cow::Borrowed(_)));
        assert_eq!(redact("short words stay"), "short words stay");
    }
}
