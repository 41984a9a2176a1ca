//! JSON values written as YAML that any reader of YAML 1.1 or 1.2 takes for the same.

use serde_json::Value as Json;

use super::node::Value;
use super::scalar::resolve;

/// Writes a mapping as a YAML document.
pub(super) fn yaml(root: &Json) -> String {
    let mut text = String::new();
    block(root, 0, &mut text);
    text
}

fn block(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                margin(indent, out);
                out.push_str(&scalar(key));
                out.push(':');
                below(value, indent + 2, out);
            }
        }
        Json::Array(items) => {
            for item in items {
                margin(indent, out);
                out.push('-');
                match item {
                    Json::Object(map) if !map.is_empty() => {
                        // The first key stands behind the dash.
                        let mut inner = String::new();
                        block(item, indent + 2, &mut inner);
                        out.push(' ');
                        out.push_str(inner.trim_start_matches(' '));
                    }
                    _ => below(item, indent + 2, out),
                }
            }
        }
        _ => unreachable!("only mappings and lists are blocks"),
    }
}

fn below(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(map) if map.is_empty() => out.push_str(" {}\n"),
        Json::Array(items) if items.is_empty() => out.push_str(" []\n"),
        Json::Object(_) | Json::Array(_) => {
            out.push('\n');
            block(value, indent, out);
        }
        Json::String(text) if is_literal(text) => literal(text, indent, out),
        Json::String(text) => line(&scalar(text), out),
        Json::Null => line("null", out),
        Json::Bool(value) => line(if *value { "true" } else { "false" }, out),
        Json::Number(number) => line(&number.to_string(), out),
    }
}

fn line(text: &str, out: &mut String) {
    out.push(' ');
    out.push_str(text);
    out.push('\n');
}

fn margin(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether several lines can stand as a literal block.
fn is_literal(text: &str) -> bool {
    let is_plain_line =
        |line: &str| !line.ends_with([' ', '\t']) && !line.chars().any(char::is_control);
    let is_document = |line: &str| line.starts_with("---") || line.starts_with("...");
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with("\n\n")
        && text
            .lines()
            .all(|line| is_plain_line(line) && !is_document(line))
        && !text.contains('\r')
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') {
        " |\n"
    } else {
        " |-\n"
    });
    for line in text.lines() {
        if !line.is_empty() {
            margin(indent, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A string as a scalar of one line: plain where no reader takes it for anything else, else as JSON writes it.
fn scalar(text: &str) -> String {
    let first_is_safe = text.starts_with(|first: char| {
        first.is_ascii_alphanumeric() || matches!(first, '/' | '_' | '.' | '$')
    });
    let all_are_safe = text
        .chars()
        .all(|c| c.is_alphanumeric() || " /_.-:@+=,$()<>;~^".contains(c));
    let is_ambiguous = text.contains(": ") || text.ends_with([':', ' ']) || is_other_kind(text);
    if first_is_safe && all_are_safe && !is_ambiguous {
        text.to_owned()
    } else {
        Json::from(text).to_string()
    }
}

/// Whether some reader takes the plain text for a boolean, a number, a date or a time.
fn is_other_kind(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_word =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&lower.as_str());
    let is_numeric = text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "xobe.+-_:tz ".contains(c.to_ascii_lowercase()));
    is_word || is_numeric || !matches!(resolve(text), Value::Text(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::node::Value;
    use super::super::yaml::read;
    use super::yaml;

    #[test]
    fn a_model_is_written_as_a_person_would() {
        let model = json!({"name": "x", "services": {"a": {
            "command": ["sh", "-c", "a\nb\n"], "environment": {"A": "1", "B": null, "C": "yes", "D": "a: b"},
            "ports": [{"target": 80, "published": "8080"}], "networks": {"default": null}, "x-e": {}, "x-l": []}}});

        assert_eq!(
            yaml(&model),
            "name: x\nservices:\n  a:\n    command:\n      - sh\n      - \"-c\"\n      - |\n        a\n        b\n    \
             environment:\n      A: \"1\"\n      B: null\n      C: \"yes\"\n      D: \"a: b\"\n    ports:\n      - target: \
             80\n        published: \"8080\"\n    networks:\n      default: null\n    x-e: {}\n    x-l: []\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(text in "\\PC{0,12}|[a-c \n:#'\"{}|>-]{0,16}|[0-9xoe_.+:-]{0,8}") {
            let written = yaml(&Json::from(vec![("key".to_owned(), Json::from(text.clone()))].into_iter().collect::<serde_json::Map<_, _>>()));
            let documents = read(&written, 0);
            prop_assert!(documents.errors.is_empty(), "{:?} in {}", documents.errors, written);
            let value = documents.roots[0].get("key").map(|node| node.value.clone());
            prop_assert_eq!(value, Some(Value::Text(text)));
        }
    }
}
