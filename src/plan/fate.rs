//! What becomes of a container that is there: kept, started, or replaced, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, labels};
use crate::domain::{ContainerSpec, ContainerState, ImageId, ObservedContainer, RestartPolicy};

/// Whether a service is meant to end.
///
/// Only a service that another waits to see completed is known to be: an exit code of 0 alone may as well
/// come from a service that was stopped by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It is to run on.
    Lasting,
    /// It is to run to its end, once.
    OneShot,
}

/// What becomes of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It runs as the file asks.
    Keep,
    /// It was a one-shot that ended well, with these very settings.
    Finished,
    /// It is right, but stands still.
    Start,
    /// It is right, but paused.
    Unpause,
    /// It is not what the file asks for.
    Replace(Cause),
}

/// Compares a container with what its service asks for; `image` is the local image's id, where it is here.
#[must_use]
pub fn fate(
    spec: &ContainerSpec,
    nature: Nature,
    image: Option<&ImageId>,
    found: &ObservedContainer,
) -> Fate {
    if found.labels.get(labels::CONFIG_HASH) != spec.labels.get(labels::CONFIG_HASH) {
        return Fate::Replace(Cause::Changed(differences(spec, found)));
    }
    if image.is_some_and(|image| image != &found.image_id) {
        return Fate::Replace(Cause::NewImage);
    }
    match found.state {
        ContainerState::Running { .. } | ContainerState::Restarting { .. } => Fate::Keep,
        ContainerState::Exited { code: 0, .. }
            if nature == Nature::OneShot && spec.settings.restart == RestartPolicy::No =>
        {
            Fate::Finished
        }
        ContainerState::Dead => Fate::Replace(Cause::Stopped),
        ContainerState::Paused => Fate::Unpause,
        ContainerState::Created | ContainerState::Exited { .. } => Fate::Start,
    }
}

fn differences(spec: &ContainerSpec, found: &ObservedContainer) -> Vec<String> {
    let Some(recorded) = found.labels.get(labels::PARTS) else {
        return vec!["made by another tool".to_owned()];
    };
    let asked = spec.labels.get(labels::PARTS).map_or("", String::as_str);
    let (before, now) = (parts(recorded), parts(asked));
    let names: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
    let mut changed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        if before.get(name) != now.get(name) {
            let (part, item) = name.split_once(": ").unwrap_or((name, ""));
            changed.entry(part).or_default().push(item);
        }
    }
    changed
        .into_iter()
        .map(|(part, items)| match items.as_slice() {
            [""] => format!("{part} changed"),
            items => format!("{part} changed: {}", items.join(", ")),
        })
        .collect()
}

/// The parts that a label tells, each with its hash.
fn parts(label: &str) -> BTreeMap<&str, &str> {
    label
        .lines()
        .filter_map(|line| line.rsplit_once('='))
        .collect()
}
