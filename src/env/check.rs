//! What is wrong with a project's environment, before anything starts: one finding a fault, with what mends it.

use std::collections::BTreeSet;

use super::{Document, Schema, Variable, is_placeholder};
use crate::domain::nearest;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The stack can't work with it.
    Error,
    /// It works, and should be mended.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What is wrong: a lowercase fragment, never a sensitive value.
    pub message: String,
    /// What to type or do.
    pub hint: String,
}

impl Finding {
    fn error(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            weight: Weight::Error,
            message: message.into(),
            hint: hint.into(),
        }
    }

    fn warning(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            weight: Weight::Warning,
            ..Self::error(message, hint)
        }
    }
}

/// What git knows of `.env`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InGit {
    /// There is no repository here, or no git.
    #[default]
    NoRepository,
    /// It is ignored, as it should be.
    Ignored,
    /// It is not ignored: one `git add .` away from being published.
    Exposed,
    /// It is in the repository.
    Committed,
}

/// What is known of the file besides its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Around {
    /// The file's permission bits.
    pub mode: Option<u32>,
    /// What git knows of it.
    pub git: InGit,
    /// The variables that the Compose files name; `None` where they can't be read.
    pub named: Option<BTreeSet<String>>,
}

/// All that is wrong, errors first.
#[must_use]
pub fn check(schema: &Schema, document: Option<&Document>, around: &Around) -> Vec<Finding> {
    let Some(document) = document else {
        return vec![Finding::error(
            "there is no `.env`",
            "make it with `jobsprint-dev env init`",
        )];
    };
    let mut findings: Vec<Finding> = schema
        .variables()
        .filter_map(|variable| judge(variable, document))
        .collect();
    findings.extend(strangers(schema, document, around));
    findings.extend(twins(document));
    findings.extend(exposure(around));
    findings.sort_by_key(|finding| finding.weight);
    findings
}

/// What is wrong with a value for `variable`: the first fault that counts.
#[must_use]
pub fn refusal(variable: &Variable, value: &str) -> Option<String> {
    let Variable { key, kind, .. } = variable;
    if kind.accepts(value) {
        None
    } else if variable.is_sensitive() {
        Some(format!("`{key}` must be {kind}"))
    } else {
        Some(format!("`{key}` must be {kind}, not `{value}`"))
    }
}

fn judge(variable: &Variable, document: &Document) -> Option<Finding> {
    let key = &variable.key;
    let set = format!("set it with `jobsprint-dev env set {key} VALUE`");
    let give = match variable.recipe() {
        Some(_) => "make it with `jobsprint-dev env init`".to_owned(),
        None => set.clone(),
    };
    match document.value(key) {
        None if variable.is_required() => Some(Finding::error(
            format!("`{key}` is missing{}", purpose(variable)),
            "add what is missing with `jobsprint-dev env init`",
        )),
        Some("") if variable.is_required() => {
            Some(Finding::error(format!("`{key}` is empty"), give))
        }
        None | Some("") => None,
        Some(value) if is_placeholder(value) => Some(Finding::error(
            format!("`{key}` still holds a placeholder{}", purpose(variable)),
            set,
        )),
        Some(value) => refusal(variable, value)
            .map(|message| Finding::error(message, set))
            .or_else(|| weakness(variable, value)),
    }
}

/// What a key is for, in the words of its schema.
fn purpose(variable: &Variable) -> String {
    match variable.description.first() {
        Some(line) => format!(": {}", line.trim_end_matches('.')),
        None => String::new(),
    }
}

/// A secret that a recipe would have made, but that somebody could guess.
fn weakness(variable: &Variable, value: &str) -> Option<Finding> {
    const COMMON: [&str; 12] = [
        "password",
        "passwort",
        "secret",
        "admin",
        "root",
        "postgres",
        "jobsprint",
        "guest",
        "123456",
        "12345678",
        "qwerty",
        "letmein",
    ];
    variable.recipe()?;
    let different: BTreeSet<char> = value.chars().collect();
    let is_common = COMMON.contains(&value.to_lowercase().as_str());
    let reason = if is_common {
        "one of the first that anybody would try"
    } else if value.chars().count() < 12 {
        "shorter than 12 characters"
    } else if different.len() < 5 {
        "made of very few characters"
    } else {
        return None;
    };
    let key = &variable.key;
    Some(Finding::warning(
        format!("`{key}` is weak: {reason}"),
        format!("make a new one with `jobsprint-dev env rotate {key}`; no data is lost"),
    ))
}

/// Keys that the schema doesn't know.
fn strangers(schema: &Schema, document: &Document, around: &Around) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    document
        .keys()
        .filter(|key| schema.variable(key).is_none() && seen.insert((*key).to_owned()))
        .filter_map(|key| {
            let is_named = around.named.as_ref().is_some_and(|named| named.contains(key));
            if is_named {
                return None;
            }
            let absent = schema
                .variables()
                .map(|variable| variable.key.as_str())
                .filter(|known| document.entry(known).is_none());
            let meant = nearest(key, absent).or_else(|| schema.nearest(key));
            let (what, hint) = match meant {
                Some(meant) => (
                    format!("`{key}` is unknown, and no service reads it; did you mean `{meant}`?"),
                    format!("rename it in `.env`, or take it out with `jobsprint-dev env unset {key}`"),
                ),
                None => (
                    format!("`{key}` is unknown, and no service reads it"),
                    format!("take it out with `jobsprint-dev env unset {key}`, or describe it in `templates/.env.schema`"),
                ),
            };
            Some(Finding::warning(what, hint))
        })
        .collect()
}

/// Keys that stand more than once.
fn twins(document: &Document) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    document
        .keys()
        .filter(|key| !seen.insert(*key) && told.insert(*key))
        .map(|key| {
            let line = document.entry(key).map_or(0, |entry| entry.line);
            Finding::warning(
                format!("`{key}` stands more than once; line {line} counts"),
                "take the other lines out",
            )
        })
        .collect()
}

/// Who else can read the file.
fn exposure(around: &Around) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(mode) = around.mode.filter(|mode| mode & 0o077 != 0) {
        findings.push(Finding::warning(
            format!(
                "other users of this machine can read `.env` (mode {:03o})",
                mode & 0o777
            ),
            "close it with `chmod 600 .env`",
        ));
    }
    match around.git {
        InGit::Exposed => findings.push(Finding::warning(
            "git does not ignore `.env`",
            "add a line `/.env` to `.gitignore`",
        )),
        InGit::Committed => findings.push(Finding::error(
            "`.env` is committed to git: everybody with the repository has its secrets",
            "take it out with `git rm --cached .env`, then make new secrets with `jobsprint-dev env rotate --all-secrets`",
        )),
        InGit::NoRepository | InGit::Ignored => {}
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "\
# The product's id.
# @prompt=\"id\" @sensitive
PUTER_APP_ID=
# @generate=hex(16)
JWT_SECRET=
# @type=port
API_PORT=4000
# @type=url @sensitive @required
REDIS_URL=
";

    fn findings(text: Option<&str>, around: &Around) -> Vec<String> {
        let schema = Schema::parse("s", SCHEMA).unwrap();
        let document = text.map(|text| Document::parse(text).unwrap());
        check(&schema, document.as_ref(), around)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_whole_env_has_no_findings() {
        let text =
            "PUTER_APP_ID=app-1\nJWT_SECRET=0123456789abcdef\nAPI_PORT=4000\nREDIS_URL=redis://x\n";

        assert_eq!(
            findings(Some(text), &Around::default()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_kind_of_fault_has_its_own_sentence() {
        let text = "\
PUTER_APP_ID=REPLACE_ME_PUTER_APP_ID
JWT_SECRET=password
JWT_SECERT=x
API_PORT=http
REDIS_URL=localhost
API_PORT=99999
";
        let around = Around {
            mode: Some(0o100_644),
            git: InGit::Exposed,
            named: None,
        };
        assert_eq!(
            findings(Some(text), &around),
            [
                "`PUTER_APP_ID` still holds a placeholder: The product's id",
                "`API_PORT` must be a port (1 to 65535), not `99999`",
                "`REDIS_URL` must be a URL, as `https://example.org`",
                "`JWT_SECRET` is weak: one of the first that anybody would try",
                "`JWT_SECERT` is unknown, and no service reads it; did you mean `JWT_SECRET`?",
                "`API_PORT` stands more than once; line 6 counts",
                "other users of this machine can read `.env` (mode 644)",
                "git does not ignore `.env`",
            ]
        );
    }

    #[test]
    fn what_is_missing_or_empty_is_told_with_its_purpose() {
        assert_eq!(
            findings(Some("JWT_SECRET=\nAPI_PORT=\n"), &Around::default()),
            [
                "`PUTER_APP_ID` is missing: The product's id",
                "`JWT_SECRET` is empty",
                "`API_PORT` is empty",
                "`REDIS_URL` is missing",
            ]
        );
        assert_eq!(findings(None, &Around::default()), ["there is no `.env`"]);
    }

    #[test]
    fn a_stranger_that_a_service_reads_is_no_stranger() {
        let around = Around {
            named: Some(BTreeSet::from(["EXTRA".to_owned()])),
            ..Around::default()
        };
        let text =
            "PUTER_APP_ID=a\nJWT_SECRET=0123456789abcdef\nAPI_PORT=1\nREDIS_URL=r://x\nEXTRA=1\n";

        assert_eq!(findings(Some(text), &around), Vec::<String>::new());
    }
}
