//! The decorators of an `@env-spec` comment: `@name`, `@name=value`, `@name=value(argument, key=argument)`.
//!
//! The grammar is that of <https://varlock.dev/env-spec/>; only its words differ.

/// A decorator with its place in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decorator {
    /// Its name, without the `@`.
    pub name: String,
    /// Where the `@` stands: characters from 0.
    pub at: usize,
    /// What stands after the `=`, or in parentheses straight after the name.
    pub value: Option<Value>,
}

/// A decorator's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// The word or the quoted text.
    pub word: String,
    /// Its arguments; `None` where it has no parentheses.
    pub arguments: Option<Vec<Argument>>,
    /// Where it begins: characters from 0.
    pub at: usize,
    /// How many characters it takes.
    pub width: usize,
}

/// One argument in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argument {
    /// Its name, where it is `name=text`.
    pub name: Option<String>,
    /// Its text, without quotes.
    pub text: String,
}

/// What breaks the grammar, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    /// Characters from 0.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads the decorators of `line` from character `from` on; stops at a ` #`, which begins a plain comment.
pub(super) fn decorators(line: &str, from: usize) -> Result<Vec<Decorator>, Slip> {
    let mut reader = Reader {
        characters: line.chars().collect(),
        at: from,
    };
    let mut found = Vec::new();
    loop {
        reader.skip_blanks();
        match reader.peek() {
            None | Some('#') => return Ok(found),
            Some('@') => found.push(reader.decorator()?),
            Some(other) => {
                return Err(reader.slip(format!("expected a decorator, found `{other}`")));
            }
        }
    }
}

struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn decorator(&mut self) -> Result<Decorator, Slip> {
        let at = self.at;
        self.at += 1;
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() {
            return Err(self.slip("expected a name after `@`"));
        }
        let value = match self.peek() {
            Some('=') => {
                self.at += 1;
                Some(self.value()?)
            }
            Some('(') => Some(self.value()?),
            None => None,
            Some(c) if c.is_whitespace() => None,
            Some(c) => return Err(self.slip(format!("expected `=` or a blank, found `{c}`"))),
        };
        Ok(Decorator { name, at, value })
    }

    fn value(&mut self) -> Result<Value, Slip> {
        let at = self.at;
        let word = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => self.word(|c| !c.is_whitespace() && !"(),".contains(c)),
        };
        let arguments = match self.peek() {
            Some('(') => Some(self.arguments()?),
            _ => None,
        };
        if self.at == at {
            return Err(self.slip("expected a value after `=`"));
        }
        Ok(Value {
            word,
            arguments,
            at,
            width: self.at - at,
        })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Slip> {
        let open = self.at;
        self.at += 1;
        let mut arguments = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => {
                    return Err(Slip {
                        at: open,
                        message: "this `(` is never closed".to_owned(),
                    });
                }
                Some(')') => {
                    self.at += 1;
                    return Ok(arguments);
                }
                Some(',') => self.at += 1,
                Some(_) => arguments.push(self.argument()?),
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, Slip> {
        let first = self.argument_text()?;
        if self.peek() != Some('=') {
            return Ok(Argument {
                name: None,
                text: first,
            });
        }
        self.at += 1;
        let text = self.argument_text()?;
        Ok(Argument {
            name: Some(first),
            text,
        })
    }

    fn argument_text(&mut self) -> Result<String, Slip> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.quoted(quote);
        }
        let text = self.word(|c| !"=,()".contains(c));
        Ok(text.trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, Slip> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    return Err(Slip {
                        at: open,
                        message: format!("this {quote} is never closed"),
                    });
                }
                Some('\\') if self.peek() == Some(quote) || self.peek() == Some('\\') => {
                    text.extend(self.next());
                }
                Some(c) if c == quote => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| belongs(*c)) {
            word.push(c);
            self.at += 1;
        }
        word
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn slip(&self, message: impl Into<String>) -> Slip {
        Slip {
            at: self.at,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(word: &str, at: usize, width: usize) -> Value {
        Value {
            word: word.to_owned(),
            arguments: None,
            at,
            width,
        }
    }

    #[test]
    fn several_decorators_stand_on_one_line_before_a_plain_comment() {
        let found = decorators("# @required @type=port # the gateway", 1).unwrap();

        assert_eq!(
            found,
            vec![
                Decorator {
                    name: "required".to_owned(),
                    at: 2,
                    value: None,
                },
                Decorator {
                    name: "type".to_owned(),
                    at: 12,
                    value: Some(value("port", 18, 4)),
                },
            ]
        );
    }

    #[test]
    fn arguments_may_be_named_and_quoted() {
        let found = decorators(r#"@type=string(minLength=8, matches="^a,b$")"#, 0).unwrap();

        let arguments = found[0].value.clone().unwrap().arguments.unwrap();
        assert_eq!(
            arguments,
            vec![
                Argument {
                    name: Some("minLength".to_owned()),
                    text: "8".to_owned(),
                },
                Argument {
                    name: Some("matches".to_owned()),
                    text: "^a,b$".to_owned(),
                },
            ]
        );
    }

    #[test]
    fn a_quoted_value_keeps_its_blanks_and_escaped_quotes() {
        let found = decorators(r#"@prompt="Your \"app\" id""#, 0).unwrap();

        assert_eq!(found[0].value.clone().unwrap().word, r#"Your "app" id"#);
    }

    #[test]
    fn what_is_never_closed_is_told_at_its_beginning() {
        let quote = decorators("@prompt=\"oh", 0).unwrap_err();
        let parenthesis = decorators("@type=enum(a, b", 0).unwrap_err();
        let empty = decorators("@type= @required", 0).unwrap_err();

        assert_eq!(
            (quote.at, quote.message.as_str()),
            (8, "this \" is never closed")
        );
        assert_eq!(
            (parenthesis.at, parenthesis.message.as_str()),
            (10, "this `(` is never closed")
        );
        assert_eq!(
            (empty.at, empty.message.as_str()),
            (6, "expected a value after `=`")
        );
    }
}
