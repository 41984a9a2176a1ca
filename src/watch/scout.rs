//! The watcher: one thread that keeps its eyes on what counts, proves that they see, and else goes on patrol.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::blindness::Blindness;
use super::change::Change;
use super::eyes::{Blind, Eyes, Glance, SystemEyes};
use super::ground::{Coverage, Ground};
use super::patrol::Patrol;
use super::rules::Rules;

/// A file written as a trial is told of within this time where changes are told of at all.
const TRIAL: Duration = Duration::from_millis(500);

/// What the watcher has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// All that was asked for is watched now.
    Covered(Coverage),
    /// Something was seen.
    Changed(Vec<Change>),
    /// Changes may have gone by unseen: any of these files may be another.
    Missed(Vec<PathBuf>),
    /// From now on changes are looked for.
    Polling(Blindness),
}

/// Whether the system's notices are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Until they fail a trial.
    #[default]
    Try,
    /// Not at all: changes are looked for.
    Poll,
}

/// What reaches the watcher's thread.
enum Message {
    Glance(Glance),
    Cover(Arc<Rules>),
    End,
}

/// A handle on the watcher; it ends when dropped.
pub struct Scout {
    line: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Scout {
    /// Begins to watch what `rules` ask for. `trial` is a directory for a file that proves that changes are told of.
    #[must_use]
    pub fn begin(
        rules: Arc<Rules>,
        trial: PathBuf,
        trust: Trust,
        report: UnboundedSender<Sighting>,
    ) -> Self {
        let (line, inbox) = mpsc::channel();
        let glances = line.clone();
        // An error only says that the watcher has ended.
        let open =
            move || SystemEyes::open(move |glance| drop(glances.send(Message::Glance(glance))));
        let thread = std::thread::spawn(move || {
            let watch = Watch {
                inbox,
                report,
                rules,
            };
            watch.run(open, &trial, trust);
        });
        Self {
            line,
            thread: Some(thread),
        }
    }

    /// From now on, watches what these rules ask for.
    pub fn cover(&self, rules: Arc<Rules>) {
        drop(self.line.send(Message::Cover(rules)));
    }
}

impl Drop for Scout {
    fn drop(&mut self) {
        drop(self.line.send(Message::End));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The thread's own state.
struct Watch {
    inbox: Receiver<Message>,
    report: UnboundedSender<Sighting>,
    rules: Arc<Rules>,
}

/// Why the thread stops watching in the way it did.
enum Turn {
    End,
    Patrol(Blindness),
}

impl Watch {
    fn run<E: Eyes>(mut self, open: impl FnOnce() -> Result<E, Blind>, trial: &Path, trust: Trust) {
        let turn = match trust {
            Trust::Poll => Turn::Patrol(Blindness::Asked),
            Trust::Try => match Blindness::of_remote(self.rules.roots().into_iter()) {
                Some(remote) => Turn::Patrol(remote),
                None => match open() {
                    Ok(eyes) => self.watch(eyes, trial),
                    Err(blind) => Turn::Patrol(blindness(blind)),
                },
            },
        };
        if let Turn::Patrol(why) = turn {
            self.tell(Sighting::Polling(why));
            self.patrol();
        }
    }

    /// Watches until told to end, or until the eyes prove blind.
    fn watch<E: Eyes>(&mut self, mut eyes: E, trial: &Path) -> Turn {
        if let Err(why) = self.prove(&mut eyes, trial) {
            return Turn::Patrol(why);
        }
        let mut ground = Ground::new(eyes);
        let mut watched = match ground.cover(Arc::clone(&self.rules)) {
            Ok(coverage) => Ok(vec![Sighting::Covered(coverage)]),
            Err(blind) => Err(blind),
        };
        loop {
            match watched {
                Ok(sightings) => sightings
                    .into_iter()
                    .for_each(|sighting| self.tell(sighting)),
                Err(blind) => return Turn::Patrol(blindness(blind)),
            }
            let Ok(message) = self.inbox.recv() else {
                return Turn::End;
            };
            watched = match message {
                Message::End => return Turn::End,
                Message::Cover(rules) => {
                    self.rules = Arc::clone(&rules);
                    let covered = ground.cover(rules);
                    covered.map(|coverage| vec![Sighting::Covered(coverage)])
                }
                Message::Glance(Glance::Overflow) => {
                    let surveyed = ground.survey();
                    surveyed.map(|coverage| vec![Sighting::Missed(coverage.files)])
                }
                Message::Glance(Glance::At(change)) => ground.follow(change).map(|changes| {
                    let is_any = !changes.is_empty();
                    is_any
                        .then_some(Sighting::Changed(changes))
                        .into_iter()
                        .collect()
                }),
            };
        }
    }

    /// Writes a file, and waits until it is told of.
    fn prove(&mut self, eyes: &mut impl Eyes, trial: &Path) -> Result<(), Blindness> {
        eyes.watch(trial).map_err(blindness)?;
        let canary = trial.join(format!("canary-{}", std::process::id()));
        let is_written = fs::write(&canary, b"tweet").is_ok();
        let deadline = Instant::now() + TRIAL;
        let mut heard = !is_written; // a place that can't be written to proves nothing
        while !heard {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(left) {
                Ok(Message::Glance(Glance::At(change))) => heard = change.path == canary,
                Ok(Message::Glance(Glance::Overflow)) => {}
                Ok(Message::Cover(rules)) => self.rules = rules,
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    drop(fs::remove_file(&canary));
                    return Err(Blindness::Deaf);
                }
            }
        }
        drop(fs::remove_file(&canary));
        eyes.unwatch(trial);
        Ok(())
    }

    fn patrol(&mut self) {
        let mut patrol = Patrol::begin(Arc::clone(&self.rules));
        self.covered(&patrol);
        loop {
            match self.inbox.recv_timeout(patrol.pause()) {
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
                // Eyes that were given up may still have something to say.
                Ok(Message::Glance(_)) => {}
                Ok(Message::Cover(rules)) => {
                    self.rules = Arc::clone(&rules);
                    patrol.cover(rules);
                    self.covered(&patrol);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let changes = patrol.round();
                    if !changes.is_empty() {
                        self.tell(Sighting::Changed(changes));
                    }
                }
            }
        }
    }

    fn covered(&self, patrol: &Patrol) {
        let files: Vec<PathBuf> = patrol.files().cloned().collect();
        let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        let directories = directories.len();
        self.tell(Sighting::Covered(Coverage { directories, files }));
    }

    fn tell(&self, sighting: Sighting) {
        // Nobody listens any more: the end is on its way.
        drop(self.report.send(sighting));
    }
}

fn blindness(blind: Blind) -> Blindness {
    match blind {
        Blind::Exhausted => Blindness::Exhausted,
        Blind::Gone => Blindness::Refused("the place of the trial is gone".to_owned()),
        Blind::Refused(reason) => Blindness::Refused(reason),
    }
}

#[cfg(test)]
mod tests;
