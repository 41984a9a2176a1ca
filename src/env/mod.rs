//! The env schema and `.env`: parsed, generated, reconciled; never alters a value that a person wrote.

mod decorator;
mod draft;
mod fault;
#[cfg(test)]
mod fixture;
mod kind;
mod recipe;
mod schema;
mod variable;

pub use fault::Fault;
pub use kind::{Kind, TextRule};
pub use recipe::{Randomness, Recipe};
pub use schema::Schema;
pub use variable::{Exposure, Need, Origin, Variable, is_placeholder};
