//! The escapes of a double-quoted `.env` value.

/// Undoes shell escapes; `\$` becomes `$$`, which the interpolation that follows turns into `$`.
///
/// What is no escape is kept as it stands, backslash included.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let simple = match tail.chars().next() {
            Some('a') => Some("\u{7}"),
            Some('b') => Some("\u{8}"),
            Some('f') => Some("\u{c}"),
            Some('n') => Some("\n"),
            Some('r') => Some("\r"),
            Some('t') => Some("\t"),
            Some('v') => Some("\u{b}"),
            Some('$') => Some("$$"),
            Some('"') => Some("\""),
            Some('\\') => Some("\\"),
            _ => None,
        };
        rest = match simple {
            Some(meaning) => {
                out.push_str(meaning);
                &tail[1..]
            }
            None => octal(tail, &mut out),
        };
    }
    out.push_str(rest);
    out
}

/// `\0` and three octal digits give one character; as in Compose, a `\0` with fewer loses its zero.
fn octal<'a>(tail: &'a str, out: &mut String) -> &'a str {
    let Some(digits) = tail.strip_prefix('0') else {
        out.push('\\');
        return tail;
    };
    let code = digits.get(..3).and_then(|three| {
        let all_octal = three.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        all_octal.then(|| u8::from_str_radix(three, 8).ok())?
    });
    if let Some(code) = code {
        out.push(char::from(code));
        &digits[3..]
    } else {
        out.push('\\');
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn known_escapes_are_undone_and_others_are_kept() {
        assert_eq!(unescape(r#"a\tb\n\"\\ \x \c"#), "a\tb\n\"\\ \\x \\c");
        assert_eq!(unescape(r"\$HOME"), "$$HOME");
    }

    #[test]
    fn octal_needs_its_three_digits() {
        assert_eq!(unescape(r"\0101"), "A");
        assert_eq!(unescape(r"\08"), "\\8");
        assert_eq!(unescape(r"\0777"), "\\777");
        assert_eq!(unescape(r"\0"), "\\");
    }
}
