//! The env schema and `.env`: parsed, generated, reconciled; never alters a value that a person wrote.

mod decorator;
mod document;
mod draft;
mod fault;
#[cfg(test)]
mod fixture;
mod kind;
mod recipe;
mod reconcile;
mod recover;
mod schema;
mod variable;

pub use document::Document;
pub use fault::Fault;
pub use kind::{Kind, TextRule};
pub use recipe::{Randomness, Recipe};
pub use reconcile::{Reconciled, Reconciliation, reconcile};
pub use schema::Schema;
pub use variable::{Exposure, Need, Origin, Variable, is_placeholder};
