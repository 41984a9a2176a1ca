//! Tenants: copies of a stack whose stores are parts of shared ones, which stand ready for all of them.

mod keeper;
mod lodger;
mod refusal;
mod settling;
mod url;

pub use keeper::shared;
pub use lodger::{Lodger, Lodging, hosts, is_store};
pub use refusal::{Refusal, refusal};
pub use settling::{mark, settle, shared_ports};
