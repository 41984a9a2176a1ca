//! The stores that tenants share: made by the first run that needs them, found again by the later ones, and gone once
//! nobody has used them for a day.

mod known;
mod standing;
mod unused;

pub(super) use known::{bare, context, kind_of, write_private};
pub(in crate::app) use known::{forget, is_ours};
pub(super) use standing::{Keeper, Stores, stand};
pub(in crate::app) use unused::{have_ended, remove_unused};
