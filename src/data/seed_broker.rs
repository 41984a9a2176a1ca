//! The seed files of the broker: definitions, imported through its management API; the broker itself notes which it has.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::broker_api::BrokerApi;
use super::excerpt::Place;
use super::script::Script;
use super::seed_files::Store;
use super::seed_store::{Again, Hashed, SeedOptions, wanted};
use super::{DataContext, DataError, DataOutcome};
use crate::domain::{AmqpLogin, Home, Service, percent_encoded};
use crate::event::Event;

const MARKS: &str = "jobsprint_dev_seeds";
/// What belongs to a virtual host; a file that names none means the application's own.
const HOSTED: [&str; 6] = [
    "permissions",
    "parameters",
    "policies",
    "queues",
    "exchanges",
    "bindings",
];

/// What belongs to the whole broker.
const ACCOUNTS: [&str; 4] = ["users", "vhosts", "topic_permissions", "global_parameters"];

/// Imports the files that are due, ordered by name.
pub(super) async fn seed(
    context: &DataContext,
    service: &Service,
    options: &SeedOptions,
) -> Result<DataOutcome, DataError> {
    let wanted = wanted(context, Store::RabbitMq, options)?;
    if wanted.is_empty() {
        return Ok(DataOutcome::NothingDue);
    }
    let api = BrokerApi::of(context, service);
    let place = Seeded::of(service);
    let mut marks = marks(&api, &place.marks).await?;
    let is_due = |(file, hash): &&Hashed| {
        options.again == Again::Always || marks.get(&file.name) != Some(hash)
    };
    let due: Vec<Hashed> = wanted.iter().filter(is_due).cloned().collect();
    for (file, hash) in &due {
        let script = Script::read(&file.path, context.shown(&file.path))?;
        let rows = import(&api, &place, &script).await?;
        marks.insert(file.name.clone(), hash.clone());
        // A run that is killed here imports the file again, which changes nothing.
        note(&api, &place.marks, &json!(marks)).await?;
        let what = script.file;
        context.events.tell(Event::DataProgress { what, rows });
    }
    Ok(match due.len() {
        0 => DataOutcome::NothingDue,
        count => DataOutcome::Ran(count),
    })
}

/// The files that the broker has, each with its hash.
pub(super) async fn applied(
    context: &DataContext,
    service: &Service,
) -> Result<BTreeMap<String, String>, DataError> {
    marks(&BrokerApi::of(context, service), &marks_of(service)).await
}

/// Where definitions go, and where it is noted that they went there.
struct Seeded {
    marks: String,
    definitions: String,
    /// The virtual host that all of it must be in; `None` where the broker is the stack's own.
    only: Option<String>,
}

impl Seeded {
    fn of(service: &Service) -> Self {
        let marks = marks_of(service);
        let vhost = AmqpLogin::of(service, &|_| None).vhost;
        match service.home {
            Home::Own => Self {
                marks,
                definitions: "/api/definitions".to_owned(),
                only: None,
            },
            // Of a broker that stacks share, the rest is others'.
            Home::Shared => Self {
                marks,
                definitions: format!("/api/definitions/{}", percent_encoded(&vhost)),
                only: Some(vhost),
            },
        }
    }

    /// What the broker has, each thing with its virtual host.
    async fn get(&self, api: &BrokerApi<'_>) -> Result<Value, DataError> {
        let mut all = api.get(&self.definitions).await?.unwrap_or_default();
        if let (Some(only), Some(all)) = (&self.only, all.as_object_mut()) {
            host(all, only);
        }
        Ok(all)
    }
}

/// The global parameter that notes which seeds a service has.
pub(super) fn marks_of(service: &Service) -> String {
    match service.home {
        Home::Own => MARKS.to_owned(),
        Home::Shared => format!("{MARKS}_{}", AmqpLogin::of(service, &|_| None).vhost),
    }
}

/// Notes which seeds there are.
pub(super) async fn note(
    api: &BrokerApi<'_>,
    parameter: &str,
    marks: &Value,
) -> Result<(), DataError> {
    let noted = json!({ "name": parameter, "value": marks });
    let path = format!("/api/global-parameters/{}", percent_encoded(parameter));
    let noted = api.send(Method::PUT, &path, Some(&noted)).await?;
    noted.map_err(|reason| api.refused("noting a seed", &reason))
}

async fn marks(
    api: &BrokerApi<'_>,
    parameter: &str,
) -> Result<BTreeMap<String, String>, DataError> {
    let path = format!("/api/global-parameters/{}", percent_encoded(parameter));
    let mut noted = api.get(&path).await?.unwrap_or_default();
    Ok(serde_json::from_value(noted["value"].take()).unwrap_or_default())
}

/// Imports a file, and says how many things it names.
async fn import(api: &BrokerApi<'_>, place: &Seeded, script: &Script) -> Result<u64, DataError> {
    let mut definitions = read(script)?;
    if let Some(only) = &place.only {
        let kept = keep_to(&mut definitions, only);
        kept.map_err(|reason| script.failure_in_line(Place { line: 1, column: 1 }, reason))?;
    }
    host(&mut definitions, &api.login.vhost);
    let lists = definitions.values().filter_map(Value::as_array);
    let count: usize = lists.map(Vec::len).sum();
    let before = place.get(api).await?;
    let definitions = Value::Object(definitions);
    let sent = api.send(Method::POST, &place.definitions, Some(&definitions));
    let refused = match sent.await? {
        Err(reason) => Some(reason),
        Ok(()) => passed_over(&definitions, &place.get(api).await?),
    };
    if let Some(reason) = refused {
        take_back(api, place, &before).await?;
        return Err(script.failure_in_line(Place { line: 1, column: 1 }, reason));
    }
    Ok(count as u64)
}

fn read(script: &Script) -> Result<Map<String, Value>, DataError> {
    let wrong = |place: Place, reason: String| script.failure_in_line(place, reason);
    match serde_json::from_str(&script.text) {
        Ok(Value::Object(definitions)) => Ok(definitions),
        Ok(_) => {
            let reason = "definitions are a JSON object, as `{ \"queues\": [] }`".to_owned();
            Err(wrong(Place { line: 1, column: 1 }, reason))
        }
        Err(error) => {
            let place = Place {
                line: error.line().max(1),
                column: error.column().max(1),
            };
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
            Err(wrong(place, reason))
        }
    }
}

/// Gives what names no virtual host the application's own.
fn host(definitions: &mut Map<String, Value>, vhost: &str) {
    for kind in HOSTED {
        let items = definitions.get_mut(kind).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            item.entry("vhost").or_insert_with(|| vhost.into());
        }
    }
}

/// Keeps definitions to the virtual host that a tenant has: what is the plain one's becomes that one's, accounts are
/// left out, since a tenant has one, and what is another's is refused.
fn keep_to(definitions: &mut Map<String, Value>, vhost: &str) -> Result<(), String> {
    for kind in ACCOUNTS {
        definitions.remove(kind);
    }
    definitions.remove("permissions");
    for items in definitions.values_mut().filter_map(Value::as_array_mut) {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            let said = item.get("vhost").and_then(Value::as_str);
            if let Some(other) = said.filter(|said| *said != "/" && *said != vhost) {
                return Err(format!(
                    "a tenant has a virtual host of its own alone, and none `{other}`; go with `--isolate full`"
                ));
            }
            item.insert("vhost".to_owned(), vhost.into());
        }
    }
    Ok(())
}

/// A binding that the broker passed over without a word, as it does where one of its ends is missing.
fn passed_over(definitions: &Value, after: &Value) -> Option<String> {
    let bindings = |all: &Value| all["bindings"].as_array().cloned().unwrap_or_default();
    let ends = |binding: &Value| {
        ["vhost", "source", "destination", "routing_key"].map(|end| binding[end].clone())
    };
    let there: Vec<_> = bindings(after).iter().map(ends).collect();
    let wanted = bindings(definitions);
    let lost = wanted
        .iter()
        .find(|binding| !there.contains(&ends(binding)))?;
    let end = |end: &str| lost[end].as_str().unwrap_or_default().to_owned();
    let (source, destination) = (end("source"), end("destination"));
    Some(format!(
        "`{source}` can't be bound to `{destination}`: one of them is not there"
    ))
}

/// Takes away what an import that failed half-way made, and puts what it changed back.
async fn take_back(api: &BrokerApi<'_>, place: &Seeded, before: &Value) -> Result<(), DataError> {
    let after = place.get(api).await?;
    for kind in ["queues", "exchanges", "policies", "vhosts", "users"] {
        for name in new_ones(kind, before, &after) {
            let path = format!("/api/{kind}/{name}");
            // What can't be removed is overwritten when the mended file is applied.
            api.send(Method::DELETE, &path, None).await?.ok();
        }
    }
    api.send(Method::POST, &place.definitions, Some(before))
        .await?
        .ok();
    Ok(())
}

/// The paths of what is in `after` alone.
fn new_ones(kind: &str, before: &Value, after: &Value) -> Vec<String> {
    let path = |item: &Value| {
        let vhost = item["vhost"].as_str().map(percent_encoded);
        let name = item["name"].as_str().map(percent_encoded);
        let parts: Vec<String> = [vhost, name].into_iter().flatten().collect();
        parts.join("/")
    };
    let all = |definitions: &Value| -> Vec<String> {
        let items = definitions[kind].as_array().into_iter().flatten();
        items.map(path).collect()
    };
    let known = all(before);
    let now = all(after).into_iter();
    now.filter(|path| !known.contains(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_virtual_host_gets_the_applications() {
        let mut definitions = read(&Script {
            file: "definitions.json".to_owned(),
            text: r#"{"queues":[{"name":"a"},{"name":"b","vhost":"own"}],"users":[{"name":"c"}]}"#
                .to_owned(),
        })
        .unwrap();

        host(&mut definitions, "/");

        assert_eq!(
            Value::Object(definitions),
            json!({
                "queues": [{ "name": "a", "vhost": "/" }, { "name": "b", "vhost": "own" }],
                "users": [{ "name": "c" }],
            })
        );
    }

    #[test]
    fn in_a_shared_broker_definitions_keep_to_the_tenants_virtual_host() {
        let definitions = |text: &str| {
            let text = text.to_owned();
            let file = "definitions.json".to_owned();
            read(&Script { file, text }).unwrap()
        };
        let mut own = definitions(
            r#"{"users":[{"name":"c"}],"queues":[{"name":"a"},{"name":"b","vhost":"/"}]}"#,
        );
        let mut others = definitions(r#"{"queues":[{"name":"a","vhost":"billing"}]}"#);

        keep_to(&mut own, "shop_ci_1").unwrap();
        let refused = keep_to(&mut others, "shop_ci_1").unwrap_err();

        assert_eq!(
            Value::Object(own),
            json!({ "queues": [
                { "name": "a", "vhost": "shop_ci_1" }, { "name": "b", "vhost": "shop_ci_1" },
            ] })
        );
        assert!(refused.contains("none `billing`"), "{refused}");
    }

    #[test]
    fn only_what_was_made_since_is_taken_back() {
        let before = json!({ "queues": [{ "name": "a", "vhost": "/" }] });
        let after = json!({ "queues": [
            { "name": "a", "vhost": "/" }, { "name": "a b", "vhost": "/" }, { "name": "a", "vhost": "x" },
        ] });

        assert_eq!(new_ones("queues", &before, &after), ["%2F/a%20b", "x/a"]);
        assert_eq!(new_ones("users", &before, &after), Vec::<String>::new());
    }
}
