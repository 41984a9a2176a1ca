//! What a value may look like: the types of `@type=…`, and their checks.

use std::fmt;

use regex::Regex;

use super::decorator::{Argument, Value};
use crate::domain::nearest;

/// The type of a value.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Any text.
    Text(TextRule),
    /// A TCP or UDP port.
    Port,
    /// An absolute URL.
    Url,
    /// One of these words.
    Choice(Vec<String>),
    /// A whole number within bounds, both included.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// `true` or `false` (also `1`, `0`, `yes`, `no`).
    Bool,
}

/// What a text must fulfil.
#[derive(Debug, Clone, Default)]
pub struct TextRule {
    /// The least number of characters.
    pub min_length: Option<usize>,
    /// The greatest number of characters.
    pub max_length: Option<usize>,
    /// How it begins.
    pub starts_with: Option<String>,
    /// An expression that it matches.
    pub matches: Option<Regex>,
}

impl Default for Kind {
    fn default() -> Self {
        Self::Text(TextRule::default())
    }
}

const NAMES: [&str; 6] = ["string", "port", "url", "enum", "int", "bool"];

impl Kind {
    /// Whether `value` is of this type.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Text(rule) => rule.accepts(value),
            Self::Port => value.parse::<u16>().is_ok_and(|port| port > 0),
            Self::Url => is_url(value),
            Self::Choice(words) => words.iter().any(|word| word == value),
            Self::Integer { min, max } => value
                .parse::<i64>()
                .is_ok_and(|number| (*min..=*max).contains(&number)),
            Self::Bool => matches!(value, "true" | "false" | "1" | "0" | "yes" | "no"),
        }
    }

    /// Its name, as the schema writes it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Port => "port",
            Self::Url => "url",
            Self::Choice(_) => "enum",
            Self::Integer { .. } => "int",
            Self::Bool => "bool",
        }
    }

    /// Reads the value of a `@type`.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let arguments = value.arguments.as_deref().unwrap_or_default();
        let kind = match value.word.as_str() {
            "port" => Self::Port,
            "url" => Self::Url,
            "bool" | "boolean" => Self::Bool,
            "enum" => return choice(arguments),
            "int" | "integer" => return integer(arguments),
            "string" => return TextRule::read(arguments).map(Self::Text),
            other => {
                let hint = nearest(other, NAMES)
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                return Err(format!("unknown type `{other}`{hint}"));
            }
        };
        if arguments.is_empty() {
            Ok(kind)
        } else {
            Err(format!("`{}` takes no arguments", value.word))
        }
    }
}

/// What is expected, as a phrase that follows "must be".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(rule) => rule.fmt(f),
            Self::Port => f.write_str("a port (1 to 65535)"),
            Self::Url => f.write_str("a URL, as `https://example.org`"),
            Self::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                match words.split_last() {
                    Some((last, [])) => f.write_str(last),
                    Some((last, others)) => write!(f, "{} or {last}", others.join(", ")),
                    None => Ok(()),
                }
            }
            Self::Integer {
                min: i64::MIN,
                max: i64::MAX,
            } => f.write_str("a whole number"),
            Self::Integer { min, max: i64::MAX } => {
                write!(f, "a whole number from {min}")
            }
            Self::Integer { min: i64::MIN, max } => {
                write!(f, "a whole number up to {max}")
            }
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Bool => f.write_str("`true` or `false`"),
        }
    }
}

impl TextRule {
    fn accepts(&self, value: &str) -> bool {
        let length = value.chars().count();
        self.min_length.is_none_or(|min| length >= min)
            && self.max_length.is_none_or(|max| length <= max)
            && self
                .starts_with
                .as_ref()
                .is_none_or(|start| value.starts_with(start))
            && self.matches.as_ref().is_none_or(|re| re.is_match(value))
    }

    fn read(arguments: &[Argument]) -> Result<Self, String> {
        let mut rule = Self::default();
        for argument in arguments {
            let name = named(argument, "string")?;
            let text = argument.text.clone();
            match name {
                "minLength" => rule.min_length = Some(number(name, &text)?),
                "maxLength" => rule.max_length = Some(number(name, &text)?),
                "startsWith" => rule.starts_with = Some(text),
                "matches" => {
                    let expression = Regex::new(&text)
                        .map_err(|_| format!("`{text}` is not a regular expression"))?;
                    rule.matches = Some(expression);
                }
                other => {
                    let known = ["minLength", "maxLength", "startsWith", "matches"];
                    return Err(unknown_argument("string", other, known));
                }
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for TextRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")?;
        match (self.min_length, self.max_length) {
            (Some(min), Some(max)) => write!(f, " of {min} to {max} characters")?,
            (Some(min), None) => write!(f, " of at least {min} characters")?,
            (None, Some(max)) => write!(f, " of at most {max} characters")?,
            (None, None) => {}
        }
        if let Some(start) = &self.starts_with {
            write!(f, " that starts with `{start}`")?;
        }
        if let Some(expression) = &self.matches {
            write!(f, " that matches `{expression}`")?;
        }
        Ok(())
    }
}

fn choice(arguments: &[Argument]) -> Result<Kind, String> {
    if arguments.is_empty() {
        return Err("`enum` needs its words, as `enum(development, staging)`".to_owned());
    }
    Ok(Kind::Choice(
        arguments
            .iter()
            .map(|argument| argument.text.clone())
            .collect(),
    ))
}

fn integer(arguments: &[Argument]) -> Result<Kind, String> {
    let (mut min, mut max) = (i64::MIN, i64::MAX);
    for argument in arguments {
        match named(argument, "int")? {
            "min" => min = number("min", &argument.text)?,
            "max" => max = number("max", &argument.text)?,
            other => return Err(unknown_argument("int", other, ["min", "max"])),
        }
    }
    if min > max {
        return Err(format!("`min` ({min}) is greater than `max` ({max})"));
    }
    Ok(Kind::Integer { min, max })
}

fn named<'a>(argument: &'a Argument, of: &str) -> Result<&'a str, String> {
    argument.name.as_deref().ok_or_else(|| {
        format!(
            "the arguments of `{of}` have names; `{}` has none",
            argument.text
        )
    })
}

fn number<N: std::str::FromStr>(name: &str, text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("`{name}` must be a whole number, not `{text}`"))
}

fn unknown_argument<const N: usize>(of: &str, given: &str, known: [&str; N]) -> String {
    let hint = nearest(given, known)
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!("`{of}` has no argument `{given}`{hint}")
}

/// A scheme, `://`, and something after it, without blanks (RFC 3986, loosely).
fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::decorator::decorators;

    fn kind(text: &str) -> Result<Kind, String> {
        let decorator = decorators(&format!("@type={text}"), 0).unwrap().remove(0);
        Kind::read(&decorator.value.unwrap())
    }

    #[test]
    fn each_type_accepts_its_own_values_and_says_what_it_expects() {
        let cases = [
            ("port", "4000", "70000", "a port (1 to 65535)"),
            ("port", "1", "0", "a port (1 to 65535)"),
            (
                "url",
                "redis://localhost:6379",
                "localhost:6379",
                "a URL, as `https://example.org`",
            ),
            ("enum(a, b, c)", "b", "d", "`a`, `b` or `c`"),
            (
                "int(min=1, max=10)",
                "10",
                "11",
                "a whole number from 1 to 10",
            ),
            ("int", "-5", "5.0", "a whole number"),
            ("bool", "true", "maybe", "`true` or `false`"),
            (
                "string(minLength=8)",
                "12345678",
                "1234567",
                "a text of at least 8 characters",
            ),
            (
                r#"string(startsWith=app-, matches="^[a-z-]+$")"#,
                "app-x",
                "app-1",
                "a text that starts with `app-` that matches `^[a-z-]+$`",
            ),
        ];

        for (text, good, bad, expectation) in cases {
            let kind = kind(text).unwrap();
            assert!(kind.accepts(good), "{text} takes {good}");
            assert!(!kind.accepts(bad), "{text} refuses {bad}");
            assert_eq!(kind.to_string(), expectation);
        }
    }

    #[test]
    fn a_slip_in_a_type_is_told_with_what_was_meant() {
        let cases = [
            ("prot", "unknown type `prot`; did you mean `port`?"),
            ("port(1)", "`port` takes no arguments"),
            (
                "enum",
                "`enum` needs its words, as `enum(development, staging)`",
            ),
            (
                "string(minLenght=8)",
                "`string` has no argument `minLenght`; did you mean `minLength`?",
            ),
            (
                "string(8)",
                "the arguments of `string` have names; `8` has none",
            ),
            ("int(min=5, max=1)", "`min` (5) is greater than `max` (1)"),
            ("string(matches=\"(\")", "`(` is not a regular expression"),
        ];

        for (text, message) in cases {
            assert_eq!(kind(text).unwrap_err(), message);
        }
    }
}
