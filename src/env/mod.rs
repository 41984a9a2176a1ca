//! The env schema and `.env`: parsed, generated, reconciled; never alters a value that a person wrote.

mod certificate;
mod decorator;
mod document;
mod draft;
mod failure;
mod fault;
#[cfg(test)]
mod fixture;
mod kind;
mod recipe;
mod reconcile;
mod recover;
mod redact;
mod schema;
mod variable;

pub use certificate::{Certificate, CertificateError, LOCAL_NAMES, Verdict};
pub use document::Document;
pub use failure::{document_failure, schema_failure};
pub use fault::Fault;
pub use kind::{Kind, TextRule};
pub use recipe::{Randomness, Recipe};
pub use reconcile::{Reconciled, Reconciliation, reconcile};
pub use redact::Redactor;
pub use schema::Schema;
pub use variable::{Exposure, Need, Origin, Variable, is_placeholder};
