//! A real Docker Compose to compare with.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use crate::case::Case;

/// A Docker Compose v2.
pub struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// Finds one; without one the comparison can't be made, and that is a failure.
    pub fn find() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/get-compose");
        let output = Command::new(script)
            .output()
            .expect("`tests/get-compose` runs");
        assert!(
            output.status.success(),
            "no Docker Compose to compare with; name one in JOBSPRINT_COMPOSE: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self {
            program: String::from_utf8_lossy(&output.stdout).trim().into(),
        }
    }

    /// What `docker compose config --format json` prints of the case, or its refusal.
    pub fn config(&self, case: &Case) -> Result<Json, String> {
        let output = Command::new(&self.program)
            .args(&case.args)
            .args(["config", "--format", "json"])
            .current_dir(case.project())
            .env_clear()
            .envs(&case.environment)
            .output()
            .expect("Docker Compose runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).expect("Docker Compose prints JSON"))
    }
}

/// Where the two differ, each as `path: ours ≠ theirs`, without what is explained.
pub fn differences<'a>(
    ours: &Json,
    theirs: &Json,
    explained: &'a [(&str, &str)],
) -> impl Iterator<Item = String> + use<'a> {
    let mut found = Vec::new();
    compare(ours, theirs, &mut Vec::new(), &mut found);
    let is_explained =
        |path: &[String]| explained.iter().any(|(pattern, _)| matches(pattern, path));
    let kept: Vec<String> = found
        .into_iter()
        .filter(|(path, _)| !is_explained(path))
        .map(|(path, text)| format!("{}: {text}", path.join(".")))
        .collect();
    kept.into_iter()
}

fn compare(
    ours: &Json,
    theirs: &Json,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, String)>,
) {
    match (ours, theirs) {
        (Json::Object(left), Json::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> =
                left.keys().chain(right.keys()).collect();
            for key in keys {
                path.push(key.clone());
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(left, right, path, found),
                    (Some(left), None) => found.push((path.clone(), format!("only ours: {left}"))),
                    (None, Some(right)) => {
                        found.push((path.clone(), format!("only theirs: {right}")));
                    }
                    (None, None) => {}
                }
                path.pop();
            }
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                path.push(at.to_string());
                compare(left, right, path, found);
                path.pop();
            }
        }
        _ if ours == theirs
            || ours
                .as_f64()
                .is_some_and(|number| Some(number) == theirs.as_f64()) => {}
        _ => found.push((path.clone(), format!("{ours} ≠ {theirs}"))),
    }
}

/// `*` stands for any text within one part of the path, a last `**` for any rest, a first `**` for any beginning.
fn matches(pattern: &str, path: &[String]) -> bool {
    if let Some(rest) = pattern.strip_prefix("**.") {
        return (1..path.len()).any(|from| matches(rest, &path[from..]));
    }
    let parts: Vec<&str> = pattern.split('.').collect();
    let (parts, open) = match parts.split_last() {
        Some((&"**", rest)) => (rest.to_vec(), true),
        _ => (parts, false),
    };
    let lengths_fit = if open {
        path.len() >= parts.len()
    } else {
        path.len() == parts.len()
    };
    lengths_fit
        && parts
            .iter()
            .zip(path)
            .all(|(part, key)| part_matches(part, key))
}

fn part_matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((before, after)) => key.starts_with(before) && key.ends_with(after),
    }
}
