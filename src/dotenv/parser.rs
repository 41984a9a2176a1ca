//! The `.env` grammar, read as Compose reads it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::escape::unescape;
use super::{DotenvError, DotenvFault, Entry, Form, Lookup, Parsed, Template};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads `text`; variables in values come from `lookup` first, then from earlier keys.
///
/// # Errors
/// [`DotenvError`] for the first line that breaks the grammar.
pub fn parse(text: &str, lookup: &Lookup) -> Result<Parsed, DotenvError> {
    Parser::new(text, lookup).read(Parser::entry)
}

/// Reads `text` as `env_file` with `format: raw` does: everything behind `=` is the value, nothing is expanded.
///
/// # Errors
/// [`DotenvError`] for a key that is missing or holds a space.
pub fn parse_raw(text: &str, lookup: &Lookup) -> Result<Parsed, DotenvError> {
    Parser::new(text, lookup).read(Parser::raw_entry)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    lookup: &'a Lookup<'a>,
    earlier: BTreeMap<String, String>,
    unset: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, lookup: &'a Lookup<'a>) -> Self {
        Self {
            text,
            at: if text.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len_utf8()
            } else {
                0
            },
            line: 1,
            lookup,
            earlier: BTreeMap::new(),
            unset: Vec::new(),
        }
    }

    fn read(
        mut self,
        entry: fn(&mut Self) -> Result<Entry, DotenvError>,
    ) -> Result<Parsed, DotenvError> {
        let mut entries = Vec::new();
        while self.skip_to_statement() {
            let entry = entry(&mut self)?;
            if let Some(value) = &entry.value {
                self.earlier.insert(entry.key.clone(), value.clone());
            }
            entries.push(entry);
        }
        Ok(Parsed {
            entries,
            unset: self.unset,
        })
    }

    fn skip_to_statement(&mut self) -> bool {
        loop {
            self.advance_while(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.advance_while(|c| c != '\n');
        }
    }

    fn entry(&mut self) -> Result<Entry, DotenvError> {
        self.skip_export();
        let line = self.line;
        let (key_span, separator) = self.key()?;
        let key = self.text[key_span.clone()].to_owned();
        if !separator {
            let value = (self.lookup)(&key);
            let value_span = key_span.end..key_span.end;
            return Ok(Entry {
                key,
                value,
                form: Form::Bare,
                line,
                key_span,
                value_span,
            });
        }
        if key.is_empty() {
            return Err(fault_at(DotenvFault::NoKey, line, key_span.start..self.at));
        }
        self.advance_while(is_blank);
        let start = self.at;
        let (form, value) = match self.rest().chars().next() {
            Some('\'') => (Form::Single, self.quoted('\'')?),
            Some('"') => (Form::Double, self.quoted('"')?),
            _ => (Form::Unquoted, self.unquoted()?),
        };
        Ok(Entry {
            key,
            value: Some(value),
            form,
            line,
            key_span,
            value_span: start..self.at,
        })
    }

    fn skip_export(&mut self) {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(is_blank)
            && !after
                .trim_start_matches(is_blank)
                .starts_with(['=', ':', '\n'])
        {
            self.at += "export".len();
            self.advance_while(is_blank);
        }
    }

    /// Reads a key up to its separator and says whether there was one.
    fn key(&mut self) -> Result<(Range<usize>, bool), DotenvError> {
        let (start, line) = (self.at, self.line);
        let end = self
            .rest()
            .find(['=', ':', '\n'])
            .map_or(self.text.len(), |at| start + at);
        let written = self.text[start..end].trim_end();
        let allowed = |c: char| c.is_alphanumeric() || "_.-[]".contains(c) || is_blank(c);
        if let Some((at, wrong)) = written.char_indices().find(|(_, c)| !allowed(*c)) {
            let span = start + at..start + at + wrong.len_utf8();
            return Err(fault_at(DotenvFault::KeyCharacter(wrong), line, span));
        }
        let span = start..start + written.len();
        if written.contains(is_blank) {
            return Err(fault_at(DotenvFault::KeySpace, line, span));
        }
        self.at = end;
        let separator = self.rest().starts_with(['=', ':']);
        if separator {
            self.at += 1;
        }
        Ok((span, separator))
    }

    fn unquoted(&mut self) -> Result<String, DotenvError> {
        let start = self.at;
        let to_line_end = self.rest().split('\n').next().unwrap_or_default();
        let before_comment = to_line_end.split(" #").next().unwrap_or_default();
        let raw = before_comment.trim_end();
        let value = self.expand(raw, |inner| start + inner.start..start + inner.end)?;
        // The blanks and the `#` comment that may follow are skipped as any are.
        self.at = start + raw.len();
        Ok(value)
    }

    fn quoted(&mut self, quote: char) -> Result<String, DotenvError> {
        let (start, line) = (self.at, self.line);
        let mut content = String::new();
        let mut escaped = false;
        for (at, c) in self.text[start..].char_indices().skip(1) {
            if c == quote && !escaped {
                self.line += self.text[start..start + at].matches('\n').count();
                self.at = start + at + 1;
                if quote == '\'' {
                    return Ok(content);
                }
                let span = start..self.at;
                return self.expand(&unescape(&content), |_| span.clone());
            }
            if escaped && c != quote {
                content.push('\\');
            }
            if c == '\\' && !escaped {
                escaped = true;
            } else {
                escaped = false;
                content.push(c);
            }
        }
        let first_line = self.text[start..].lines().next().unwrap_or_default();
        Err(fault_at(
            DotenvFault::Unterminated,
            line,
            start..start + first_line.len(),
        ))
    }

    fn expand(
        &mut self,
        raw: &str,
        place: impl Fn(Range<usize>) -> Range<usize>,
    ) -> Result<String, DotenvError> {
        let known = |name: &str| (self.lookup)(name).or_else(|| self.earlier.get(name).cloned());
        let expanded = Template::parse(raw).and_then(|template| template.expand(&known));
        let expansion =
            expanded.map_err(|error| fault_at(error.fault.into(), self.line, place(error.span)))?;
        for name in expansion.unset {
            if !self.unset.contains(&name) {
                self.unset.push(name);
            }
        }
        Ok(expansion.text)
    }

    fn raw_entry(&mut self) -> Result<Entry, DotenvError> {
        let (start, line) = (self.at, self.line);
        let written = self.rest().split('\n').next().unwrap_or_default();
        let written = written.strip_suffix('\r').unwrap_or(written);
        self.at = start + written.len();
        let (key, value) = match written.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (written, None),
        };
        let key_span = start..start + key.len();
        if key.is_empty() {
            return Err(fault_at(DotenvFault::NoKey, line, start..self.at));
        }
        if key.contains(char::is_whitespace) {
            return Err(fault_at(DotenvFault::KeySpace, line, key_span));
        }
        let value_span = self.at - value.map_or(0, str::len)..self.at;
        let form = if value.is_some() {
            Form::Unquoted
        } else {
            Form::Bare
        };
        let value = value.map(str::to_owned).or_else(|| (self.lookup)(key));
        Ok(Entry {
            key: key.to_owned(),
            value,
            form,
            line,
            key_span,
            value_span,
        })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn advance_while(&mut self, wanted: impl Fn(char) -> bool) {
        let skipped = self
            .rest()
            .find(|c| !wanted(c))
            .map_or(self.rest(), |end| &self.rest()[..end]);
        self.line += skipped.matches('\n').count();
        self.at += skipped.len();
    }
}

fn fault_at(fault: DotenvFault, line: usize, span: Range<usize>) -> DotenvError {
    DotenvError { fault, line, span }
}

/// White space within a line.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, parse_raw};
    use crate::dotenv::{DotenvFault, Form};

    fn environment(name: &str) -> Option<String> {
        (name == "FROM_OS").then(|| "os".to_owned())
    }

    /// Cases stand in a data file: input, `---`, the values or the error, `===`.
    #[test]
    fn the_table_of_env_files_reads_as_compose_does() {
        let table = include_str!("../../tests/compose/dotenv.txt");
        let cases: Vec<&str> = table
            .split("\n===\n")
            .filter(|case| !case.trim().is_empty())
            .collect();
        for case in &cases {
            let (input, expected) = case.split_once("\n---\n").expect("a case has `---`");
            let input = input
                .replace("<CR>", "\r")
                .replace("<BOM>", "\u{feff}")
                .replace("<TAB>", "\t");
            let got = match parse(&input, &environment) {
                Ok(parsed) => {
                    let line = |(key, value): (&String, &String)| format!("{key}={value:?}");
                    parsed
                        .values()
                        .iter()
                        .map(line)
                        .collect::<Vec<_>>()
                        .join("\n")
                }
                Err(error) => format!("! {error}"),
            };
            assert_eq!(got, expected.trim_end(), "{input}");
        }
        assert!(cases.len() > 30, "the table was read whole");
    }

    #[test]
    fn spans_let_one_value_be_replaced_and_nothing_else() {
        let text = "# head\nexport A = 'x y' # why\nB=2 # two\nC\nD=\n";

        let parsed = parse(text, &environment).expect("it parses");

        let written: Vec<(&str, &str, Form, usize)> = parsed
            .entries
            .iter()
            .map(|entry| {
                (
                    &text[entry.key_span.clone()],
                    &text[entry.value_span.clone()],
                    entry.form,
                    entry.line,
                )
            })
            .collect();
        assert_eq!(
            written,
            [
                ("A", "'x y'", Form::Single, 2),
                ("B", "2", Form::Unquoted, 3),
                ("C", "", Form::Bare, 4),
                ("D", "", Form::Unquoted, 5),
            ]
        );
    }

    #[test]
    fn the_last_entry_of_a_key_wins() {
        let parsed = parse("A=1\nB=$A\nA=2\n", &environment).expect("it parses");

        assert_eq!(parsed.values()["A"], "2");
        assert_eq!(parsed.values()["B"], "1");
        assert_eq!(parsed.entry("A").map(|entry| entry.line), Some(3));
    }

    #[test]
    fn a_missing_variable_is_reported_once() {
        let parsed = parse("A=$NO\nB=${NO}${NEITHER}\n", &environment).expect("it parses");

        assert_eq!(parsed.unset, ["NO", "NEITHER"]);
    }

    #[test]
    fn an_error_never_shows_the_value() {
        let error = parse("A=1\nSECRET=\"hunter2\n", &environment).expect_err("the quote is open");

        assert_eq!((error.line, &error.fault), (2, &DotenvFault::Unterminated));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn the_raw_form_takes_everything_behind_the_sign() {
        let parsed = parse_raw("# c\nA= '$X' # no comment\nFROM_OS\nB=\r\n", &environment)
            .expect("it parses");

        let values = parsed.values();
        assert_eq!(values["A"], " '$X' # no comment");
        assert_eq!(values["FROM_OS"], "os");
        assert_eq!(values["B"], "");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-C=:'\"\\\\#$ {}\r\n\té-]{0,40}") {
            let _ = parse(&text, &environment);
            let _ = parse_raw(&text, &environment);
        }

        #[test]
        fn spans_lie_in_the_text_in_order(text in "([A-C]{1,2}=[a-c '\"#]{0,6}\n){0,5}") {
            if let Ok(parsed) = parse(&text, &environment) {
                let mut end = 0;
                for entry in parsed.entries {
                    prop_assert!(end <= entry.key_span.start && entry.key_span.end <= entry.value_span.start);
                    end = entry.value_span.end;
                }
                prop_assert!(end <= text.len());
            }
        }
    }
}
