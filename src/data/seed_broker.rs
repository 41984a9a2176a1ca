//! The seed files of the broker: definitions, imported through its management API; the broker itself notes which it has.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::broker_api::{BrokerApi, encoded};
use super::excerpt::Place;
use super::script::Script;
use super::seed_files::Store;
use super::seed_store::{Again, Hashed, SeedOptions, wanted};
use super::{DataContext, DataError, DataOutcome};
use crate::domain::Service;
use crate::event::Event;

const MARKS: &str = "/api/global-parameters/jobsprint_dev_seeds";
const DEFINITIONS: &str = "/api/definitions";
/// What belongs to a virtual host; a file that names none means the application's own.
const HOSTED: [&str; 6] = [
    "permissions",
    "parameters",
    "policies",
    "queues",
    "exchanges",
    "bindings",
];

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
    let mut marks = marks(&api).await?;
    let is_due = |(file, hash): &&Hashed| {
        options.again == Again::Always || marks.get(&file.name) != Some(hash)
    };
    let due: Vec<Hashed> = wanted.iter().filter(is_due).cloned().collect();
    for (file, hash) in &due {
        let script = Script::read(&file.path, context.shown(&file.path))?;
        let rows = import(&api, &script).await?;
        marks.insert(file.name.clone(), hash.clone());
        // A run that is killed here imports the file again, which changes nothing.
        let noted = json!({ "name": "jobsprint_dev_seeds", "value": marks });
        let noted = api.send(Method::PUT, MARKS, Some(&noted)).await?;
        noted.map_err(|reason| api.refused("noting a seed", &reason))?;
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
    marks(&BrokerApi::of(context, service)).await
}

async fn marks(api: &BrokerApi<'_>) -> Result<BTreeMap<String, String>, DataError> {
    let mut noted = api.get(MARKS).await?.unwrap_or_default();
    Ok(serde_json::from_value(noted["value"].take()).unwrap_or_default())
}

/// Imports a file, and says how many things it names.
async fn import(api: &BrokerApi<'_>, script: &Script) -> Result<u64, DataError> {
    let mut definitions = read(script)?;
    host(&mut definitions, &api.login.vhost);
    let lists = definitions.values().filter_map(Value::as_array);
    let count: usize = lists.map(Vec::len).sum();
    let before = api.get(DEFINITIONS).await?.unwrap_or_default();
    let definitions = Value::Object(definitions);
    let sent = api.send(Method::POST, DEFINITIONS, Some(&definitions));
    let refused = match sent.await? {
        Err(reason) => Some(reason),
        Ok(()) => passed_over(
            &definitions,
            &api.get(DEFINITIONS).await?.unwrap_or_default(),
        ),
    };
    if let Some(reason) = refused {
        take_back(api, &before).await?;
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
async fn take_back(api: &BrokerApi<'_>, before: &Value) -> Result<(), DataError> {
    let after = api.get(DEFINITIONS).await?.unwrap_or_default();
    for kind in ["queues", "exchanges", "policies", "vhosts", "users"] {
        for name in new_ones(kind, before, &after) {
            let path = format!("/api/{kind}/{name}");
            // What can't be removed is overwritten when the mended file is applied.
            api.send(Method::DELETE, &path, None).await?.ok();
        }
    }
    api.send(Method::POST, DEFINITIONS, Some(before))
        .await?
        .ok();
    Ok(())
}

/// The paths of what is in `after` alone.
fn new_ones(kind: &str, before: &Value, after: &Value) -> Vec<String> {
    let path = |item: &Value| {
        let vhost = item["vhost"].as_str().map(encoded);
        let name = item["name"].as_str().map(encoded);
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
    fn only_what_was_made_since_is_taken_back() {
        let before = json!({ "queues": [{ "name": "a", "vhost": "/" }] });
        let after = json!({ "queues": [
            { "name": "a", "vhost": "/" }, { "name": "a b", "vhost": "/" }, { "name": "a", "vhost": "x" },
        ] });

        assert_eq!(new_ones("queues", &before, &after), ["%2F/a%20b", "x/a"]);
        assert_eq!(new_ones("users", &before, &after), Vec::<String>::new());
    }
}
