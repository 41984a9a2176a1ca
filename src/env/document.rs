//! A `.env` as text that is edited in place: comments, order, quoting and line ends stay as a person left them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::dotenv::{self, DotenvError, Entry, Form, Parsed, Unquotable};

/// A `.env` whose text is known to be well formed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    text: String,
    parsed: Parsed,
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// [`DotenvError`] for the first line that breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, DotenvError> {
        Ok(Self {
            parsed: dotenv::parse(text, &|_| None)?,
            text: text.to_owned(),
        })
    }

    /// A file of comments alone.
    pub(super) fn of_comments(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            parsed: Parsed::default(),
        }
    }

    /// The text as it is now.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The keys, in order; one that stands twice comes twice.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.parsed.entries.iter().map(|entry| entry.key.as_str())
    }

    /// The entry that gives `key` its value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.parsed.entry(key)
    }

    /// The value of `key` with this file's own variables put in.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.entry(key)?.value.as_deref()
    }

    /// All values with this file's own variables put in.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, String> {
        self.parsed.values()
    }

    /// Gives `key` a value: in its own place where it stands, in the quotes that it has where they can hold it; else at the end.
    ///
    /// # Errors
    /// [`Unquotable`] where no quoting brings the value through.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Unquotable> {
        let Some(entry) = self.entry(key) else {
            let written = dotenv::quote(value)?;
            return self
                .append(&[], key, &written)
                .map_err(|_| Unquotable("they can't stand in this file"));
        };
        let place = entry.value_span.clone();
        let sign = match entry.form {
            Form::Bare => "=",
            _ => "",
        };
        let same_quotes = match entry.form {
            Form::Single if !value.contains(['\'', '\\']) => Some(format!("'{value}'")),
            Form::Double if !value.contains(['"', '\\', '$', '`']) => Some(format!("\"{value}\"")),
            _ => None,
        };
        let written = dotenv::quote(value)?;
        // Behind an empty value a comment may follow at once, which a blank must keep off.
        [
            same_quotes,
            Some(written.clone()),
            Some(format!("{written} ")),
        ]
        .into_iter()
        .flatten()
        .filter_map(|written| self.with(place.clone(), &format!("{sign}{written}")))
        .find(|changed| changed.value(key) == Some(value) && changed.keys().eq(self.keys()))
        .map(|changed| *self = changed)
        .ok_or(Unquotable("they can't stand in this place of the file"))
    }

    /// Takes every line of `key` out; tells whether there was one.
    #[must_use]
    pub fn unset(&mut self, key: &str) -> bool {
        let mut found = false;
        while let Some(entry) = self.entry(key) {
            let start = self.text[..entry.key_span.start]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let end = self.text[entry.value_span.end..]
                .find('\n')
                .map_or(self.text.len(), |at| entry.value_span.end + at + 1);
            let Some(changed) = self.with(start..end, "") else {
                return found;
            };
            *self = changed;
            found = true;
        }
        found
    }

    /// Adds `key` at the end under these comment lines; `written` is the value as it stands in the file.
    ///
    /// # Errors
    /// [`DotenvError`] where `written` is not well formed; the file is unchanged then.
    pub fn append(
        &mut self,
        comment: &[String],
        key: &str,
        written: &str,
    ) -> Result<(), DotenvError> {
        let end = if self.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let mut added = String::new();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            added.push_str(end);
        }
        if !comment.is_empty() && !self.text.is_empty() {
            added.push_str(end);
        }
        for line in comment {
            added.push_str(format!("# {line}").trim_end());
            added.push_str(end);
        }
        added.push_str(key);
        added.push('=');
        added.push_str(written);
        added.push_str(end);
        *self = Self::parse(&format!("{}{added}", self.text))?;
        Ok(())
    }

    /// This file with a part replaced, if it is still well formed.
    fn with(&self, place: Range<usize>, text: &str) -> Option<Self> {
        let mut changed = self.text.clone();
        changed.replace_range(place, text);
        Self::parse(&changed).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_changes_in_its_place_and_nothing_else_does() {
        let text = "# mine\r\nexport A = 'one'  # keep me\r\n\r\nB=\"two\"\r\nC=3 # three\r\n";
        let mut document = Document::parse(text).unwrap();

        document.set("A", "1 and a half").unwrap();
        document.set("B", "2 two").unwrap();
        document.set("C", "it's").unwrap();

        assert_eq!(
            document.text(),
            "# mine\r\nexport A = '1 and a half'  # keep me\r\n\r\nB=\"2 two\"\r\nC=\"it's\" # three\r\n"
        );
    }

    #[test]
    fn a_new_key_comes_last_with_the_files_own_line_ends() {
        let mut document = Document::parse("A=1\r\nB=2").unwrap();

        document.set("C", "3").unwrap();
        document
            .append(&["What D is.".to_owned()], "D", "${C}4")
            .unwrap();

        assert_eq!(
            document.text(),
            "A=1\r\nB=2\r\nC=3\r\n\r\n# What D is.\r\nD=${C}4\r\n"
        );
        assert_eq!(document.value("D"), Some("34"));
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts_and_both_go() {
        let mut document = Document::parse("A=1\nB=2\nA=3 # last\n").unwrap();

        document.set("A", "4").unwrap();
        assert_eq!(document.text(), "A=1\nB=2\nA=4 # last\n");

        assert!(document.unset("A"));
        assert!(!document.unset("A"));
        assert_eq!(document.text(), "B=2\n");
    }

    #[test]
    fn a_key_without_a_sign_gets_one() {
        let mut document = Document::parse("A\nB=\n").unwrap();

        document.set("A", "1").unwrap();
        document.set("B", "2").unwrap();

        assert_eq!(document.text(), "A=1\nB=2\n");
    }

    proptest! {
        #[test]
        fn whatever_is_set_is_read_back_and_the_other_keys_stay(
            key in "[ABC]",
            value in "[ -~é\n]{0,20}",
        ) {
            let text = "A='x' # a\nB=\"y z\"\n\n# c\nC=1";
            let mut document = Document::parse(text).unwrap();
            let before = document.values();

            if document.set(&key, &value).is_ok() {
                let mut expected = before;
                expected.insert(key, value);
                prop_assert_eq!(document.values(), expected);
            }
        }
    }
}
