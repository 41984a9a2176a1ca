//! The env schema and `.env`: parsed, generated, reconciled; never alters a value that a person wrote.

mod certificate;
mod check;
mod consumers;
mod decorator;
mod document;
mod draft;
mod failure;
mod fault;
#[cfg(test)]
mod fixture;
mod kind;
mod listing;
mod parcel;
mod recipe;
mod reconcile;
mod recover;
mod redact;
mod rotation;
mod schema;
mod shapes;
mod sources;
mod variable;

pub use certificate::{Certificate, CertificateError, LOCAL_NAMES, Verdict};
pub use check::{Around, Finding, InGit, Weight, check, refusal};
pub use consumers::{differences, marker};
pub use document::Document;
pub use failure::{document_failure, schema_failure};
pub use fault::Fault;
pub use kind::{Kind, TextRule};
pub use listing::{MASKED, is_sensitive, list, masked, sensitive};
pub use parcel::{ParcelError, open, seal, shareable};
pub use recipe::{Randomness, Recipe};
pub use reconcile::{Reconciled, Reconciliation, reconcile};
pub use redact::Redactor;
pub use rotation::{assign, rotate, unknown};
pub use schema::Schema;
pub use shapes::without_shapes;
pub use sources::{Found, Source, Sources};
pub use variable::{Exposure, Need, Origin, Variable, is_placeholder};
