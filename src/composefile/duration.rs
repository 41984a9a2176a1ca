//! Durations as Compose writes them: `1m30s`, `1w2d`, `1.5s`.

use std::time::Duration;

const UNITS: [(&str, u64); 9] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// Reads a duration; the error says what was expected.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("`{text}` is not a duration");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() || rest.starts_with('-') {
        return Err(invalid());
    }
    let mut nanoseconds = 0_u128;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        if unit.is_empty() && !number.is_empty() {
            return Err(format!("`{text}` has no unit"));
        }
        let scale = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale);
        let scale = scale.ok_or_else(invalid)?;
        nanoseconds += scaled(number, scale).ok_or_else(invalid)?;
        rest = next;
    }
    let whole = u64::try_from(nanoseconds).map_err(|_| format!("`{text}` is too long"))?;
    Ok(Duration::from_nanos(whole))
}

/// A decimal number of units, in nanoseconds, without going through floating point.
fn scaled(number: &str, scale: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let digits = fraction.get(..fraction.len().min(15))?;
    let part: u128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let base = 10_u128.pow(u32::try_from(digits.len()).ok()?);
    whole
        .checked_mul(u128::from(scale))?
        .checked_add(part * u128::from(scale) / base)
}

/// Writes a duration as Go does: `1h0m1.5s`, `100ms`, `0s`.
pub(super) fn format(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (unit, scale) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    if unit != "s" {
        return decimal(nanoseconds, scale) + unit;
    }
    let (hours, rest) = (
        nanoseconds / 3_600_000_000_000,
        nanoseconds % 3_600_000_000_000,
    );
    let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
    let seconds = decimal(rest, scale) + unit;
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

fn decimal(value: u128, scale: u128) -> String {
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, format, parse};

    /// `written => normal form` or `written => ! why`, one a line.
    #[test]
    fn the_table_of_durations_reads_as_compose_does() {
        let table = include_str!("../../tests/compose/durations.txt");
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (written, expected) = line.split_once(" => ").expect("a case has ` => `");
            let got = parse(written).map_or_else(|why| format!("! {why}"), format);
            assert_eq!(got, expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanoseconds in 0_u64..u64::MAX / 4) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9.wdhmsuµn+ -]{0,24}") {
            let _ = parse(&text);
        }
    }
}
