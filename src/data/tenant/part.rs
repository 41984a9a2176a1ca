//! A tenant's part of one store, whichever that is.

use super::{SharedTemplate, broker, database, number};
use crate::data::{DataContext, DataError};
use crate::domain::{Readiness, Service};

/// Makes the part that `own`, the tenant's service, has the login of; it begins with `template` where there is one.
///
/// # Errors
/// [`DataError`]; what was made by then goes with [`drop_part`].
pub async fn make_part(
    context: &DataContext,
    own: &Service,
    template: Option<&SharedTemplate>,
) -> Result<(), DataError> {
    let store = store(context, own)?;
    match own.ready {
        Readiness::Postgres => {
            let template = template.map(|template| template.database.as_str());
            database::make(context, store, own, template).await
        }
        Readiness::Redis => {
            let template = template.and_then(|template| template.record.redis);
            number::make(context, store, own, template).await
        }
        Readiness::Amqp => {
            let template = template.and_then(|template| template.record.broker.as_ref());
            broker::make(context, store, own, template).await
        }
        _ => Ok(()),
    }
}

/// Drops the part, whoever still uses it; one that is gone is no error.
///
/// # Errors
/// [`DataError`] where the store refuses.
pub async fn drop_part(context: &DataContext, own: &Service) -> Result<(), DataError> {
    let store = store(context, own)?;
    match own.ready {
        Readiness::Postgres => database::drop(context, store, own).await,
        Readiness::Redis => number::drop(context, store, own).await,
        Readiness::Amqp => broker::drop(context, store, own).await,
        _ => Ok(()),
    }
}

/// The shared store of the tenant's service.
pub(super) fn store<'a>(context: &'a DataContext, own: &Service) -> Result<&'a Service, DataError> {
    let store = context.stack.service(&own.name);
    store.ok_or_else(|| DataError::NotRunning {
        service: own.name.clone(),
    })
}
