//! A text with `$NAME` and `${NAME…}` in it, parsed once and expanded against any lookup.

use std::ops::Range;

use super::{Expansion, Lookup, TemplateError, TemplateFault};

/// Deeper nesting of `${…${…}…}` than this is refused.
const DEEPEST: usize = 64;
/// A value larger than this is refused.
const LARGEST: usize = 16 * 1024 * 1024;

/// What is done about a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `:-`: the operand where the variable is unset or empty.
    DefaultIfEmpty,
    /// `-`: the operand where the variable is unset.
    DefaultIfUnset,
    /// `:?`: a failure where the variable is unset or empty.
    RequiredNonEmpty,
    /// `?`: a failure where the variable is unset.
    Required,
    /// `:+`: the operand where the variable is set and not empty, else nothing.
    AlternativeIfFilled,
    /// `+`: the operand where the variable is set, else nothing.
    AlternativeIfSet,
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'a> {
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    Variable(Variable<'a>),
}

/// A variable named in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Its name.
    pub name: &'a str,
    /// The whole expression, from `$` on.
    pub span: Range<usize>,
    /// What is done about its value, and with what; a broken operand matters only where it is used.
    pub operation: Option<(Operator, Result<Template<'a>, TemplateError>)>,
}

impl<'a> Template<'a> {
    /// Parses `text`. A `$` that starts neither a name nor `${` stands for itself; `$$` is `$`.
    ///
    /// # Errors
    /// [`TemplateError`] for a `${` without end, name or operator.
    pub fn parse(text: &'a str) -> Result<Self, TemplateError> {
        Self::parse_within(text, 0, 0)
    }

    fn parse_within(text: &'a str, base: usize, depth: usize) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some(dollar) = text[from..].find('$').map(|at| from + at) {
            if dollar > from {
                pieces.push(Piece::Literal(&text[from..dollar]));
            }
            let after = &text[dollar + 1..];
            from = if after.starts_with('$') {
                pieces.push(Piece::Literal("$"));
                dollar + 2
            } else if after.starts_with('{') {
                let variable = braced(text, dollar, base, depth)?;
                let end = variable.span.end - base;
                pieces.push(Piece::Variable(variable));
                end
            } else {
                let name = name_at(after);
                let end = dollar + 1 + name.len();
                pieces.push(if name.is_empty() {
                    Piece::Literal("$")
                } else {
                    let span = base + dollar..base + end;
                    Piece::Variable(Variable {
                        name,
                        span,
                        operation: None,
                    })
                });
                end
            };
        }
        if from < text.len() {
            pieces.push(Piece::Literal(&text[from..]));
        }
        Ok(Self { pieces })
    }

    /// Puts values in: defaults are looked at only where they are needed.
    ///
    /// # Errors
    /// [`TemplateError`] for a required variable without a value, and for a broken operand that is needed.
    pub fn expand(&self, lookup: &Lookup) -> Result<Expansion, TemplateError> {
        let mut expansion = Expansion::default();
        self.expand_into(lookup, &mut expansion)?;
        Ok(expansion)
    }

    fn expand_into(&self, lookup: &Lookup, out: &mut Expansion) -> Result<(), TemplateError> {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.text.push_str(text),
                Piece::Variable(variable) => variable.expand_into(lookup, out)?,
            }
        }
        Ok(())
    }

    /// Whether the text holds nothing to expand, `$$` included.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.pieces.as_slice(), [] | [Piece::Literal(_)])
    }

    /// Every variable named, those in operands included, in the order they stand.
    #[must_use]
    pub fn variables(&self) -> Vec<&Variable<'a>> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'t>(&'t self, found: &mut Vec<&'t Variable<'a>>) {
        for piece in &self.pieces {
            if let Piece::Variable(variable) = piece {
                found.push(variable);
                if let Some((_, Ok(operand))) = &variable.operation {
                    operand.collect(found);
                }
            }
        }
    }
}

impl Variable<'_> {
    fn expand_into(&self, lookup: &Lookup, out: &mut Expansion) -> Result<(), TemplateError> {
        let value = lookup(self.name);
        let filled = value.as_deref().is_some_and(|value| !value.is_empty());
        let set = value.is_some();
        let Some((operator, operand)) = &self.operation else {
            if !set {
                out.miss(self.name);
            }
            return self.push(&value.unwrap_or_default(), out);
        };
        let operand = || operand.as_ref().map_err(Clone::clone);
        match operator {
            Operator::DefaultIfEmpty if !filled => operand()?.expand_into(lookup, out),
            Operator::DefaultIfUnset if !set => operand()?.expand_into(lookup, out),
            Operator::RequiredNonEmpty if !filled => Err(self.missing(operand()?, lookup)?),
            Operator::Required if !set => Err(self.missing(operand()?, lookup)?),
            Operator::AlternativeIfFilled if filled => operand()?.expand_into(lookup, out),
            Operator::AlternativeIfSet if set => operand()?.expand_into(lookup, out),
            Operator::AlternativeIfFilled | Operator::AlternativeIfSet => Ok(()),
            _ => self.push(&value.unwrap_or_default(), out),
        }
    }

    fn push(&self, value: &str, out: &mut Expansion) -> Result<(), TemplateError> {
        if out.text.len() + value.len() > LARGEST {
            return Err(self.error(TemplateFault::TooLarge));
        }
        out.text.push_str(value);
        Ok(())
    }

    fn missing(&self, message: &Template, lookup: &Lookup) -> Result<TemplateError, TemplateError> {
        Ok(self.error(TemplateFault::Required {
            name: self.name.to_owned(),
            message: message.expand(lookup)?.text,
        }))
    }

    fn error(&self, fault: TemplateFault) -> TemplateError {
        TemplateError {
            fault,
            span: self.span.clone(),
        }
    }
}

/// Parses `${…}` at `dollar`; an operand ends at the first `}` that closes no `${` of its own.
fn braced(
    text: &str,
    dollar: usize,
    base: usize,
    depth: usize,
) -> Result<Variable<'_>, TemplateError> {
    let error = |fault, end: usize| TemplateError {
        fault,
        span: base + dollar..base + end,
    };
    if depth >= DEEPEST {
        return Err(error(TemplateFault::TooDeep, dollar + 2));
    }
    let Some(close) = closing_brace(text, dollar) else {
        let line_end = text[dollar..]
            .find('\n')
            .map_or(text.len(), |at| dollar + at);
        return Err(error(TemplateFault::Unclosed, line_end));
    };
    let inside = &text[dollar + 2..close];
    let span = base + dollar..base + close + 1;
    let name = name_at(inside);
    if name.is_empty() {
        return Err(error(TemplateFault::Name, close + 1));
    }
    let rest = &inside[name.len()..];
    if rest.is_empty() {
        return Ok(Variable {
            name,
            span,
            operation: None,
        });
    }
    let (operator, length) =
        operator_at(rest).ok_or_else(|| error(TemplateFault::Operator, close + 1))?;
    let operand = &rest[length..];
    let operand_base = base + close - operand.len();
    let operation = Some((
        operator,
        Template::parse_within(operand, operand_base, depth + 1),
    ));
    Ok(Variable {
        name,
        span,
        operation,
    })
}

fn operator_at(text: &str) -> Option<(Operator, usize)> {
    let operators = [
        (":-", Operator::DefaultIfEmpty),
        ("-", Operator::DefaultIfUnset),
        (":?", Operator::RequiredNonEmpty),
        ("?", Operator::Required),
        (":+", Operator::AlternativeIfFilled),
        ("+", Operator::AlternativeIfSet),
    ];
    let found = operators.iter().find(|(sign, _)| text.starts_with(sign));
    found.map(|(sign, operator)| (*operator, sign.len()))
}

fn closing_brace(text: &str, dollar: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    let mut at = dollar;
    while at < bytes.len() {
        if bytes[at] == b'$' && bytes.get(at + 1) == Some(&b'{') {
            open += 1;
            at += 1;
        } else if bytes[at] == b'}' {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
        }
        at += 1;
    }
    None
}

fn name_at(text: &str) -> &str {
    let is_part = |(at, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
    };
    let end = text
        .char_indices()
        .find(|part| !is_part(*part))
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Template, TemplateFault};

    fn environment(name: &str) -> Option<String> {
        match name {
            "A" => Some("1".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        }
    }

    /// `template => text`, `template => ! fault`, one a line; the table of cases is a data file.
    #[test]
    fn the_table_of_templates_expands_as_compose_does() {
        let table = include_str!("../../tests/compose/interpolation.txt");
        let mut cases = 0;
        for line in table
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
        {
            let (template, expected) = line.split_once(" => ").expect("a case has ` => `");
            let result = Template::parse(template).and_then(|parsed| parsed.expand(&environment));
            let got = match result {
                Ok(expansion) => expansion.text,
                Err(error) => format!("! {error}"),
            };
            assert_eq!(got, expected.trim_end_matches('·'), "{template}");
            cases += 1;
        }
        assert!(cases > 40, "the table was read whole");
    }

    #[test]
    fn a_variable_without_value_is_told_once() {
        let template = Template::parse("$X ${X} ${Y} ${Z:-}").expect("it parses");

        let expansion = template.expand(&environment).expect("it expands");

        assert_eq!(expansion.unset, ["X", "Y"]);
    }

    #[test]
    fn a_fault_names_its_bytes() {
        let error = Template::parse("ab ${A:-x} ${B!} c").expect_err("`!` is no operator");

        assert_eq!((error.fault, error.span), (TemplateFault::Operator, 11..16));
    }

    #[test]
    fn a_nested_fault_names_its_bytes_in_the_whole_text() {
        let template = Template::parse("x${B:-y${C:?no}}").expect("it parses");

        let error = template.expand(&environment).expect_err("C has no value");

        assert_eq!(error.span, 7..15);
    }

    #[test]
    fn endless_nesting_is_refused() {
        let text = format!("{}x{}", "${B:-".repeat(10_000), "}".repeat(10_000));

        let result = Template::parse(&text).and_then(|template| template.expand(&environment));

        assert_eq!(
            result.map_err(|error| error.fault),
            Err(TemplateFault::TooDeep)
        );
    }

    #[test]
    fn every_variable_is_listed_operands_included() {
        let template = Template::parse("$A-${B:-${C}}").expect("it parses");

        let names: Vec<&str> = template
            .variables()
            .iter()
            .map(|variable| variable.name)
            .collect();

        assert_eq!(names, ["A", "B", "C"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$A-C{}:?+\\- é\n]{0,40}") {
            let _ = Template::parse(&text).map(|template| template.expand(&environment));
        }

        #[test]
        fn text_without_a_dollar_is_itself(text in "[^$]{0,40}") {
            let expansion = Template::parse(&text).expect("it parses").expand(&environment).expect("it expands");
            prop_assert_eq!(expansion.text, text);
        }

        #[test]
        fn doubled_dollars_are_single_ones(text in "[$A-C{}:?]{0,40}") {
            let doubled = text.replace('$', "$$");
            let expansion = Template::parse(&doubled).expect("it parses").expand(&environment).expect("it expands");
            prop_assert_eq!(expansion.text, text);
        }
    }
}
