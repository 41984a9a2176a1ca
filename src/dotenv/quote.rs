//! Writing a value so that Compose and a shell read the same back.

use thiserror::Error;

/// A value that no quoting brings through both Compose and a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the value holds characters that `.env` and a shell can't both be given: {0}")]
pub struct Unquotable(pub &'static str);

/// The value as it is written behind `KEY=`: bare where it can be, else in single, else in double quotes.
///
/// # Errors
/// [`Unquotable`] for a NUL, and for a backquote where single quotes can't be used.
pub fn quote(value: &str) -> Result<String, Unquotable> {
    if value.contains('\0') {
        return Err(Unquotable("a NUL character"));
    }
    if value.chars().all(is_plain) {
        return Ok(value.to_owned());
    }
    if !value.contains('\'') && !ends_in_open_escape(value) {
        return Ok(format!("'{value}'"));
    }
    if value.contains('`') {
        return Err(Unquotable(
            "a backquote beside a single quote or a final backslash",
        ));
    }
    let mut quoted = String::with_capacity(value.len() + 8);
    quoted.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c)
}

/// Compose reads `\'` inside single quotes as an escaped quote, so an odd run of backslashes can't come last.
fn ends_in_open_escape(value: &str) -> bool {
    let run = value
        .bytes()
        .rev()
        .take_while(|byte| *byte == b'\\')
        .count();
    run % 2 == 1
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::quote;
    use crate::dotenv::parse;

    #[test]
    fn plain_values_stay_bare() {
        assert_eq!(
            quote("postgres://u:p@h:1/d").as_deref(),
            Ok("postgres://u:p@h:1/d")
        );
        assert_eq!(quote("").as_deref(), Ok(""));
    }

    #[test]
    fn others_take_the_simplest_quotes_that_hold_them() {
        assert_eq!(quote("a b").as_deref(), Ok("'a b'"));
        assert_eq!(quote("it's $5").as_deref(), Ok("\"it's \\$5\""));
        assert_eq!(quote("ends\\").as_deref(), Ok("\"ends\\\\\""));
        assert!(quote("it's `date`").is_err());
    }

    #[test]
    fn a_shell_reads_the_same_back() {
        for value in [
            "a b",
            "it's $5 \"x\" \\n",
            "two\nlines",
            "#x",
            "ends\\",
            "$HOME`id`",
            "~",
            "*",
        ] {
            let written = quote(value).expect("each of these can be quoted");
            let script = format!("V={written}\nprintf '%s' \"$V\"");

            let output = Command::new("sh")
                .args(["-c", &script])
                .output()
                .expect("sh runs");

            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(value in "[^\\x00]{0,24}") {
            if let Ok(written) = quote(&value) {
                let text = format!("BEFORE=1\nKEY={written}\nAFTER=2\n");
                let parsed = parse(&text, &|_| None).expect("a quoted value parses");
                let read = parsed.entry("KEY").and_then(|entry| entry.value.clone());
                prop_assert_eq!(read, Some(value));
                prop_assert_eq!(parsed.entries.len(), 3);
            }
        }
    }
}
