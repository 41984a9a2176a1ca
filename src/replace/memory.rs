//! What is remembered between two changes: open lines, whose files are whose, what was copied, who doesn't obey.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::batch::{Batch, Owner};
use super::line::Line;
use super::porter::Porter;
use crate::domain::{ContainerId, ServiceName};

/// So many restarts in a row without obeying SIGTERM, and a service gets little time for it.
const LESSONS: u32 = 2;
/// That little.
const SHORTENED: Duration = Duration::from_millis(100);

/// The memory of a replacer.
#[derive(Default)]
pub(super) struct Memory {
    lines: BTreeMap<ContainerId, Line>,
    porters: BTreeMap<ContainerId, Porter>,
    /// Containers in which no porter can work.
    closed: BTreeSet<ContainerId>,
    owners: BTreeMap<ContainerId, Owner>,
    copied: BTreeMap<ContainerId, BTreeMap<String, Origin>>,
    disobeyed: BTreeMap<ServiceName, u32>,
}

/// How a process that was asked to end did so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It obeyed SIGTERM in time.
    ByItself,
    /// It had to be killed.
    Killed,
}

/// Whether a service obeys SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obedience {
    /// It did within its grace, or nothing was asked of it.
    Obeyed,
    /// It had to be killed, for the first time since it obeyed last.
    Killed,
    /// It had to be killed, as was known of it.
    KilledAgain,
}

/// Where what is at a path of the container came from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A file of the host.
    Host(PathBuf),
    /// It was deleted.
    Nowhere,
}

impl Memory {
    /// The open line to a container, to be given back while it is whole.
    pub(super) fn take_line(&mut self, container: &ContainerId) -> Option<Line> {
        self.lines.remove(container)
    }

    pub(super) fn keep_line(&mut self, container: &ContainerId, line: Line) {
        self.lines.insert(container.clone(), line);
    }

    /// The porter in a container, to be given back while it is of use.
    pub(super) fn take_porter(&mut self, container: &ContainerId) -> Option<Porter> {
        self.porters.remove(container)
    }

    pub(super) fn keep_porter(&mut self, container: &ContainerId, porter: Porter) {
        self.porters.insert(container.clone(), porter);
    }

    /// Whether a porter may work in a container, as far as is known.
    pub(super) fn admits_porters(&self, container: &ContainerId) -> bool {
        !self.closed.contains(container)
    }

    pub(super) fn admit_no_porter(&mut self, container: &ContainerId) {
        self.closed.insert(container.clone());
    }

    pub(super) fn owner(&self, container: &ContainerId) -> Option<Owner> {
        self.owners.get(container).copied()
    }

    pub(super) fn keep_owner(&mut self, container: &ContainerId, owner: Owner) {
        self.owners.insert(container.clone(), owner);
    }

    /// Notes what a batch did.
    pub(super) fn note(&mut self, container: &ContainerId, batch: &Batch) {
        let copied = self.copied.entry(container.clone()).or_default();
        for path in &batch.deleted {
            copied.insert(path.clone(), Origin::Nowhere);
        }
        for (host, path) in &batch.changed {
            copied.insert(path.clone(), Origin::Host(host.clone()));
        }
    }

    /// All that batches did to a container, as one batch; the container is forgotten.
    pub(super) fn take_copied(&mut self, container: &ContainerId) -> Batch {
        self.lines.remove(container);
        self.porters.remove(container);
        self.closed.remove(container);
        self.owners.remove(container);
        let mut batch = Batch::default();
        for (path, origin) in self.copied.remove(container).unwrap_or_default() {
            match origin {
                Origin::Host(host) => batch.changed.push((host, path)),
                Origin::Nowhere => batch.deleted.push(path),
            }
        }
        batch
    }

    /// The time that a service gets between SIGTERM and SIGKILL.
    pub(super) fn grace(&self, service: &ServiceName, own: Duration) -> Duration {
        match self.disobeyed.get(service) {
            Some(times) if *times >= LESSONS => own.min(SHORTENED),
            _ => own,
        }
    }

    /// Learns whether a service obeyed, and tells whether that was known of it.
    pub(super) fn learn(&mut self, service: &ServiceName, end: End) -> Obedience {
        match end {
            End::ByItself => {
                self.disobeyed.remove(service);
                Obedience::Obeyed
            }
            End::Killed => {
                let times = self.disobeyed.entry(service.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    Obedience::Killed
                } else {
                    Obedience::KilledAgain
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Duration = Duration::from_secs(2);

    #[test]
    fn who_never_obeys_gets_less_time_until_it_obeys() {
        let web = ServiceName::new("web").expect("valid");
        let mut memory = Memory::default();

        let mut graces = Vec::new();
        let mut told = Vec::new();
        let (obeyed, killed) = (End::ByItself, End::Killed);
        for end in [killed, killed, killed, obeyed, killed] {
            graces.push(memory.grace(&web, OWN));
            told.push(memory.learn(&web, end));
        }
        graces.push(memory.grace(&web, OWN));

        assert_eq!(graces, [OWN, OWN, SHORTENED, SHORTENED, OWN, OWN]);
        let (first, again) = (Obedience::Killed, Obedience::KilledAgain);
        assert_eq!(told, [first, again, again, Obedience::Obeyed, first]);
    }

    #[test]
    fn a_new_container_is_given_what_the_old_one_had_last() {
        let old = ContainerId::new("old");
        let mut memory = Memory::default();
        let batch = |changed: &[&str], deleted: &[&str]| Batch {
            changed: changed
                .iter()
                .map(|name| {
                    (
                        PathBuf::from(format!("/src/{name}")),
                        format!("/app/{name}"),
                    )
                })
                .collect(),
            deleted: deleted.iter().map(|name| format!("/app/{name}")).collect(),
        };
        memory.note(&old, &batch(&["a.js", "b.js"], &[]));
        memory.note(&old, &batch(&["c.js"], &["a.js", "d.js"]));
        memory.note(&old, &batch(&["d.js"], &[]));

        let again = memory.take_copied(&old);

        assert_eq!(again, batch(&["b.js", "c.js", "d.js"], &["a.js"]));
        assert!(memory.take_copied(&old).is_empty());
    }
}
