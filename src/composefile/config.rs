//! The resolved file written out: whole as YAML or JSON, or one aspect of it.

use serde_json::{Map as Object, Value as Json};

use super::{Loaded, emit};
use crate::domain::{Aspect, Disclosure, Notation, Service, ServiceName};

/// What `config` is asked for.
pub struct ConfigRequest<'a> {
    /// What is written.
    pub aspect: &'a Aspect,
    /// Whether secrets are written out.
    pub secrets: Disclosure,
    /// Whether the variable of this name holds a secret; [`is_sensitive`] where nothing better is known.
    pub is_sensitive: &'a dyn Fn(&str) -> bool,
    /// The hash of a service's configuration.
    pub hash: &'a dyn Fn(&Service) -> String,
}

/// Whether a variable's name says that it holds a secret.
#[must_use]
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "_KEY",
        "CREDENTIAL",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Writes what was asked for; `None` where the service named does not exist.
#[must_use]
pub fn render(loaded: &Loaded, request: &ConfigRequest) -> Option<String> {
    let stack = &loaded.stack;
    Some(match request.aspect {
        Aspect::Model(format) => whole(loaded, *format, request),
        Aspect::Services => lines(stack.services.keys().map(ServiceName::as_str)),
        Aspect::Volumes => lines(loaded.model.section("volumes").map(|(key, _)| key)),
        Aspect::Images => lines(stack.services.values().map(image)),
        Aspect::Profiles => lines(loaded.model.profiles().iter().map(String::as_str)),
        Aspect::Hash(only) => hashes(loaded, only.as_deref(), request)?,
        Aspect::Environment => environment(loaded, request),
    })
}

fn lines<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.fold(String::new(), |mut text, item| {
        text.push_str(item);
        text.push('\n');
        text
    })
}

/// The image as the file names it, without the tag that a reference without one implies.
fn image(service: &Service) -> &str {
    let reference = service.image.reference.as_str();
    if service.image.named {
        reference
    } else {
        reference.strip_suffix(":latest").unwrap_or(reference)
    }
}

fn hashes(loaded: &Loaded, only: Option<&str>, request: &ConfigRequest) -> Option<String> {
    let services = loaded.stack.services.values();
    let wanted = services.filter(|service| only.is_none_or(|only| service.name.as_str() == only));
    let shown: Vec<String> = wanted
        .map(|service| format!("{} {}", service.name, (request.hash)(service)))
        .collect();
    (only.is_none() || !shown.is_empty()).then(|| lines(shown.iter().map(String::as_str)))
}

fn environment(loaded: &Loaded, request: &ConfigRequest) -> String {
    let shown = |(name, value): (&String, &String)| {
        let is_secret = request.secrets == Disclosure::Masked
            && (request.is_sensitive)(name)
            && !value.is_empty();
        let value = if is_secret {
            "***".to_owned()
        } else {
            url_masked(value, request.secrets)
        };
        format!("{name}={value}")
    };
    let shown: Vec<String> = loaded.environment.iter().map(shown).collect();
    lines(shown.iter().map(String::as_str))
}

fn whole(loaded: &Loaded, format: Notation, request: &ConfigRequest) -> String {
    let mut root = loaded.model.as_json().clone();
    if request.secrets == Disclosure::Masked {
        mask(&mut root, request);
    }
    escape(&mut root);
    match format {
        Notation::Yaml => emit::yaml(&root),
        Notation::Json => {
            complete_for_json(&mut root);
            let text = serde_json::to_string_pretty(&root);
            text.expect("a tree of strings, numbers, lists and mappings is always JSON") + "\n"
        }
    }
}

/// Masks variables, build arguments and inline configs whose name says secret, and passwords in addresses.
fn mask(root: &mut Json, request: &ConfigRequest) {
    for service in objects(root.get_mut("services")) {
        let build = service
            .get_mut("build")
            .and_then(|build| build.get_mut("args"));
        mask_pairs(build, request);
        mask_pairs(service.get_mut("environment"), request);
        for hook in ["post_start", "pre_stop"] {
            for hook in service
                .get_mut(hook)
                .and_then(Json::as_array_mut)
                .into_iter()
                .flatten()
            {
                mask_pairs(hook.get_mut("environment"), request);
            }
        }
    }
    for section in ["configs", "secrets"] {
        for object in objects(root.get_mut(section)) {
            if let Some(content) = object.get_mut("content") {
                *content = Json::String("***".to_owned());
            }
        }
    }
    mask_addresses(root);
}

pub(super) fn objects(section: Option<&mut Json>) -> impl Iterator<Item = &mut Json> {
    section
        .and_then(Json::as_object_mut)
        .into_iter()
        .flat_map(Object::values_mut)
}

fn mask_pairs(pairs: Option<&mut Json>, request: &ConfigRequest) {
    for (name, value) in pairs.and_then(Json::as_object_mut).into_iter().flatten() {
        if (request.is_sensitive)(name) && value.as_str().is_some_and(|text| !text.is_empty()) {
            *value = Json::String("***".to_owned());
        }
    }
}

fn mask_addresses(value: &mut Json) {
    match value {
        Json::String(text) if text.contains("://") => *text = url_masked(text, Disclosure::Masked),
        Json::Array(items) => items.iter_mut().for_each(mask_addresses),
        Json::Object(map) => map.values_mut().for_each(mask_addresses),
        _ => {}
    }
}

/// An address with its password masked: `scheme://user:***@host`.
fn url_masked(text: &str, secrets: Disclosure) -> String {
    let masked = || {
        let (scheme, rest) = text.split_once("://")?;
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at = rest[..authority_end].rfind('@')?;
        let (user, _) = rest[..at].split_once(':')?;
        Some(format!("{scheme}://{user}:***{}", &rest[at..]))
    };
    if secrets == Disclosure::Shown {
        text.to_owned()
    } else {
        masked().unwrap_or_else(|| text.to_owned())
    }
}

/// Doubles every `$`, so that the output read again means the same.
pub(super) fn escape(value: &mut Json) {
    match value {
        Json::String(text) if text.contains('$') => *text = text.replace('$', "$$"),
        Json::Array(items) => items.iter_mut().for_each(escape),
        Json::Object(map) => map.values_mut().for_each(escape),
        _ => {}
    }
}

/// What Compose's JSON writes even where it is empty.
fn complete_for_json(root: &mut Json) {
    for service in objects(root.get_mut("services")).filter_map(Json::as_object_mut) {
        for key in ["command", "entrypoint"] {
            service.entry(key).or_insert(Json::Null);
        }
        if let Some(deploy) = service.get_mut("deploy").and_then(Json::as_object_mut) {
            for key in ["resources", "placement"] {
                deploy
                    .entry(key)
                    .or_insert_with(|| Json::Object(Object::new()));
            }
        }
    }
    for network in objects(root.get_mut("networks")).filter_map(Json::as_object_mut) {
        network
            .entry("ipam")
            .or_insert_with(|| Json::Object(Object::new()));
    }
}

#[cfg(test)]
mod tests {
    use super::{Disclosure, is_sensitive, url_masked};

    #[test]
    fn a_password_in_an_address_is_masked() {
        let masked = |text| url_masked(text, Disclosure::Masked);

        assert_eq!(masked("postgres://u:p@ss@h:1/d"), "postgres://u:***@h:1/d");
        assert_eq!(masked("redis://:p@h/0"), "redis://:***@h/0");
        assert_eq!(masked("http://h/x@y:z"), "http://h/x@y:z");
    }

    #[test]
    fn names_of_secrets_are_known() {
        assert!(is_sensitive("POSTGRES_PASSWORD"));
        assert!(is_sensitive("jwt_secret"));
        assert!(!is_sensitive("NODE_ENV"));
    }
}
