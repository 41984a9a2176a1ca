//! Pure text to a checked [`Stack`](crate::domain::Stack): the Compose file as Compose understands it.

mod check;
pub mod config;
mod consistency;
mod diagnostic;
mod duration;
mod emit;
mod interpolate;
mod load;
mod loader;
mod lower;
mod merge;
mod model;
mod node;
mod normalise;
mod path;
mod port;
mod portable;
mod project;
mod request;
mod scalar;
mod schema;
mod shape;
mod short;
mod source;
mod suggest;
mod support;
mod tidy;
mod volume;
mod words;
mod yaml;

pub use diagnostic::{Colour, Diagnostic, Mark, Severity};
pub use load::load;
pub use model::Model;
pub use portable::{Portable, ROOT, portable};
pub use request::{Diagnostics, FileReader, LoadRequest, Loaded};
pub use source::Source;
