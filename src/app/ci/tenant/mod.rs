//! A tenant: a run whose stores are parts of shared ones.

mod apart;
mod leaving;
mod note;
mod parts;

pub(super) use apart::{apart, check};
pub(in crate::app) use leaving::{Afterwards, leave};
pub(in crate::app) use note::{is_orphan, is_used, tenants};
pub(in crate::app) use parts::Tenant;
