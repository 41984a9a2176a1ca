//! A template's data put into a container that was made and not yet started.

use super::Template;
use crate::data::DataError;
use crate::data::snapshot::packing::unpack;
use crate::domain::{ContainerId, ServiceName};
use crate::engine::Engine;

/// Fills the volumes of a service's container that is about to be started for the first time.
///
/// # Errors
/// [`DataError`]; the container is then of no use.
pub async fn fill(
    engine: &dyn Engine,
    template: &Template,
    service: &ServiceName,
    container: &ContainerId,
) -> Result<(), DataError> {
    for (target, file) in template.files_of(service) {
        engine.unpack(container, target, unpack(file)).await?;
    }
    Ok(())
}
