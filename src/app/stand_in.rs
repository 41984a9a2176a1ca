//! Values that stand in for missing ones, so that what needs none of them works without `.env`: `down`, `logs`, `status`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::dotenv::{Operator, Template};
use crate::env::{Document, Kind, Schema, marker};

/// Stand-ins for the variables without which the Compose files can't be read; by name.
pub(super) fn stand_ins(
    compose_files: &[PathBuf],
    env_files: &[PathBuf],
    schema: Option<&Schema>,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut given = environment.clone();
    for file in env_files {
        let document = read(file).and_then(|text| Document::parse(&text).ok());
        for (name, value) in document.unwrap_or_default().values() {
            given.entry(name).or_insert(value);
        }
    }
    let is_given = |name: &str| given.get(name).is_some_and(|value| !value.is_empty());
    let texts = compose_files.iter().filter_map(|file| read(file));
    texts
        .flat_map(|text| required(&text))
        .filter(|name| !is_given(name))
        .map(|name| {
            let described = schema.and_then(|schema| schema.variable(&name));
            let value = match described {
                Some(variable) => marker(&variable.kind, None),
                // A number goes wherever a text goes.
                None => marker(&Kind::Port, None),
            };
            (name, value)
        })
        .collect()
}

fn read(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok()
}

/// The variables of a Compose file that have no default and must have a value.
fn required(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        // A line that is no template by itself names nothing that can be known here.
        let Ok(template) = Template::parse(line) else {
            continue;
        };
        for variable in template.variables() {
            if let Some((Operator::Required | Operator::RequiredNonEmpty, _)) = variable.operation {
                names.insert(variable.name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_have_a_value_and_has_none_gets_a_stand_in() {
        let home = tempfile::tempdir().unwrap();
        let (compose, env) = (home.path().join("compose.yml"), home.path().join(".env"));
        let text = "a: ${A:?why} ${B?}\nb: ${C:-c} $D ${E:?}\nc: ${F:-${G:?}}\n";
        std::fs::write(&compose, text).unwrap();
        std::fs::write(&env, "A=\nE=given\n").unwrap();
        let schema = Schema::parse("s", "# @type=enum(x, y)\nB=\n").unwrap();
        let environment = BTreeMap::from([("G".to_owned(), "g".to_owned())]);

        let found = stand_ins(&[compose], &[env], Some(&schema), &environment);

        let expected = [("A", "65432"), ("B", "x")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }
}
