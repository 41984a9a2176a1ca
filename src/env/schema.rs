//! `templates/.env.schema`: the one source of truth about the environment, in `@env-spec` style.

use std::collections::BTreeSet;

use super::decorator::{Decorator, Slip, decorators};
use super::draft::Draft;
use super::{Fault, Variable};
use crate::domain::nearest;
use crate::dotenv::{self, Template};

/// All variables, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    variables: Vec<Variable>,
}

impl Schema {
    /// Reads a schema; `file` is its name in messages.
    ///
    /// # Errors
    /// Every fault found, in the order of the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader {
            file,
            draft: Draft::default(),
            schema: Self::default(),
            faults: Vec::new(),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            reader.line(index + 1, line.trim_end());
        }
        reader.detached();
        if reader.faults.is_empty() {
            Ok(reader.schema)
        } else {
            Err(reader.faults)
        }
    }

    /// The variables in the order of the file.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter()
    }

    /// The variable of this key.
    #[must_use]
    pub fn variable(&self, key: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.key == key)
    }

    /// The key that was probably meant by one that the schema doesn't have.
    #[must_use]
    pub fn nearest(&self, key: &str) -> Option<&str> {
        nearest(
            key,
            self.variables.iter().map(|variable| variable.key.as_str()),
        )
    }
}

struct Reader<'a> {
    file: &'a str,
    draft: Draft,
    schema: Schema,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let trimmed = line.trim_start();
        let indent = line.chars().count() - trimmed.chars().count();
        if trimmed.is_empty() {
            self.detached();
        } else if let Some(comment) = trimmed.strip_prefix('#') {
            self.comment(number, line, indent + 1, comment);
        } else {
            self.assignment(number, line, indent);
        }
    }

    fn comment(&mut self, number: usize, line: &str, at: usize, comment: &str) {
        let text = comment.trim();
        if text.starts_with('@') {
            self.decorators(number, line, at);
        } else if text.len() >= 3 && text.chars().all(|c| "-=#".contains(c)) {
            self.detached();
        } else {
            let plain = comment.strip_prefix(' ').unwrap_or(comment);
            self.draft.describe(plain);
        }
    }

    fn decorators(&mut self, number: usize, line: &str, at: usize) {
        match decorators(line, at) {
            Ok(found) => {
                for decorator in found {
                    self.draft.decorate(decorator, number, line);
                }
            }
            Err(Slip { at, message }) => self.fault(number, line, (at, 1), message, None),
        }
    }

    /// A comment block that no key follows: a header. Decorators there would do nothing, so they are faults.
    fn detached(&mut self) {
        let draft = std::mem::take(&mut self.draft);
        for (decorator, number, line) in draft.decorators() {
            let message = format!("`@{}` belongs to no key", decorator.name);
            let place = (decorator.at, decorator.name.len() + 1);
            let hint = "put the decorators straight above their key, without an empty line";
            self.fault(number, line, place, message, Some(hint.to_owned()));
        }
    }

    fn assignment(&mut self, number: usize, line: &str, indent: usize) {
        let mut draft = std::mem::take(&mut self.draft);
        let rest: String = line.chars().skip(indent).collect();
        let Some((key, value)) = rest.split_once('=') else {
            let message = format!("expected `KEY=` or a comment, found `{rest}`");
            let width = rest.chars().count();
            return self.fault(number, line, (indent, width), message, None);
        };
        let key = key.trim_end();
        if !is_key(key) {
            let message = format!("`{key}` is not a key: letters, digits and `_`, no digit first");
            return self.fault(number, line, (indent, key.chars().count()), message, None);
        }
        if let Some(earlier) = self.schema.variable(key) {
            let message = format!(
                "`{key}` stands twice; the first is on line {}",
                earlier.line
            );
            return self.fault(number, line, (indent, key.len()), message, None);
        }
        let value_at = line.chars().count() - value.chars().count();
        let (written, comment_at) = cut_comment(value);
        if let Some(comment_at) = comment_at {
            let comment: String = value.chars().skip(comment_at + 1).collect();
            if comment.trim_start().starts_with('@') {
                match decorators(line, value_at + comment_at + 1) {
                    Ok(found) => {
                        for decorator in found {
                            draft.decorate(decorator, number, line);
                        }
                    }
                    Err(Slip { at, message }) => {
                        self.fault(number, line, (at, 1), message, None);
                    }
                }
            }
        }
        let width = written.chars().count();
        if let Err(message) = self.check_references(key, written) {
            self.fault(number, line, (value_at, width), message, None);
        }
        match draft.finish(key, written, number) {
            Ok(variable) => self.schema.variables.push(variable),
            Err(faults) => {
                for fault in faults {
                    if let Some(placed) = fault.decorator {
                        let (decorator, number, line) = *placed;
                        let place = width_of(&decorator);
                        self.fault(number, &line, place, fault.message, fault.hint);
                    } else {
                        let place = (value_at, width);
                        self.fault(number, line, place, fault.message, fault.hint);
                    }
                }
                // A key with faults is known all the same, so that what names it is not a second fault.
                self.schema.variables.push(Variable::bare(key, number));
            }
        }
    }

    /// A default may name only keys above it: Compose expands a `.env` from top to bottom.
    fn check_references(&self, key: &str, written: &str) -> Result<(), String> {
        if written.starts_with('\'') {
            return Ok(());
        }
        dotenv::parse(&format!("{key}={written}"), &|_| None)
            .map_err(|error| error.fault.to_string())?;
        let template = Template::parse(written).map_err(|error| error.to_string())?;
        let known: BTreeSet<&str> = self
            .schema
            .variables()
            .map(|variable| variable.key.as_str())
            .collect();
        let named = template.variables();
        match named.iter().find(|named| !known.contains(named.name)) {
            None => Ok(()),
            Some(unknown) => {
                let hint = nearest(unknown.name, known)
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                Err(format!(
                    "the default of `{key}` names `{}`, which no line above has{hint}",
                    unknown.name
                ))
            }
        }
    }

    fn fault(
        &mut self,
        line: usize,
        source: &str,
        (at, width): (usize, usize),
        message: String,
        hint: Option<String>,
    ) {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line,
            column: at + 1,
            width,
            source: source.to_owned(),
            message,
            hint,
        });
    }
}

fn width_of(decorator: &Decorator) -> (usize, usize) {
    match &decorator.value {
        Some(value) => (value.at, value.width),
        None => (decorator.at, decorator.name.chars().count() + 1),
    }
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value as written, and where its comment's `#` stands (in characters).
fn cut_comment(value: &str) -> (&str, Option<usize>) {
    let quote = value.chars().next().filter(|c| "\"'".contains(*c));
    let mut escaped = false;
    let mut open = quote.is_some();
    let mut before = ' ';
    for (index, (byte, c)) in value.char_indices().enumerate() {
        if index > 0 && open {
            open = Some(c) != quote || escaped;
            escaped = c == '\\' && !escaped;
        } else if c == '#' && before.is_whitespace() && !open {
            return (value[..byte].trim(), Some(index));
        }
        before = c;
    }
    (value.trim(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Exposure, Need, Origin, Recipe};

    fn faults(text: &str) -> Vec<String> {
        let faults = Schema::parse("templates/.env.schema", text).unwrap_err();
        faults
            .iter()
            .flat_map(|fault| {
                let hint = fault.hint.iter().map(|hint| format!("hint: {hint}"));
                fault.lines().into_iter().chain(hint)
            })
            .collect()
    }

    #[test]
    fn a_variable_is_read_with_all_its_decorators() {
        let text = "\
# The stack's secrets.
# ---

# Signs the gateway's tokens.
# Changing it signs everybody out.
# @required @sensitive @generate=base64(32)
# @docs(https://jwt.io) @example=\"c2VjcmV0\"
JWT_SECRET=

# @type=enum(development, staging)
NODE_ENV=development # @required
";
        let schema = Schema::parse("s", text).unwrap();

        let jwt = schema.variable("JWT_SECRET").unwrap();
        assert_eq!(
            jwt.description,
            [
                "Signs the gateway's tokens.",
                "Changing it signs everybody out."
            ]
        );
        assert_eq!(jwt.need, Need::Required);
        assert_eq!(jwt.exposure, Exposure::Sensitive);
        assert_eq!(jwt.origin, Origin::Generated(Recipe::Base64(32)));
        assert_eq!(jwt.docs.as_deref(), Some("https://jwt.io"));
        assert_eq!(jwt.example.as_deref(), Some("c2VjcmV0"));
        assert_eq!(jwt.line, 8);
        let node = schema.variable("NODE_ENV").unwrap();
        assert_eq!(node.origin, Origin::Default("development".to_owned()));
        assert_eq!(node.kind.to_string(), "`development` or `staging`");
        assert_eq!(node.exposure, Exposure::Public);
    }

    #[test]
    fn a_generated_value_is_sensitive_unless_the_schema_says_otherwise() {
        let text = "# @generate=uuid\nA=\n# @generate=uuid @sensitive=false\nB=\n# @optional\nC=\n";

        let schema = Schema::parse("s", text).unwrap();

        let found: Vec<_> = schema
            .variables()
            .map(|variable| (variable.exposure, variable.need))
            .collect();
        assert_eq!(
            found,
            [
                (Exposure::Sensitive, Need::Required),
                (Exposure::Public, Need::Required),
                (Exposure::Public, Need::Optional),
            ]
        );
    }

    #[test]
    fn faults_point_at_line_and_column_all_in_one_run() {
        let text = "\
# @requird
A=1
# @type=prot
B=2
# @type=port
C=70000
";
        assert_eq!(
            faults(text),
            [
                "templates/.env.schema:1:3: unknown decorator `@requird`",
                "1 | # @requird",
                "  |   ^^^^^^^^",
                "hint: did you mean `@required`?",
                "templates/.env.schema:3:9: unknown type `prot`; did you mean `port`?",
                "3 | # @type=prot",
                "  |         ^^^^",
                "templates/.env.schema:6:3: the default of `C` must be a port (1 to 65535)",
                "6 | C=70000",
                "  |   ^^^^^",
            ]
        );
    }

    #[test]
    fn contradictions_and_strays_are_faults() {
        let cases = [
            (
                "# @required @optional\nA=1\n",
                "s:1:13: `@optional` contradicts `@required`",
            ),
            (
                "# @generate=uuid\nA=1\n",
                "s:2:3: `A` has `@generate` and a default; keep one",
            ),
            (
                "# @generate=uuid @prompt=\"x\"\nA=\n",
                "s:1:26: `@prompt` contradicts `@generate`",
            ),
            (
                "A=1\nA=2\n",
                "s:2:1: `A` stands twice; the first is on line 1",
            ),
            (
                "# @required\n\nA=1\n",
                "s:1:3: `@required` belongs to no key",
            ),
            (
                "# @type=port @type=url\nA=\n",
                "s:1:20: `@type` stands twice",
            ),
            (
                "nonsense\n",
                "s:1:1: expected `KEY=` or a comment, found `nonsense`",
            ),
            (
                "1A=2\n",
                "s:1:1: `1A` is not a key: letters, digits and `_`, no digit first",
            ),
            ("# @generate=md5(3)\nA=\n", "s:1:13: unknown recipe `md5`"),
            (
                "# @generate=hex(4)\nA=\n",
                "s:1:13: `hex(4)` is too short to be a secret: 8 at least",
            ),
            (
                "B_ONE=1\nA=${B_ON}\n",
                "s:2:3: the default of `A` names `B_ON`, which no line above has; did you mean `B_ONE`?",
            ),
            ("# @prompt=\"oh\nA=\n", "s:1:11: this \" is never closed"),
        ];

        for (text, message) in cases {
            let faults = Schema::parse("s", text).unwrap_err();
            let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(found, [message], "{text}");
        }
    }

    #[test]
    fn a_hash_inside_quotes_or_a_word_is_no_comment() {
        assert_eq!(cut_comment("'a # b' # c"), ("'a # b'", Some(8)));
        assert_eq!(cut_comment("a#b"), ("a#b", None));
        assert_eq!(cut_comment(r#""a\" # b""#), (r#""a\" # b""#, None));
        assert_eq!(cut_comment(" # only a comment"), ("", Some(1)));
    }
}
