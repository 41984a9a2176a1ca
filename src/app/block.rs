//! The ports that a further stack has in the place of the files' own: chosen once, and remembered in its state.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::ports;
use super::project::Place;
use super::session::Session;
use crate::composefile::Loaded;
use crate::domain::{Failure, FailureKind, HostPort, PublishedPort, Scope, Service};
use crate::event::Event;
use crate::isolate::{PORT_BLOCK_WIDTH, PORT_BLOCKS, port_block};
use crate::run::is_free;
use crate::store::{BrokenRecord, StateDir, read_record, write_record};

/// Where it is remembered, in the stack's state.
const FILE: &str = "block.json";
/// The version of that file.
const VERSION: u32 = 1;

/// The stack's ports by the plain one's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Block {
    version: u32,
    ports: BTreeMap<u16, Moved>,
}

/// Where a port went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Moved {
    to: u16,
    /// The variable of the files that feeds it, where one does.
    by: Option<String>,
}

/// What a block does to a reading of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Effect {
    /// The variables that feed ports, with their values.
    pub variables: BTreeMap<String, String>,
    /// The ports that no variable feeds.
    pub fixed: BTreeMap<u16, u16>,
    /// All ports that are others.
    pub moved: BTreeMap<u16, u16>,
}

impl Block {
    /// What is remembered in `state`; nothing where nothing is, or where it can't be read, which is told.
    pub fn recall(session: &Session, state: &StateDir) -> Self {
        session.unbroken(Self::read(state))
    }

    /// The same, without a word.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(state: &StateDir) -> Result<Option<Self>, BrokenRecord> {
        read_record(&state.path().join(FILE), VERSION)
    }

    /// Remembers it.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn keep(&self, session: &Session, state: &StateDir) -> Result<(), Failure> {
        let directory = state.directory("").map_err(Failure::from)?;
        let aside = write_record(&directory.join(FILE), VERSION, self).map_err(Failure::from)?;
        session.tell_aside(aside);
        Ok(())
    }

    /// What it does where `plain` is what the files see without it: a value that a person gave since, in the
    /// shell's environment (`process`) or in `.env`, goes before it.
    pub fn effect(
        &self,
        plain: &BTreeMap<String, String>,
        process: &BTreeMap<String, String>,
    ) -> Effect {
        let mut effect = Effect::default();
        for (old, Moved { to, by }) in &self.ports {
            if let Some(name) = by {
                let is_as_it_was = plain
                    .get(name)
                    .is_none_or(|value| *value == old.to_string());
                if process.contains_key(name) || !is_as_it_was {
                    continue;
                }
                effect.variables.insert(name.clone(), to.to_string());
            } else {
                effect.fixed.insert(*old, *to);
            }
            effect.moved.insert(*old, *to);
        }
        effect
    }

    /// Lets the stack have `new` in the place of its port `old`; whether it had that one.
    pub fn replace(&mut self, old: u16, new: u16) -> bool {
        let found = self.ports.values_mut().find(|moved| moved.to == old);
        found.map(|moved| moved.to = new).is_some()
    }

    /// Chooses ports for those of the plain stack that have none yet; whether there were such.
    ///
    /// # Errors
    /// Where none are free.
    pub fn complete(
        &mut self,
        session: &Session,
        place: &Place,
        scope: &Scope,
        plain: &Loaded,
    ) -> Result<bool, Failure> {
        let asked = self.asked(session, place, scope, plain);
        if asked.is_empty() {
            return Ok(false);
        }
        let state = place.state();
        let others: BTreeSet<u16> = place
            .further
            .others(&place.root)
            .iter()
            .filter_map(|state| Self::read(state).ok().flatten())
            .flat_map(|other| other.ports.into_values())
            .chain(self.ports.values().cloned())
            .map(|moved| moved.to)
            .collect();
        let chosen = free_block(port_block(state.path()), &asked, &others).ok_or_else(|| {
            let message = "no block of ports is free between 20000 and 32000";
            Failure::new(FailureKind::Port, message)
                .hint("see which stacks there are with `jobsprint-dev stacks list`")
        })?;
        self.version = VERSION;
        let mut told = Vec::new();
        for (asked, to) in asked.into_iter().zip(chosen) {
            let old = asked.port;
            told.push(match &asked.by {
                Some(name) => format!("{name}={to}"),
                None => format!("{to} for {old}"),
            });
            self.ports.insert(old, Moved { to, by: asked.by });
        }
        let project = place.further.project(&plain.stack.project);
        let text = format!("`{project}` has ports of its own: {}", told.join(", "));
        session.events.tell(Event::Notice { text });
        Ok(true)
    }

    /// The plain stack's ports that have no place yet, but for those that a person chose.
    fn asked(&self, session: &Session, place: &Place, scope: &Scope, plain: &Loaded) -> Vec<Asked> {
        let mut asked: Vec<Asked> = Vec::new();
        let published = plain.stack.services.values().flat_map(|service| {
            let ports = service.container.ports.iter();
            ports.map(move |port| (service, port))
        });
        let mut seen = BTreeSet::new();
        for (service, port) in published {
            let HostPort::Fixed(number) = port.host else {
                continue;
            };
            if self.ports.contains_key(&number) || !seen.insert(number) {
                continue;
            }
            let by = feeding(session, place, scope, plain, (service, number));
            let is_chosen = by.as_ref().is_some_and(|name| {
                let mut known = self.ports.values();
                session.environment.contains_key(name)
                    || known.any(|moved| moved.by.as_ref() == Some(name))
            });
            if !is_chosen {
                asked.push(Asked::of(port, number, by));
            }
        }
        asked.sort_by_key(|asked| asked.port);
        asked
    }
}

/// The variable that feeds this port, also one that the shell's environment sets.
fn feeding(
    session: &Session,
    place: &Place,
    scope: &Scope,
    plain: &Loaded,
    (service, port): (&Service, u16),
) -> Option<String> {
    let environment = &session.environment;
    let trial = ports::Trial {
        session,
        place,
        scope,
        plain,
        environment,
    };
    // A port that nobody asks for: a service that follows the variable publishes just that one.
    let other = if port == 1 { 2 } else { 1 };
    trial.variable(&service.name, port, other, |_| true)
}

/// A port that needs a place.
struct Asked {
    port: u16,
    by: Option<String>,
    published: PublishedPort,
}

impl Asked {
    fn of(published: &PublishedPort, port: u16, by: Option<String>) -> Self {
        Self {
            port,
            by,
            published: published.clone(),
        }
    }

    fn is_free_at(&self, port: u16) -> bool {
        let ip = self.published.host_ip;
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        is_free(SocketAddr::new(ip, port), self.published.protocol)
    }
}

/// The first block from `first` on, going round, in which there is a free port for each.
fn free_block(first: u16, asked: &[Asked], others: &BTreeSet<u16>) -> Option<Vec<u16>> {
    let wide = u16::try_from(asked.len()).ok()?.div_ceil(PORT_BLOCK_WIDTH);
    let last = PORT_BLOCKS.checked_sub(wide)?;
    let start = (first - 20_000) / PORT_BLOCK_WIDTH;
    (0..=last)
        .map(|step| 20_000 + (start + step) % (last + 1) * PORT_BLOCK_WIDTH)
        .find_map(|block| {
            let mut free =
                (block..block + wide * PORT_BLOCK_WIDTH).filter(|port| !others.contains(port));
            asked
                .iter()
                .map(|asked| free.find(|port| asked.is_free_at(*port)))
                .collect()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Protocol;

    fn asked(port: u16) -> Asked {
        let published = PublishedPort {
            host_ip: None,
            host: HostPort::Fixed(port),
            container: port,
            protocol: Protocol::Tcp,
            name: None,
        };
        Asked::of(&published, port, None)
    }

    #[test]
    fn ports_come_from_one_block_and_leave_out_those_of_other_stacks() {
        let others = BTreeSet::from([31_980, 31_981]);

        let chosen = free_block(31_980, &[asked(80), asked(443)], &others).unwrap();

        assert!(chosen.iter().all(|port| (31_982..32_000).contains(port)));
        assert!(chosen[0] < chosen[1], "{chosen:?}");
    }

    #[test]
    fn a_stack_of_many_ports_gets_several_blocks_in_a_row() {
        let many: Vec<Asked> = (1..=30).map(asked).collect();

        let chosen = free_block(20_000, &many, &BTreeSet::new()).unwrap();

        assert_eq!(chosen.len(), 30);
        assert!(chosen[29] - chosen[0] < 40, "{chosen:?}");
    }

    #[test]
    fn what_a_person_says_of_a_port_goes_before_the_block() {
        let moved = |to, by: Option<&str>| Moved {
            to,
            by: by.map(str::to_owned),
        };
        let block = Block {
            version: VERSION,
            ports: BTreeMap::from([
                (3000, moved(20_000, None)),
                (4000, moved(20_001, Some("API_PORT"))),
                (5432, moved(20_002, Some("DB_PORT"))),
                (6379, moved(20_003, Some("CACHE_PORT"))),
            ]),
        };
        let given = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let plain = given(&[("API_PORT", "4000"), ("DB_PORT", "9999")]);
        let process = given(&[("CACHE_PORT", "6379")]);

        let effect = block.effect(&plain, &process);

        assert_eq!(effect.variables, given(&[("API_PORT", "20001")]));
        assert_eq!(effect.fixed, BTreeMap::from([(3000, 20_000)]));
        let moved = BTreeMap::from([(3000, 20_000), (4000, 20_001)]);
        assert_eq!(effect.moved, moved);
    }
}
