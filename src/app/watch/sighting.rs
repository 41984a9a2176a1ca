//! What was seen on the disk, and to whom it is work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::desk::Desk;
use crate::domain::{Readiness, ServiceName};
use crate::event::Event;
use crate::watch::{Batch, Contents, Coverage, Duties, Errand, Presence, Sighting, Work};

impl Desk<'_> {
    /// Takes in what the scout has to say.
    pub fn sight(&mut self, sighting: Sighting) {
        let now = Instant::now();
        match sighting {
            Sighting::Changed(changes) => {
                for change in changes {
                    self.settle.see(change, now);
                }
            }
            Sighting::Covered(coverage) => self.covered(&coverage),
            Sighting::Missed(files) => {
                let text = "more changed at once than the system tells of: looking at all files";
                let text = text.to_owned();
                self.bench.session.events.tell(Event::Notice { text });
                let known: Vec<PathBuf> = self.contents.paths().map(PathBuf::from).collect();
                let paths: BTreeSet<PathBuf> = files.into_iter().chain(known).collect();
                self.sift(paths.into_iter(), now);
            }
            Sighting::Polling(why) => {
                let text = why.to_string();
                self.bench.session.events.tell(Event::Notice { text });
            }
        }
    }

    fn covered(&mut self, coverage: &Coverage) {
        let then = SystemTime::now();
        let files = coverage.files.clone();
        self.survey = Some(tokio::task::spawn_blocking(move || {
            Contents::of(files, then)
        }));
        if self.began {
            return;
        }
        self.began = true;
        self.bench.session.events.tell(Event::Watching {
            services: self.rules.services().into_iter().collect(),
            files: coverage.files.len(),
            directories: coverage.directories,
        });
        let now = Instant::now();
        let initial = self.rules.initial(&coverage.files, now);
        self.dispatch(initial, now);
    }

    /// A burst of changes has come to rest.
    pub fn act(&mut self, batch: Batch) {
        let rules = Arc::clone(&self.rules);
        let paths = batch.changes.into_keys();
        self.sift(
            paths.filter(|path| rules.wants(path) || !path.exists()),
            batch.began,
        );
    }

    /// Finds out which of these files differ from what was known, and does what they ask for.
    fn sift(&mut self, paths: impl Iterator<Item = PathBuf>, began: Instant) {
        let found: Vec<(PathBuf, Presence)> =
            paths.flat_map(|path| self.contents.look(&path)).collect();
        let settled = Instant::now();
        let duties = self.rules.duties(&found, began, settled);
        self.dispatch(duties, settled);
    }

    fn dispatch(&mut self, duties: Duties, now: Instant) {
        for (service, work) in duties.services {
            self.offer(&service, work);
        }
        for file in &duties.seed_files {
            if let Some(store) = self.store_of(file) {
                let mut work = Work::new(now, now);
                work.files.insert(file.clone());
                work.errands.insert(Errand::SeedStore);
                self.offer(&store, work);
            }
        }
        if !duties.model.is_empty() {
            let mut work = Work::new(now, now);
            work.files = duties.model;
            if let Some(work) = self.reading.offer(work) {
                self.read(work);
            }
        }
    }

    /// The store that a seed file is for.
    fn store_of(&self, file: &Path) -> Option<ServiceName> {
        let stack = &self.project.stack;
        let below = file.strip_prefix(stack.seeds.as_ref()?).ok()?;
        let ready = match below.iter().next()?.to_str()? {
            "postgres" => Readiness::Postgres,
            "redis" => Readiness::Redis,
            "rabbitmq" => Readiness::Amqp,
            _ => return None,
        };
        let mut services = stack.services.values();
        let found = services.find(|service| service.ready == ready);
        found.map(|service| service.name.clone())
    }
}
