//! Text as a URL holds it.

/// A word with all but unreserved characters as `%XX` (RFC 3986).
#[must_use]
pub fn percent_encoded(word: &str) -> String {
    word.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_url_reserves_for_nothing_stays() {
        assert_eq!(percent_encoded("a-Z_0.9~"), "a-Z_0.9~");
        assert_eq!(percent_encoded("p@s/w:ä%"), "p%40s%2Fw%3A%C3%A4%25");
    }
}
