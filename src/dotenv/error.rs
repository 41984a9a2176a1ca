//! What can be wrong with a `.env` file or a template; no message ever shows a value.

use std::ops::Range;

use thiserror::Error;

/// What is wrong with a `${}` expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateFault {
    /// `${` without its `}`.
    #[error("`${{` has no closing `}}`")]
    Unclosed,
    /// What stands between the braces is no variable's name.
    #[error("`${{` must be followed by a variable's name")]
    Name,
    /// What follows the name is no operator.
    #[error("after the variable's name only `}}` or one of `:-` `-` `:?` `?` `:+` `+` may follow")]
    Operator,
    /// `:?` or `?` on a variable without a value.
    #[error("required variable {name} is missing a value{}", suffix(message))]
    Required {
        /// The variable.
        name: String,
        /// What the author says of it.
        message: String,
    },
    /// Expressions within expressions beyond any sense.
    #[error("`${{}}` is nested too deeply")]
    TooDeep,
    /// The result would be larger than any value is.
    #[error("the interpolated value is larger than 16 MiB")]
    TooLarge,
}

fn suffix(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

/// A fault in a template, with its place in the template's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct TemplateError {
    /// What is wrong.
    pub fault: TemplateFault,
    /// The bytes of the template concerned.
    pub span: Range<usize>,
}

/// What is wrong with a line of a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DotenvFault {
    /// A quote is opened and never closed.
    #[error("unterminated quoted value")]
    Unterminated,
    /// A character that a key can't hold.
    #[error("unexpected character {0:?} in a variable's name")]
    KeyCharacter(char),
    /// Blanks inside a key.
    #[error("a key cannot contain a space")]
    KeySpace,
    /// `=value` without a key.
    #[error("a key is missing before `=`")]
    NoKey,
    /// A fault in the value's interpolation.
    #[error(transparent)]
    Template(#[from] TemplateFault),
}

/// A fault in a `.env` file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct DotenvError {
    /// What is wrong.
    pub fault: DotenvFault,
    /// The line, counted from 1.
    pub line: usize,
    /// The bytes of the file concerned; they may hold a secret.
    pub span: Range<usize>,
}
