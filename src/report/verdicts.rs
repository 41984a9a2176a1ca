//! A diagnosis as text and as JSON.

use serde_json::{Value, json};

use crate::domain::{Level, Verdict};
use crate::report::{table, words};

/// The version of the JSON document.
const SCHEMA: u32 = 1;

/// The list, worst first: reason, evidence and command of what is wrong; a line for what is well.
#[must_use]
pub fn verdict_text(verdicts: &[Verdict]) -> String {
    let width = verdicts.iter().map(|verdict| verdict.check.len()).max();
    let width = width.unwrap_or_default();
    let mut lines = Vec::new();
    for verdict in verdicts {
        let level = table::pad(word(verdict.level), "problem".len());
        let check = table::pad(verdict.check, width);
        lines.push(format!("{level}  {check}  {}", verdict.reason));
        let facts = verdict
            .evidence
            .iter()
            .map(|fact| format!("           {fact}"));
        lines.extend(facts);
        if let Some(mend) = verdict.mend.as_ref().filter(|_| verdict.level != Level::Ok) {
            let command = mend.command.replace('\n', "\n                 ");
            lines.push(format!("           mend: {command}"));
        }
    }
    let count = |level| {
        verdicts
            .iter()
            .filter(|verdict| verdict.level == level)
            .count()
    };
    lines.push(format!(
        "{}, {}, {} ok",
        words::count(count(Level::Problem), "problem"),
        words::count(count(Level::Warning), "warning"),
        count(Level::Ok)
    ));
    lines.join("\n") + "\n"
}

/// The document of `doctor --output json`, schema 1.
#[must_use]
pub fn verdict_json(verdicts: &[Verdict]) -> String {
    let verdicts: Vec<Value> = verdicts.iter().map(value).collect();
    json!({ "schema": SCHEMA, "verdicts": verdicts }).to_string() + "\n"
}

fn value(verdict: &Verdict) -> Value {
    let mend = verdict.mend.as_ref();
    json!({
        "check": verdict.check,
        "level": word(verdict.level),
        "reason": verdict.reason,
        "evidence": verdict.evidence,
        "mend": mend.map(|mend| &mend.command),
        "fixable": mend.is_some_and(|mend| !mend.deeds.is_empty()),
    })
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Problem => "problem",
        Level::Warning => "warning",
        Level::Ok => "ok",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FailureKind;

    #[test]
    fn what_is_wrong_comes_with_its_evidence_and_its_command() {
        let wrong = Verdict::problem("host.ports", FailureKind::Port, "port 5432 is taken")
            .shown("pid 7: sleep 9")
            .mend("kill 7");
        let well = Verdict::ok("engine.api", "API 1.41");

        let text = verdict_text(&[wrong, well]);

        assert_eq!(
            text,
            "problem  host.ports  port 5432 is taken\n           pid 7: sleep 9\n           mend: kill 7\n\
             ok       engine.api  API 1.41\n1 problem, 0 warnings, 1 ok\n"
        );
    }
}
