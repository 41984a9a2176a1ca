//! A service's own seed command.

use super::command::Declared;
use super::ledger::Kind;
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;

/// Runs the service's own seed command where it is due.
///
/// # Errors
/// [`DataError`]; the command's own end with its last lines where it fails.
pub async fn seed_service(
    context: &DataContext,
    service: &Service,
) -> Result<DataOutcome, DataError> {
    let Some(seed) = &service.seed else {
        return Ok(DataOutcome::NothingDue);
    };
    let declared = Declared {
        what: "the seed command",
        kind: Kind::SeedCommand,
        service,
        run: &seed.run,
        inputs: &seed.inputs,
    };
    declared.run_if_due(context).await
}
