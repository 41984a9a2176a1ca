//! A plan in words, as `--dry-run` prints it and tests compare it.

use std::fmt;

use super::{Action, Plan, Step};
use crate::event::StepId;

/// What a step does, as a phrase: `create container jobsprint-redis-1`.
#[must_use]
pub fn describe(step: &Step) -> String {
    let service = step.service.as_ref().map(ToString::to_string);
    let service = service.as_deref().unwrap_or("the stack");
    match &step.action {
        Action::EnsureImage { source, .. } => format!("get image {}", source.reference),
        Action::CreateNetwork(spec) => format!("create network {}", spec.network.name),
        Action::RequireNetwork(name) => format!("find network {name}"),
        Action::CreateVolume(spec) => format!("create volume {}", spec.volume.name),
        Action::RequireVolume(name) => format!("find volume {name}"),
        Action::CreateContainer(spec) => format!("create container {}", spec.name),
        Action::StartContainer { name } => format!("start {name}"),
        Action::AwaitReady { name } => format!("wait until {name} is ready"),
        Action::AwaitCompletion { name } => format!("wait until {name} has finished"),
        Action::Migrate => format!("migrate {service}"),
        Action::SeedStore => format!("seed {service}"),
        Action::SeedService => format!("run the seed command of {service}"),
        Action::StopContainer { name, .. } => format!("stop {name}"),
        Action::UnpauseContainer { name } => format!("unpause {name}"),
        Action::RestartContainer { name, .. } => format!("restart {name}"),
        Action::RemoveContainer { name, .. } => format!("remove container {name}"),
        Action::RemoveNetwork { name, .. } => format!("remove network {name}"),
        Action::RemoveVolume { name } => format!("remove volume {name}"),
    }
}

impl fmt::Display for Plan {
    /// One line a step: number, phrase, cause, and the numbers of the steps that it waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |id: &StepId| (id.0 + 1).to_string();
        for (id, step) in self.steps() {
            write!(f, "{:>3}. {} ({})", id.0 + 1, describe(step), step.cause)?;
            let waits: Vec<String> = step.needs.union(&step.after).map(number).collect();
            if !waits.is_empty() {
                write!(f, " after {}", waits.join(", "))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
