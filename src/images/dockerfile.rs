//! A Dockerfile, as far as the images that it builds upon.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{ImageRef, Secret};

/// The images that `text` starts from or copies from, `ARG`s before the first `FROM` expanded; stages of its own left out.
pub(super) fn bases(text: &str, arguments: &BTreeMap<String, Secret>) -> BTreeSet<ImageRef> {
    let mut global: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: BTreeSet<String> = BTreeSet::new();
    let mut bases = BTreeSet::new();
    let mut before_first_stage = true;
    for instruction in instructions(text) {
        let mut words = instruction.split_whitespace();
        let Some(name) = words.next() else { continue };
        match name.to_ascii_uppercase().as_str() {
            "ARG" if before_first_stage => {
                for word in words {
                    let (name, default) = word.split_once('=').unwrap_or((word, ""));
                    let value = match arguments.get(name) {
                        Some(given) => given.expose().to_owned(),
                        None => expand(default.trim_matches(['"', '\'']), &global),
                    };
                    global.insert(name.to_owned(), value);
                }
            }
            "FROM" => {
                before_first_stage = false;
                let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
                if let Some(image) = words.first() {
                    note(&expand(image, &global), &stages, &mut bases);
                }
                if let [_, keyword, stage, ..] = words.as_slice()
                    && keyword.eq_ignore_ascii_case("as")
                {
                    stages.insert(stage.to_ascii_lowercase());
                }
            }
            "COPY" => {
                let source = words.find_map(|word| word.strip_prefix("--from="));
                if let Some(image) = source.filter(|source| source.parse::<u32>().is_err()) {
                    note(image, &stages, &mut bases);
                }
            }
            _ => {}
        }
    }
    bases
}

fn note(image: &str, stages: &BTreeSet<String>, bases: &mut BTreeSet<ImageRef>) {
    let is_stage = stages.contains(&image.to_ascii_lowercase());
    if !is_stage && image != "scratch" && !image.is_empty() {
        bases.insert(ImageRef::new(image));
    }
}

/// Lines joined over `\`, comments left out.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            open.push_str(start);
            open.push(' ');
        } else {
            open.push_str(line);
            instructions.push(std::mem::take(&mut open));
        }
    }
    instructions.push(open);
    instructions
}

/// Expands `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`.
fn expand(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some((inside, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        {
            expanded.push_str(&braced(inside, values));
            rest = after;
        } else {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            expanded.push_str(values.get(&rest[..end]).map_or("", String::as_str));
            rest = &rest[end..];
        }
    }
    expanded + rest
}

fn braced(inside: &str, values: &BTreeMap<String, String>) -> String {
    let value = |name: &str| values.get(name).filter(|value| !value.is_empty()).cloned();
    if let Some((name, default)) = inside.split_once(":-") {
        value(name).unwrap_or_else(|| default.to_owned())
    } else if let Some((name, other)) = inside.split_once(":+") {
        value(name).map_or_else(String::new, |_| other.to_owned())
    } else {
        value(inside).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, arguments: &[(&str, &str)]) -> Vec<String> {
        let arguments = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
            .collect();
        bases(text, &arguments)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn stages_of_its_own_are_no_bases() {
        let text = "FROM node:24 AS build\nRUN npm ci\nFROM debian:bookworm-slim\nCOPY --from=build /a /b\nCOPY --from=0 /c /d\nFROM build";

        assert_eq!(names(text, &[]), ["debian:bookworm-slim", "node:24"]);
    }

    #[test]
    fn an_image_that_files_are_copied_from_is_a_base_too() {
        assert_eq!(
            names("FROM scratch\nCOPY --from=busybox:1 /bin /bin", &[]),
            ["busybox:1"]
        );
    }

    #[test]
    fn arguments_before_the_first_stage_are_expanded() {
        let text = "ARG TAG=24 \\\n  SUITE=bookworm\nARG BASE=node:${TAG}-${SUITE:-x}\nFROM --platform=linux/amd64 $BASE";

        assert_eq!(names(text, &[]), ["node:24-bookworm"]);
        assert_eq!(names(text, &[("TAG", "22")]), ["node:22-bookworm"]);
    }

    #[test]
    fn comments_and_case_do_not_matter() {
        assert_eq!(names("# syntax=x\n# FROM a\nfrom b:1 as c", &[]), ["b:1"]);
    }
}
