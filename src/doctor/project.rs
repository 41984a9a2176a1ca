//! What is judged of the project.

mod files;
mod objects;

use super::Facts;
use crate::domain::{Mend, Verdict};

/// So many commands of one check are shown.
const SHOWN: usize = 3;

pub(super) fn judge(facts: &Facts) -> Vec<Verdict> {
    let project = &facts.project;
    let mut verdicts = Vec::new();
    let stack = match &project.stack {
        None => return verdicts,
        Some(Err(failure)) => {
            let mut verdict =
                Verdict::problem("project.files", failure.kind, failure.message.clone());
            verdict.evidence.clone_from(&failure.details);
            let hint = failure.hints.first().cloned();
            let hint = hint.unwrap_or_else(|| {
                "correct it, then see what is understood: `jobsprint-dev config`".to_owned()
            });
            verdicts.push(verdict.mend(hint));
            verdicts.extend(files::environment(project));
            return verdicts;
        }
        Some(Ok(stack)) => stack,
    };
    let understood = match stack.services.len() {
        1 => "1 service is understood".to_owned(),
        count => format!("{count} services are understood"),
    };
    verdicts.push(Verdict::ok("project.files", understood));
    verdicts.extend(files::environment(project));
    verdicts.push(files::permissions(project));
    verdicts.push(files::paths(project));
    verdicts.push(files::line_ends(project));
    verdicts.push(files::modes(project));
    verdicts.push(files::contexts(project));
    verdicts.push(files::own_state(project));
    verdicts.push(files::records(project));
    verdicts.push(files::leftovers(project));
    verdicts.push(files::kept(project));
    verdicts.extend(files::certificate(project));
    verdicts.push(objects::volumes(project));
    verdicts.push(objects::namesakes(stack, project));
    if let Some(observed) = &project.observed {
        verdicts.push(objects::orphans(stack, observed));
        verdicts.push(objects::services(stack, observed));
        verdicts.push(objects::passwords(project));
        if let Ok(engine) = &facts.engine {
            verdicts.push(objects::images(stack, project, engine));
            verdicts.push(objects::outdated(stack, observed));
        }
    }
    verdicts
}

/// `all` as one verdict: the first is the headline, the others and what shows them its evidence; all their commands and
/// deeds are its own.
fn gathered(check: &'static str, well: &str, mut all: Vec<Verdict>) -> Verdict {
    if all.is_empty() {
        return Verdict::ok(check, well);
    }
    all.sort_by_key(|verdict| verdict.level);
    let mut rest = all.into_iter();
    let mut first = rest.next().expect("it isn't empty");
    let mut mends: Vec<Mend> = first.mend.take().into_iter().collect();
    for other in rest {
        first.evidence.push(other.reason);
        first.evidence.extend(other.evidence);
        mends.extend(other.mend);
    }
    first.mend = together(mends);
    first
}

/// Several mends as one.
fn together(mends: Vec<Mend>) -> Option<Mend> {
    let mut commands: Vec<&str> = Vec::new();
    for mend in &mends {
        if !commands.contains(&mend.command.as_str()) {
            commands.push(&mend.command);
        }
    }
    let more = commands.len().saturating_sub(SHOWN);
    let shown = commands[..commands.len() - more].join("; ");
    let command = match more {
        0 => shown,
        more => format!("{shown}; and {more} more like these"),
    };
    let deeds = mends.into_iter().flat_map(|mend| mend.deeds).collect();
    (!command.is_empty()).then_some(Mend { command, deeds })
}
