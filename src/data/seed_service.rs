//! A service's own seed command.

use super::command::Declared;
use super::seed_store::Again;
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;

/// Runs the service's own seed command where it is due, or always where asked.
///
/// # Errors
/// [`DataError`]; the command's own end with its last lines where it fails.
pub async fn seed_service(
    context: &DataContext,
    service: &Service,
    again: Again,
) -> Result<DataOutcome, DataError> {
    match Declared::seed(service) {
        Some(seed) => seed.run_if_due(context, again).await,
        None => Ok(DataOutcome::NothingDue),
    }
}
