//! What a template becomes: text, and the variables that were missing.

/// An expanded template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// The text.
    pub text: String,
    /// Variables that were asked for without a default and are not set, each once, in order.
    pub unset: Vec<String>,
}

impl Expansion {
    pub(super) fn miss(&mut self, name: &str) {
        if !self.unset.iter().any(|known| known == name) {
            self.unset.push(name.to_owned());
        }
    }
}
