//! A stack as it is listed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::found::Found;
use crate::domain::ContainerState;
use crate::report::words;

/// The columns' names.
pub(super) const HEAD: [&str; 7] = [
    "STACK",
    "KIND",
    "STATE",
    "OWNER",
    "AGE",
    "PORTS",
    "DIRECTORY",
];

pub(super) struct Row {
    project: String,
    kind: &'static str,
    state: String,
    owner: Option<u32>,
    age: Option<Duration>,
    containers: usize,
    running: usize,
    volumes: usize,
    ports: BTreeSet<u16>,
    directory: Option<String>,
    run: Option<String>,
}

impl Row {
    pub fn of(stack: &Found) -> Self {
        let containers = &stack.observed.containers;
        let since: Vec<_> = containers
            .iter()
            .filter_map(|found| match found.state {
                ContainerState::Running { since, .. } => Some(since),
                _ => None,
            })
            .collect();
        let (running, volumes) = (since.len(), stack.observed.volumes.len());
        let lease = stack.kind.lease();
        let state = lease.map_or_else(
            || standing(running, containers.len(), volumes),
            |(_, state)| state.as_str().to_owned(),
        );
        Self {
            project: stack.project.to_string(),
            kind: stack.kind.as_str(),
            state,
            owner: lease
                .filter(|(lease, _)| !lease.holder.is_nobody())
                .map(|(lease, _)| lease.holder.pid),
            age: since.iter().min().and_then(|since| since.elapsed().ok()),
            containers: containers.len(),
            running,
            volumes,
            ports: containers
                .iter()
                .flat_map(|found| found.ports.iter().map(|port| port.host))
                .collect(),
            directory: stack
                .directory()
                .map(|directory| directory.display().to_string()),
            run: lease.and_then(|(lease, _)| lease.run.clone()),
        }
    }

    pub fn json(&self) -> serde_json::Value {
        json!({
            "project": self.project,
            "kind": self.kind,
            "state": self.state,
            "owner_pid": self.owner,
            "age_seconds": self.age.map(|age| age.as_secs()),
            "containers": self.containers,
            "running": self.running,
            "volumes": self.volumes,
            "ports": self.ports,
            "directory": self.directory,
            "run": self.run,
        })
    }

    pub fn cells(&self) -> [String; 7] {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        [
            self.project.clone(),
            self.kind.to_owned(),
            self.state.clone(),
            or_dash(self.owner.map(|pid| format!("pid {pid}"))),
            or_dash(self.age.map(words::age)),
            or_dash(Some(ports.join(",")).filter(|ports| !ports.is_empty())),
            or_dash(self.directory.clone()),
        ]
    }
}

/// How a stack that somebody works with stands.
fn standing(running: usize, containers: usize, volumes: usize) -> String {
    match (running, containers) {
        (0, 0) if volumes == 0 => "empty".to_owned(),
        (0, 0) => "data only".to_owned(),
        (0, _) => "stopped".to_owned(),
        (running, containers) if running < containers => format!("{running} of {containers} run"),
        _ => "running".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_is_down_is_still_there_with_its_data() {
        assert_eq!(standing(0, 0, 4), "data only");
        assert_eq!(standing(0, 0, 0), "empty");
        assert_eq!(standing(0, 7, 4), "stopped");
        assert_eq!(standing(6, 7, 4), "6 of 7 run");
        assert_eq!(standing(7, 7, 4), "running");
    }
}
