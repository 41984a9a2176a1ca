//! The course of `doctor --prove`: one copy after the other, and what they showed.

use std::collections::BTreeSet;

use super::patient::Patient;
use crate::app::ci::{Guard, Lasts, Original, certify, remove};
use crate::app::session::Session;
use crate::app::{conclusion, engine, faults, stacks, up};
use crate::doctor::{Trial, trials};
use crate::domain::{Failure, Scope, ServiceName, Verdict};
use crate::engine::Engine;
use crate::event::Event;
use crate::plan;
use crate::report::words;

/// Starts `runs` copies, or one for each fault, and tells which services depended on luck.
///
/// # Errors
/// Where the project's files are wrong, no engine answers, or the person wants to stop.
pub(in crate::app::doctor) async fn run(
    session: &Session,
    scope: &Scope,
    runs: Option<u32>,
) -> Result<Vec<Verdict>, Failure> {
    let engine = engine::reach(session).await?;
    let original = Original::find(session, scope)?;
    stacks::collect(session, &engine).await?;
    let mut found: Vec<Verdict> = Vec::new();
    let mut well = 0;
    let mut number = 0;
    let total = loop {
        let apart = original.apart(session, &*engine, None, Lasts::ThisRun);
        let apart = apart.await?;
        let stack = &apart.project.stack;
        let names = plan::select(stack, &scope.services).map_err(|error| up::unknown(&error))?;
        let all = trials(stack, &names);
        let total = runs.map_or(all.len(), |runs| runs as usize);
        let trial = &all[number % all.len()];
        number += 1;
        let text = format!(
            "run {number} of {total}: {}; then {}",
            trial.start, trial.later
        );
        session.events.tell(Event::Notice { text });

        let began = session.events.elapsed();
        let patient = Patient::new(session, &engine, apart, &scope.services, &trial.start);
        let verdicts = within_its_life(session, &*engine, &patient, trial, &names).await?;
        let took = words::duration(session.events.elapsed().saturating_sub(began));
        let text = if verdicts.is_empty() {
            well += 1;
            format!("run {number} went well, in {took}")
        } else {
            format!("run {number} found something, in {took}")
        };
        session.events.tell(Event::Notice { text });
        add(&mut found, verdicts);
        if number == total {
            break total;
        }
    };
    if found.is_empty() {
        let text = format!("{well} of {total} cold starts with faults went well: none needed luck");
        found.push(Verdict::ok("prove.start", text));
    }
    found.sort_by_key(|verdict| verdict.level);
    Ok(found)
}

/// A trial, and the end of all that it made, however it goes.
async fn within_its_life(
    session: &Session,
    engine: &dyn Engine,
    patient: &Patient<'_>,
    trial: &Trial,
    names: &BTreeSet<ServiceName>,
) -> Result<Vec<Verdict>, Failure> {
    let project = &patient.project.stack.project;
    certify(&patient.project)?;
    let mut guard = Guard::post(project)?;
    let found = tokio::select! {
        found = patient.undergo(trial, names) => found,
        () = session.interrupt.raised() => Err(conclusion::interrupted()),
    };
    let removed = remove(engine, project).await;
    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
    guard.dismiss().await;
    found
}

/// The same sentence is told once, whichever run it comes from.
fn add(found: &mut Vec<Verdict>, verdicts: Vec<Verdict>) {
    for verdict in verdicts {
        if found.iter().all(|told| told.reason != verdict.reason) {
            found.push(verdict);
        }
    }
}
