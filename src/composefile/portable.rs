//! The resolved file for another machine: each secret a variable, and each path below the project's root too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;

use super::config::{escape, objects};
use super::{Loaded, emit};
use crate::domain::Secret;

/// The variable that stands for the project's root.
pub const ROOT: &str = "JOBSPRINT_ROOT";
/// Shorter values are words of everyday text, and are masked only where their name says that they are secret.
const SHORTEST: usize = 6;

/// A resolved file without anything that belongs to one machine or to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portable {
    /// The file.
    pub yaml: String,
    /// The variables that stand for secrets.
    pub secrets: BTreeSet<String>,
    /// The declared addresses, with the same variables; one that is secret as a whole is left out.
    pub addresses: BTreeMap<String, String>,
}

/// Writes the model, and the addresses that are `declared` beside it, so that they can be brought up elsewhere: the same
/// secret is the same variable everywhere, so that what has to agree agrees again once these are given.
#[must_use]
pub fn portable(
    loaded: &Loaded,
    root: &Path,
    declared: &BTreeMap<String, Secret>,
    is_sensitive: &dyn Fn(&str) -> bool,
) -> Portable {
    let mut model = loaded.model.as_json().clone();
    let mut names = Names::default();
    for (name, value) in &loaded.environment {
        if is_sensitive(name) {
            names.give(name, value);
        }
    }
    hide_named(&mut model, is_sensitive, &mut names);
    let root = root.display().to_string();
    finish(&mut model, &mut names, &root);
    let addresses = declared.iter().filter_map(|(name, value)| {
        let mut address = Json::String(value.expose().to_owned());
        finish(&mut address, &mut names, &root);
        let text = address.as_str().filter(|text| text.contains("://"))?;
        Some((name.clone(), text.to_owned()))
    });
    let addresses = addresses.collect();
    Portable {
        yaml: emit::yaml(&model),
        addresses,
        secrets: names.names.into_iter().collect(),
    }
}

/// Hides what is left of secrets, and writes the rest as a Compose file has it.
fn finish(value: &mut Json, names: &mut Names, root: &str) {
    hide_addresses(value, names);
    escape(value);
    restore(value, names, root);
}

/// Opens and closes the number of a secret, until all `$` of the file are doubled.
const MARK: char = '\u{1}';

/// The secrets, numbered, and their variables.
#[derive(Default)]
struct Names {
    by_value: BTreeMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    /// What stands for this value until the end: its variable is `wanted`, unless another value has that.
    fn give(&mut self, wanted: &str, value: &str) -> Option<String> {
        if value.is_empty() {
            return None;
        }
        if let Some(known) = self.by_value.get(value) {
            return Some(marked(*known));
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let wanted: String = wanted.to_uppercase().chars().map(plain).collect();
        let wanted = if wanted.starts_with(|first: char| first.is_ascii_digit()) {
            format!("_{wanted}")
        } else {
            wanted
        };
        // Of one more than there are, one is nobody's.
        let more = (2..self.names.len() + 3).map(|number| format!("{wanted}_{number}"));
        let name = std::iter::once(wanted.clone())
            .chain(more)
            .find(|name| !self.names.contains(name))?;
        self.by_value.insert(value.to_owned(), self.names.len());
        self.names.push(name);
        Some(marked(self.names.len() - 1))
    }
}

fn marked(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}

/// What stands under a name that says secret.
fn hide_named(model: &mut Json, is_sensitive: &dyn Fn(&str) -> bool, names: &mut Names) {
    let mut hide = |pairs: Option<&mut Json>| {
        for (name, value) in pairs.and_then(Json::as_object_mut).into_iter().flatten() {
            let given = value.as_str().filter(|_| is_sensitive(name));
            if let Some(mark) = given.and_then(|value| names.give(name, value)) {
                *value = Json::String(mark);
            }
        }
    };
    for service in objects(model.get_mut("services")) {
        let build = service.get_mut("build");
        hide(build.and_then(|build| build.get_mut("args")));
        hide(service.get_mut("environment"));
        for hook in ["post_start", "pre_stop"] {
            let hooks = service.get_mut(hook).and_then(Json::as_array_mut);
            for hook in hooks.into_iter().flatten() {
                hide(hook.get_mut("environment"));
            }
        }
    }
    for section in ["configs", "secrets"] {
        let sections = model.get_mut(section).and_then(Json::as_object_mut);
        for (name, object) in sections.into_iter().flatten() {
            let Some(content) = object.get_mut("content") else {
                continue;
            };
            let given = content.as_str().map(str::to_owned);
            if let Some(mark) = given.and_then(|given| names.give(name, &given)) {
                *content = Json::String(mark);
            }
        }
    }
}

/// Passwords in addresses that no variable has, and known secrets wherever else they stand.
fn hide_addresses(value: &mut Json, names: &mut Names) {
    match value {
        Json::String(text) => {
            let mut known: Vec<(&String, &usize)> = names
                .by_value
                .iter()
                .filter(|(value, _)| value.chars().count() >= SHORTEST)
                .collect();
            // The longest first, so that one that holds another is hidden whole.
            known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
            for (value, number) in known {
                if text.contains(value.as_str()) {
                    *text = text.replace(value.as_str(), &marked(*number));
                }
            }
            if let Some((before, password, after)) = password(text) {
                let mark = names.give("URL_PASSWORD", &password);
                *text = before + &mark.unwrap_or_default() + &after;
            }
        }
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| hide_addresses(item, names)),
        Json::Object(map) => map
            .values_mut()
            .for_each(|value| hide_addresses(value, names)),
        _ => {}
    }
}

/// An address cut at its password, where it has one that isn't hidden.
fn password(text: &str) -> Option<(String, String, String)> {
    let start = text.find("://")? + 3;
    let rest = &text[start..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let at = rest[..end].rfind('@')?;
    let colon = rest[..at].find(':')?;
    let password = &rest[colon + 1..at];
    let is_plain = !password.is_empty() && !password.contains(MARK);
    is_plain.then(|| {
        let before = text[..=start + colon].to_owned();
        (before, password.to_owned(), text[start + at..].to_owned())
    })
}

/// Marks become variables again, and paths below the root get one.
fn restore(value: &mut Json, names: &Names, root: &str) {
    match value {
        Json::String(text) => {
            let is_below = text
                .strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            if is_below && root.len() > 1 {
                *text = format!("${{{ROOT}}}{}", &text[root.len()..]);
            }
            for (number, name) in names.names.iter().enumerate() {
                *text = text.replace(&marked(number), &format!("${{{name}}}"));
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| restore(item, names, root)),
        Json::Object(map) => map
            .values_mut()
            .for_each(|value| restore(value, names, root)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;
    use crate::composefile::{FileReader, LoadRequest, load};

    /// A disk with one file.
    struct One(&'static str);

    impl FileReader for One {
        fn read(&self, path: &Path) -> io::Result<String> {
            if path.ends_with("compose.yaml") {
                Ok(self.0.to_owned())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        }

        fn is_file(&self, path: &Path) -> bool {
            path.ends_with("compose.yaml")
        }
    }

    fn loaded(text: &'static str, environment: &[(&str, &str)]) -> Loaded {
        let pairs = environment.iter();
        let request = LoadRequest {
            environment: pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            current_dir: PathBuf::from("/home/ada/shop"),
            ..LoadRequest::default()
        };
        load(&request, &One(text)).unwrap()
    }

    const FILE: &str = "
services:
  db:
    image: db
    environment: { DB_PASSWORD: \"${DB_PASSWORD}\", PIN_CODE_SECRET: \"1234\" }
    command: [sh, -c, \"echo $$HOME\"]
  api:
    image: api
    environment:
      URL: postgres://me:${DB_PASSWORD}@db/shop
      OTHER: redis://:literal@cache/0
    volumes: [\"./src:/src\"]
";

    #[test]
    fn no_secret_and_no_path_of_this_machine_is_left() {
        let given = [("DB_PASSWORD", "s3cret-value")];

        let portable = portable(
            &loaded(FILE, &given),
            Path::new("/home/ada/shop"),
            &BTreeMap::new(),
            &crate::composefile::config::is_sensitive,
        );

        for gone in ["s3cret-value", "1234", "literal", "/home/ada", "\u{1}"] {
            assert!(!portable.yaml.contains(gone), "{gone}: {}", portable.yaml);
        }
        assert!(
            portable
                .yaml
                .contains("postgres://me:${DB_PASSWORD}@db/shop")
        );
        assert!(portable.yaml.contains("redis://:${URL_PASSWORD}@cache/0"));
        assert!(portable.yaml.contains("${JOBSPRINT_ROOT}/src"));
        let names = ["DB_PASSWORD", "PIN_CODE_SECRET", "URL_PASSWORD"];
        assert_eq!(portable.secrets, names.map(str::to_owned).into());
    }

    #[test]
    fn with_its_variables_given_it_means_the_same_again() {
        let given = [("DB_PASSWORD", "s3cret-value")];
        let first = loaded(FILE, &given);
        let portable = portable(
            &first,
            Path::new("/home/ada/shop"),
            &BTreeMap::new(),
            &crate::composefile::config::is_sensitive,
        );
        let text: &'static str = Box::leak(portable.yaml.into_boxed_str());

        let again = loaded(
            text,
            &[
                ("DB_PASSWORD", "s3cret-value"),
                ("PIN_CODE_SECRET", "1234"),
                ("URL_PASSWORD", "literal"),
                ("JOBSPRINT_ROOT", "/home/ada/shop"),
            ],
        );

        assert_eq!(again.stack.services, first.stack.services);
    }

    #[test]
    fn declared_addresses_keep_their_ports_and_lose_their_secrets() {
        let given = [
            ("DB_PASSWORD", "s3cret-value"),
            ("HOOK_TOKEN", "https://elsewhere/s3cret"),
        ];
        let declared = [
            ("API_URL", "http://localhost:4000/$x"),
            ("DB_URL", "postgres://me:s3cret-value@localhost:5432/shop"),
            ("HOOK_URL", "https://elsewhere/s3cret"),
            ("OTHER_URL", "amqp://me:typed@localhost"),
        ];
        let declared = declared.map(|(name, value)| (name.to_owned(), value.into()));

        let portable = portable(
            &loaded(FILE, &given),
            Path::new("/home/ada/shop"),
            &declared.into(),
            &crate::composefile::config::is_sensitive,
        );

        let addresses: Vec<(&str, &str)> = portable
            .addresses
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        assert_eq!(
            addresses,
            [
                ("API_URL", "http://localhost:4000/$$x"),
                ("DB_URL", "postgres://me:${DB_PASSWORD}@localhost:5432/shop"),
                ("OTHER_URL", "amqp://me:${URL_PASSWORD_2}@localhost"),
            ]
        );
        assert!(portable.secrets.contains("URL_PASSWORD_2"));
    }
}
