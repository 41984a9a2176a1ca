//! Sizes as Compose writes them: `64m`, `1.5g`, `10kb`; units are powers of 1024.

/// Reads a number of bytes.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let invalid = || format!("`{text}` is not a size");
    let number_end = text
        .rfind(|c: char| c.is_ascii_digit() || c == '.')
        .map_or(0, |at| at + 1);
    let (number, suffix) = text.split_at(number_end);
    let suffix = suffix
        .strip_prefix(' ')
        .unwrap_or(suffix)
        .to_ascii_lowercase();
    let is_plain = number
        .chars()
        .all(|c| c.is_ascii_digit() || c == '.' || c == 'e');
    if number.is_empty() || !is_plain || number.starts_with('e') {
        return Err(invalid());
    }
    let power = match suffix.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return Err(invalid()),
    };
    let scale = 1_u64 << (10 * power);
    if let Ok(whole) = number.parse::<u64>() {
        return whole
            .checked_mul(scale)
            .ok_or_else(|| format!("`{text}` is too large"));
    }
    let value: f64 = number.parse().map_err(|_| invalid())?;
    whole_bytes(value * precise(scale)).ok_or_else(|| format!("`{text}` is too large"))
}

/// A number of bytes, its fraction dropped; `None` beyond what a size can be.
#[must_use]
pub fn whole_bytes(value: f64) -> Option<u64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked; the fraction of a byte is dropped on purpose"
    )]
    (0.0..LIMIT).contains(&value).then_some(value as u64)
}

/// A power of two as a float, which holds it exactly.
fn precise(scale: u64) -> f64 {
    let exponent = scale.ilog2();
    f64::from(2).powi(i32::try_from(exponent).expect("a u64 has at most 63 bits"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse_size;

    /// `written => bytes` or `written => ! why`, one a line.
    #[test]
    fn the_table_of_sizes_reads_as_compose_does() {
        let table = include_str!("../../tests/compose/sizes.txt");
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (written, expected) = line.split_once(" => ").expect("a case has ` => `");
            let got = parse_size(written)
                .map_or_else(|why| format!("! {why}"), |bytes| bytes.to_string());
            assert_eq!(got, expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9.ekmgtpibKMG -]{0,24}") {
            let _ = parse_size(&text);
        }

        #[test]
        fn whole_bytes_are_exact(bytes in 0_u64..=u64::MAX) {
            prop_assert_eq!(parse_size(&bytes.to_string()), Ok(bytes));
        }
    }
}
