//! A file of commands for redis, one a line, its words quoted as `redis-cli` has them.

use super::excerpt::Place;

/// A command, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// From 1.
    pub(super) line: usize,
    /// Its words; they need not be UTF-8.
    pub(super) words: Vec<Vec<u8>>,
}

/// The commands of a text; empty lines and those that begin with `#` are none.
///
/// # Errors
/// The place of a quote that doesn't end, or ends within a word, and why it is wrong.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, (Place, &'static str)> {
    let mut commands = Vec::new();
    for (at, source) in text.lines().enumerate() {
        let line = at + 1;
        if source.trim_start().starts_with('#') {
            continue;
        }
        let words = words(source).map_err(|(column, reason)| (Place { line, column }, reason))?;
        if !words.is_empty() {
            commands.push(Command { line, words });
        }
    }
    Ok(commands)
}

type Characters<'a> = std::iter::Peekable<std::iter::Enumerate<std::str::Chars<'a>>>;

fn words(source: &str) -> Result<Vec<Vec<u8>>, (usize, &'static str)> {
    let mut characters: Characters<'_> = source.chars().enumerate().peekable();
    let mut words = Vec::new();
    while let Some((at, first)) = characters.peek().copied() {
        if first.is_whitespace() {
            characters.next();
            continue;
        }
        let mut word = Vec::new();
        while let Some((_, c)) = characters.next_if(|(_, c)| !c.is_whitespace()) {
            if c != '"' && c != '\'' {
                push(&mut word, c);
                continue;
            }
            quoted(&mut characters, c, &mut word)
                .ok_or((at + 1, "a quote that begins here doesn't end"))?;
            if let Some((after, _)) = characters.next_if(|(_, c)| !c.is_whitespace()) {
                return Err((after + 1, "a space must follow a quote's end"));
            }
        }
        words.push(word);
    }
    Ok(words)
}

/// Reads up to the closing quote; `None` where there is none.
fn quoted(characters: &mut Characters<'_>, quote: char, word: &mut Vec<u8>) -> Option<()> {
    loop {
        match characters.next()?.1 {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => escaped(characters, word)?,
            '\\' if characters.next_if(|(_, c)| *c == '\'').is_some() => word.push(b'\''),
            c => push(word, c),
        }
    }
}

fn escaped(characters: &mut Characters<'_>, word: &mut Vec<u8>) -> Option<()> {
    match characters.next()?.1 {
        'n' => word.push(b'\n'),
        'r' => word.push(b'\r'),
        't' => word.push(b'\t'),
        'b' => word.push(8),
        'a' => word.push(7),
        'x' => {
            let mut digits = characters.clone().take(2).map(|(_, c)| c.to_digit(16));
            let digits = (digits.next().flatten(), digits.next().flatten());
            if let (Some(high), Some(low)) = digits {
                word.extend(u8::try_from(high * 16 + low));
                characters.nth(1);
            } else {
                word.push(b'x');
            }
        }
        other => push(word, other),
    }
    Some(())
}

fn push(word: &mut Vec<u8>, c: char) {
    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str) -> Vec<Vec<u8>> {
        words(source).unwrap()
    }

    #[test]
    fn words_are_quoted_as_in_redis_cli() {
        assert_eq!(one("  SET  a b "), [b"SET", &b"a"[..], b"b"]);
        assert_eq!(one(r#"SET "a b" 'it\'s'"#)[1..], [&b"a b"[..], b"it's"]);
        assert_eq!(
            one(r#""\x00\xff\n\"ü\xg""#),
            ["\0ÿ\n\"üxg"
                .chars()
                .flat_map(|c| match c {
                    'ÿ' => vec![0xff],
                    c => c.to_string().into_bytes(),
                })
                .collect::<Vec<u8>>()]
        );
        assert_eq!(one(r#"SET a """#)[2], b"");
        assert_eq!(one(r"SET a '\n'")[2], br"\n");
    }

    #[test]
    fn comments_and_empty_lines_are_no_commands() {
        let found = commands("# flags\r\n\r\nSET a 1\r\n  # more\nSET b 2").unwrap();

        let lines: Vec<usize> = found.iter().map(|command| command.line).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(found[0].words[2], b"1");
    }

    #[test]
    fn a_quote_that_does_not_end_is_placed() {
        let place = |text: &str| commands(text).unwrap_err();

        assert_eq!(
            place("SET a 1\nSET b \"two\nSET c 3"),
            (
                Place { line: 2, column: 7 },
                "a quote that begins here doesn't end"
            )
        );
        assert_eq!(
            place("SET \"a\"b 1"),
            (
                Place { line: 1, column: 8 },
                "a space must follow a quote's end"
            )
        );
    }
}
