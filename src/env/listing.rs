//! An environment written out: for a shell to read, as `.env`, JSON or YAML, masked or not.

use std::collections::BTreeMap;

use super::Schema;
use crate::domain::{EnvFormat, Secret};
use crate::dotenv;

/// What is written instead of a sensitive value.
pub const MASKED: &str = "***";

/// Writes variables out.
#[must_use]
pub fn list(variables: &BTreeMap<String, Secret>, format: EnvFormat) -> String {
    let exposed = variables
        .iter()
        .map(|(key, value)| (key.as_str(), value.expose()));
    match format {
        EnvFormat::Env => lines(exposed, |key, value| {
            let written = dotenv::quote(value).unwrap_or_else(|_| in_shell_quotes(value));
            format!("{key}={written}\n")
        }),
        EnvFormat::Shell => lines(
            exposed.filter(|(key, _)| is_shell_name(key)),
            |key, value| format!("export {key}={}\n", in_shell_quotes(value)),
        ),
        // A JSON string is a YAML double-quoted scalar too.
        EnvFormat::Yaml => lines(exposed, |key, value| {
            format!("{key}: {}\n", serde_json::Value::from(value))
        }),
        EnvFormat::Json => {
            let object: serde_json::Map<String, serde_json::Value> = exposed
                .map(|(key, value)| (key.to_owned(), value.into()))
                .collect();
            format!("{:#}\n", serde_json::Value::Object(object))
        }
    }
}

/// Replaces the values that may not be seen: those the schema says so of, and those that hold one of them.
#[must_use]
pub fn masked(variables: &BTreeMap<String, Secret>, schema: &Schema) -> BTreeMap<String, Secret> {
    let hidden = sensitive(variables, schema);
    variables
        .iter()
        .map(|(key, value)| {
            let shown = if hidden.contains_key(key) && !value.is_empty() {
                Secret::new(MASKED)
            } else {
                value.clone()
            };
            (key.clone(), shown)
        })
        .collect()
}

/// The variables that may not be seen.
#[must_use]
pub fn sensitive(
    variables: &BTreeMap<String, Secret>,
    schema: &Schema,
) -> BTreeMap<String, Secret> {
    variables
        .iter()
        .filter(|(key, _)| is_sensitive(key, schema))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether the value of `key` may not be seen: by the schema's word, else by its name.
#[must_use]
pub fn is_sensitive(key: &str, schema: &Schema) -> bool {
    const MARKS: [&str; 6] = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "_KEY",
        "CREDENTIAL",
    ];
    if let Some(variable) = schema.variable(key) {
        return variable.is_sensitive();
    }
    let key = key.to_ascii_uppercase();
    MARKS.iter().any(|mark| key.contains(mark))
}

fn lines<'a>(
    variables: impl Iterator<Item = (&'a str, &'a str)>,
    line: impl Fn(&str, &str) -> String,
) -> String {
    variables.map(|(key, value)| line(key, value)).collect()
}

/// In single quotes, which a shell takes literally; a quote itself is put between two such words.
fn in_shell_quotes(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn is_shell_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Secret::from(*value)))
            .collect()
    }

    #[test]
    fn a_shell_that_evaluates_the_list_has_the_very_values() {
        let value = "it's \"$HOME\" `id` \\n\n#end";
        let script = list(
            &variables(&[("A", value), ("not-a-name", "x")]),
            EnvFormat::Shell,
        );

        let output = Command::new("sh")
            .args(["-c", "eval \"$1\"; printf %s \"$A\"", "sh", &script])
            .output()
            .unwrap();

        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }

    #[test]
    fn each_format_writes_its_own_quotes() {
        let variables = variables(&[("A", "1"), ("B", "two \"words\"")]);

        assert_eq!(list(&variables, EnvFormat::Env), "A=1\nB='two \"words\"'\n");
        assert_eq!(
            list(&variables, EnvFormat::Yaml),
            "A: \"1\"\nB: \"two \\\"words\\\"\"\n"
        );
        assert_eq!(
            list(&variables, EnvFormat::Json),
            "{\n  \"A\": \"1\",\n  \"B\": \"two \\\"words\\\"\"\n}\n"
        );
    }

    #[test]
    fn what_the_schema_or_the_name_calls_sensitive_is_masked() {
        let schema = Schema::parse("s", "# @sensitive\nA=1\n# @public\nMY_TOKEN=\n").unwrap();
        let variables = variables(&[
            ("A", "1"),
            ("B", "2"),
            ("MY_TOKEN", "3"),
            ("OTHER_TOKEN", "4"),
        ]);

        let shown = list(&masked(&variables, &schema), EnvFormat::Env);

        assert_eq!(shown, "A='***'\nB=2\nMY_TOKEN=3\nOTHER_TOKEN='***'\n");
    }
}
