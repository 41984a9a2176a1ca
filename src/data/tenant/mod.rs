//! Parts of shared stores: a database, a redis number and a virtual host of a tenant's own, made and dropped; and the
//! templates that such parts begin with.
//!
//! The context is the shared stores', whose settings have their administrators' logins; the tenant's own service of the
//! same name has the tenant's.

mod broker;
mod database;
mod number;
mod part;
mod template;

pub use part::{drop_part, make_part};
pub use template::{SharedTemplate, discard_template, find_template, keep_template};
