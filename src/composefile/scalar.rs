//! What a plain YAML scalar means, and how a number is written back as text: both as Go's YAML reader has it.

use super::node::Value;

/// The value of a plain scalar: null, a boolean of YAML 1.2, a number (`0440` is octal), else text.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Value::Text(text.to_owned());
    }
    let digits = text.replace('_', "");
    integer(&digits)
        .map(Value::Int)
        .or_else(|| is_decimal(&digits).then(|| digits.parse().map(Value::Float).ok())?)
        .unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match prefix.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some(two) if two.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    let all_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    all_digits.then(|| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok())?
}

/// Whether the text is a decimal number: digits, at most one point, at most one exponent.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_holds = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    let has_digits = !whole.is_empty() || (mantissa.contains('.') && !fraction.is_empty());
    has_digits && is_digits(whole) && is_digits(fraction) && exponent_holds
}

/// A number as Go prints it: shortest form, with an exponent below 1e-4 and from 1e21 on.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text
            .split_once('e')
            .expect("`{:e}` always writes an exponent");
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{number}")
}

/// A scalar as text, where Compose turns any scalar into a string; `None` for null, lists and mappings.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(float_text(*value)),
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A text as a boolean, in the words that Compose takes where a boolean is due.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, float_text, resolve, text_of};

    #[test]
    fn plain_scalars_mean_what_gos_reader_makes_of_them() {
        let written = [
            ("0440", "288"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("0x10", "16"),
            ("0o17", "15"),
            ("1_000", "1000"),
            (".5", "0.5"),
            ("12e03", "12000"),
            ("-0", "0"),
            ("+1", "1"),
            (".inf", "+Inf"),
            ("08", "8"),
            ("yes", "yes"),
            ("1.2.3", "1.2.3"),
            ("8080:80", "8080:80"),
            ("1m", "1m"),
            ("-", "-"),
            ("1e", "1e"),
            ("2024-01-01", "2024-01-01"),
        ];
        for (plain, expected) in written {
            assert_eq!(
                text_of(&resolve(plain)).as_deref(),
                Some(expected),
                "{plain}"
            );
        }
        assert_eq!(resolve("~"), Value::Null);
        assert_eq!(resolve("yes"), Value::Text("yes".to_owned()));
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        assert_eq!(float_text(1e21), "1e+21");
        assert_eq!(float_text(0.00001), "1e-05");
        assert_eq!(float_text(0.25), "0.25");
    }
}
