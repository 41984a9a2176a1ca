//! A command line cut into words, as Compose cuts one: quotes and backslashes, but no shell.

/// The words of a command line, and what of it was left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub words: Vec<String>,
    /// From a bare `;` `&` `|` `<` or `>` on, Compose drops the rest: the byte where that is.
    pub dropped_from: Option<usize>,
}

/// Cuts `line` into words; `None` where a quote, an escape or a bracket is left open.
pub(super) fn split(line: &str) -> Option<Words> {
    let mut cutter = Cutter::default();
    for (at, c) in line.char_indices() {
        match cutter.step(c) {
            Step::Next => {}
            Step::Stop => return cutter.finish(Some(at)),
            Step::Broken => return None,
        }
    }
    cutter.finish(None)
}

#[derive(Default)]
struct Cutter {
    words: Vec<String>,
    word: String,
    started: bool,
    escaped: bool,
    quote: Option<char>,
}

enum Step {
    Next,
    Stop,
    Broken,
}

impl Cutter {
    fn step(&mut self, c: char) -> Step {
        if self.escaped {
            self.escaped = false;
            return self.push(c);
        }
        match (c, self.quote) {
            ('\\', quote) if quote != Some('\'') => self.escaped = true,
            (' ' | '\t' | '\r' | '\n', None) => self.end_word(),
            ('"' | '\'', None) => {
                self.quote = Some(c);
                self.started = true;
            }
            ('"' | '\'', Some(open)) if open == c => self.quote = None,
            ('`', None) => return self.open(c),
            ('`', Some('`')) | (')', Some('(')) => {
                self.quote = None;
                return self.push(c);
            }
            ('(', None) if self.word.ends_with('$') => return self.open(c),
            ('(' | ')', None) | ('(', Some('(')) => return Step::Broken,
            (';' | '&' | '|' | '<' | '>', None) => {
                // `2>file`: the number belongs to the redirection, which is dropped.
                if c == '>' && self.word.starts_with(|first: char| first.is_ascii_digit()) {
                    self.started = false;
                }
                return Step::Stop;
            }
            _ => return self.push(c),
        }
        Step::Next
    }

    fn open(&mut self, quote: char) -> Step {
        self.quote = Some(quote);
        self.push(quote)
    }

    fn push(&mut self, c: char) -> Step {
        self.started = true;
        self.word.push(c);
        Step::Next
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.started) {
            self.words.push(word);
        }
    }

    fn finish(mut self, dropped_from: Option<usize>) -> Option<Words> {
        if self.escaped || self.quote.is_some() {
            return None;
        }
        self.end_word();
        Some(Words {
            words: self.words,
            dropped_from,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;

    /// `line => word | word` or `line => !`, one a line; `\n` and `\t` stand for themselves.
    #[test]
    fn the_table_of_command_lines_is_cut_as_compose_cuts_it() {
        let table = include_str!("../../tests/compose/commands.txt");
        for case in table.lines().filter(|line| !line.is_empty()) {
            let (line, expected) = case.split_once(" => ").expect("a case has ` => `");
            let line = line.replace("<NL>", "\n").replace("<TAB>", "\t");
            let got = split(&line).map_or_else(
                || "!".to_owned(),
                |cut| cut.words.join("|").replace('\n', "<NL>"),
            );
            assert_eq!(got, expected, "{line}");
        }
    }

    #[test]
    fn what_compose_drops_is_known() {
        assert_eq!(split("a && b").and_then(|cut| cut.dropped_from), Some(2));
        assert_eq!(
            split("sh -c 'a && b'").and_then(|cut| cut.dropped_from),
            None
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[a-c 'é\"\\\\`$();&|<>2\n]{0,30}") {
            let _ = split(&line);
        }
    }
}
