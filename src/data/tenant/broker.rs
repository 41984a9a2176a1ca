//! A tenant's virtual host and user of the broker.

use hyper::Method;
use serde_json::{Value, json};

use crate::data::broker_api::BrokerApi;
use crate::data::seed_broker;
use crate::data::{DataContext, DataError};
use crate::domain::{AmqpLogin, Service, percent_encoded};

/// Makes the host and the user, who may do all there; definitions are imported where given.
pub(super) async fn make(
    context: &DataContext,
    store: &Service,
    own: &Service,
    definitions: Option<&Value>,
) -> Result<(), DataError> {
    let api = BrokerApi::of(context, store);
    let login = login_of(own);
    let (user, host) = (percent_encoded(&login.user), percent_encoded(&login.vhost));
    // Only an administrator imports definitions and notes what was imported; queues are reached by permission alone.
    let account = json!({ "password": login.password.expose(), "tags": "administrator" });
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    let (hosts, users) = (format!("/api/vhosts/{host}"), format!("/api/users/{user}"));
    let (made, known) = tokio::try_join!(
        api.send(Method::PUT, &hosts, None),
        api.send(Method::PUT, &users, Some(&account)),
    )?;
    made.map_err(|reason| api.refused("making a tenant's virtual host", &reason))?;
    known.map_err(|reason| api.refused("making a tenant's user", &reason))?;
    let path = format!("/api/permissions/{host}/{user}");
    let given = api.send(Method::PUT, &path, Some(&all)).await?;
    given.map_err(|reason| api.refused("giving a tenant its virtual host", &reason))?;
    if let Some(kept) = definitions {
        let path = format!("/api/definitions/{host}");
        let sent = api
            .send(Method::POST, &path, Some(&kept["definitions"]))
            .await?;
        sent.map_err(|reason| api.refused("beginning with a template", &reason))?;
        seed_broker::note(&api, &seed_broker::marks_of(own), &kept["marks"]).await?;
    }
    Ok(())
}

/// Drops both, and what was noted of them; sessions end with them.
pub(super) async fn drop(
    context: &DataContext,
    store: &Service,
    own: &Service,
) -> Result<(), DataError> {
    let api = BrokerApi::of(context, store);
    let login = login_of(own);
    let paths = [
        format!("/api/users/{}", percent_encoded(&login.user)),
        format!("/api/vhosts/{}", percent_encoded(&login.vhost)),
        format!(
            "/api/global-parameters/{}",
            percent_encoded(&seed_broker::marks_of(own))
        ),
    ];
    for path in paths {
        if let Err(reason) = api.send(Method::DELETE, &path, None).await?
            && api.get(&path).await?.is_some()
        {
            return Err(api.refused("dropping a tenant's virtual host", &reason));
        }
    }
    Ok(())
}

/// What the virtual host has, and what was noted of its seeds.
pub(super) async fn keep(
    context: &DataContext,
    store: &Service,
    own: &Service,
) -> Result<Value, DataError> {
    let api = BrokerApi::of(context, store);
    let host = percent_encoded(&login_of(own).vhost);
    let definitions = api.get(&format!("/api/definitions/{host}")).await?;
    let marks = format!(
        "/api/global-parameters/{}",
        percent_encoded(&seed_broker::marks_of(own))
    );
    let mut marks = api.get(&marks).await?.unwrap_or_default();
    Ok(json!({ "definitions": definitions, "marks": marks["value"].take() }))
}

fn login_of(own: &Service) -> AmqpLogin {
    AmqpLogin::of(own, &|_| None)
}
