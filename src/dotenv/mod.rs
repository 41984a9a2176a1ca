//! Pure text: the `.env` grammar and the `${}` interpolation, both as Compose has them.
//!
//! Spans are byte ranges of the text given, so that an editor of `.env` can replace one value and leave the rest.

mod entry;
mod error;
mod escape;
mod expansion;
mod parser;
mod quote;
mod template;

pub use entry::{Entry, Form, Parsed};
pub use error::{DotenvError, DotenvFault, TemplateError, TemplateFault};
pub use expansion::Expansion;
pub use parser::{parse, parse_raw};
pub use quote::{Unquotable, quote};
pub use template::{Operator, Template, Variable};

/// Where a variable's value is looked up: `None` for one that is not set.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;
