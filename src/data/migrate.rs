//! A service's migrations, by its own command.

use super::command::Declared;
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;

/// Brings the database to the state that the service's migrations describe, where it isn't there yet.
///
/// # Errors
/// [`DataError`]; the command's own end with its last lines where it fails.
pub async fn migrate(context: &DataContext, service: &Service) -> Result<DataOutcome, DataError> {
    match Declared::migration(service) {
        Some(migration) => migration.run_if_due(context).await,
        None => Ok(DataOutcome::NothingDue),
    }
}
