//! `env check`: all that is wrong, to stdout; exit code 50 where something must be mended.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::files::EnvFiles;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::domain::{Failure, FailureKind, Scope};
use crate::dotenv::Template;
use crate::env::{Around, Finding, InGit, Weight, check as faults};
use crate::error::exit_code;
use crate::report::{self, Mode, words};

/// Prints what is wrong.
pub(super) fn check(session: &Session, scope: &Scope) -> Result<u8, Failure> {
    let found = findings(session, scope)?;
    let text = if session.manner.mode == Mode::Json {
        json(&found)
    } else {
        plain(&found)
    };
    report::print(&text);
    let errors = found.iter().any(|finding| finding.weight == Weight::Error);
    Ok(if errors {
        exit_code(FailureKind::Environment)
    } else {
        0
    })
}

/// All that is wrong with the environment; nothing where the project asks for none.
///
/// # Errors
/// Where a file is broken.
pub(in crate::app) fn findings(session: &Session, scope: &Scope) -> Result<Vec<Finding>, Failure> {
    let files = EnvFiles::read(session, scope)?;
    let root = &files.place.root;
    if files.document.is_none() && files.schema.variables().next().is_none() {
        return Ok(Vec::new());
    }
    let around = Around {
        mode: fs::metadata(root.join(".env"))
            .ok()
            .map(|found| found.permissions().mode()),
        git: in_git(root),
        named: named(session, &files, scope),
    };
    Ok(faults(&files.schema, files.document.as_ref(), &around))
}

fn plain(found: &[Finding]) -> String {
    if found.is_empty() {
        return "`.env` has all that the stack needs\n".to_owned();
    }
    let mut lines: Vec<String> = found
        .iter()
        .map(|finding| {
            let word = word(finding.weight);
            format!("{word}: {}\n  hint: {}\n", finding.message, finding.hint)
        })
        .collect();
    let errors = found
        .iter()
        .filter(|finding| finding.weight == Weight::Error)
        .count();
    lines.push(format!(
        "{}, {}\n",
        words::count(errors, "error"),
        words::count(found.len() - errors, "warning")
    ));
    lines.concat()
}

fn json(found: &[Finding]) -> String {
    let findings: Vec<_> = found
        .iter()
        .map(|finding| {
            serde_json::json!({
                "weight": word(finding.weight),
                "message": finding.message,
                "hint": finding.hint,
            })
        })
        .collect();
    format!(
        "{}\n",
        serde_json::json!({"schema": 1, "findings": findings})
    )
}

const fn word(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
    }
}

/// The variables that the Compose files name; `None` where one can't be read.
fn named(session: &Session, files: &EnvFiles, scope: &Scope) -> Option<BTreeSet<String>> {
    let environment = session.environment.clone();
    let loaded = Project::read(session, &files.place, scope, environment).ok();
    let paths = loaded.map_or_else(
        || vec![files.place.root.join("compose/docker-compose.yml")],
        |loaded| loaded.stack.config_files,
    );
    let mut named = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(path).ok()?;
        for line in text.lines() {
            // A line that is no template by itself names nothing that can be known here.
            if let Ok(template) = Template::parse(line) {
                named.extend(
                    template
                        .variables()
                        .iter()
                        .map(|variable| variable.name.to_owned()),
                );
            }
        }
    }
    Some(named)
}

/// What git knows of `.env`; without git, nothing.
fn in_git(root: &Path) -> InGit {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !git(&["rev-parse", "--is-inside-work-tree"]) {
        InGit::NoRepository
    } else if git(&["ls-files", "--error-unmatch", "--", ".env"]) {
        InGit::Committed
    } else if git(&["check-ignore", "--quiet", "--", ".env"]) {
        InGit::Ignored
    } else {
        InGit::Exposed
    }
}
