//! Finds where each statement of an SQL text begins and ends, as postgres' own lexer reads it.
//!
//! Quotes, dollar quotes, nested comments and `BEGIN ATOMIC` bodies are respected
//! (<https://www.postgresql.org/docs/15/sql-syntax-lexical.html>).

use std::ops::Range;

/// The byte ranges of the statements, without their semicolons and the blanks and comments before them.
pub(super) fn statements(sql: &str) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(sql);
    let mut found = Vec::new();
    let mut start = None;
    let mut end = 0;
    let mut atomic = Atomic::default();
    while let Some((token, range)) = lexer.next() {
        match token {
            Token::Blank => continue,
            Token::Semicolon if !atomic.is_open() => {
                found.extend(start.take().map(|start| start..end));
                atomic = Atomic::default();
                continue;
            }
            Token::Word => atomic.word(&sql[range.clone()]),
            Token::Semicolon | Token::Other => {}
        }
        start.get_or_insert(range.start);
        end = range.end;
    }
    found.extend(start.map(|start| start..end));
    found
}

/// How deep a text is in a function's `BEGIN ATOMIC … END`.
#[derive(Debug, Default)]
struct Atomic {
    last_was_begin: bool,
    depth: usize,
}

impl Atomic {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn word(&mut self, word: &str) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        if is("atomic") && self.last_was_begin || is("case") && self.is_open() {
            self.depth += 1;
        } else if is("end") {
            self.depth = self.depth.saturating_sub(1);
        }
        self.last_was_begin = is("begin");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Blank,
    Semicolon,
    Word,
    Other,
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    fn next(&mut self) -> Option<(Token, Range<usize>)> {
        let start = self.at;
        let rest = &self.sql[start..];
        let first = rest.chars().next()?;
        let (token, length) = match first {
            ';' => (Token::Semicolon, 1),
            c if c.is_whitespace() => (Token::Blank, c.len_utf8()),
            '-' if rest.starts_with("--") => (Token::Blank, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Token::Blank, comment(rest)),
            '\'' => (Token::Other, quoted(rest, '\'', Escapes::Doubled)),
            '"' => (Token::Other, quoted(rest, '"', Escapes::Doubled)),
            'e' | 'E' if rest[1..].starts_with('\'') => (
                Token::Other,
                1 + quoted(&rest[1..], '\'', Escapes::Backslash),
            ),
            '$' => (Token::Other, dollar_quoted(rest).unwrap_or(1)),
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c) && c != '$');
                (Token::Word, end.unwrap_or(rest.len()))
            }
            c => (Token::Other, c.len_utf8()),
        };
        self.at += length;
        Some((token, start..self.at))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a comment that may hold others.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// A quote is written twice.
    Doubled,
    /// Or after a backslash.
    Backslash,
}

fn quoted(text: &str, quote: char, escapes: Escapes) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && escapes == Escapes::Backslash {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`; `None` where the dollar begins something else.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = 1 + text[1..].find('$')?;
    let tag = &text[1..tag_end];
    let is_tag = tag.chars().all(is_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let mark = &text[..=tag_end];
    let body = &text[mark.len()..];
    Some(match body.find(mark) {
        Some(end) => mark.len() + end + mark.len(),
        None => text.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Vec<&str> {
        statements(sql)
            .into_iter()
            .map(|range| &sql[range])
            .collect()
    }

    #[test]
    fn statements_end_at_semicolons_and_begin_after_comments() {
        let sql = "-- first\nSELECT 1;\n\n/* a /* nested */ one; */ SELECT 2 -- two\n; ;\nSELECT 3";
        assert_eq!(split(sql), ["SELECT 1", "SELECT 2", "SELECT 3"]);
    }

    #[test]
    fn a_semicolon_inside_quotes_ends_nothing() {
        let cases = [
            "SELECT 'it''s; here'",
            "SELECT \"odd;name\" FROM t",
            r"SELECT E'it\'s; here'",
            "DO $$ BEGIN PERFORM 1; END $$",
            "DO $body$ SELECT '$$;' ; $body$",
            "SELECT $1; ",
        ];
        for sql in cases {
            assert_eq!(split(sql).len(), 1, "{sql}");
        }
        assert_eq!(split("SELECT a$b; SELECT 2").len(), 2);
    }

    #[test]
    fn a_function_with_an_atomic_body_is_one_statement() {
        let sql = "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC
            SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 3; END; SELECT 4";
        assert_eq!(split(sql).len(), 2);
        assert_eq!(split("BEGIN; SELECT 1; END; SELECT 2").len(), 4);
    }

    #[test]
    fn an_unfinished_quote_runs_to_the_end() {
        assert_eq!(split("SELECT 1; SELECT 'never; ends").len(), 2);
    }
}
