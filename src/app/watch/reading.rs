//! The project read again, because its files or the engine's containers are not what they were.

use std::sync::Arc;
use std::time::Instant;

use super::super::project::Project;
use super::bench::{Bench, name_in};
use super::desk::{Desk, End};
use super::follow::Shown;
use super::scope;
use crate::domain::Failure;
use crate::event::Event;
use crate::plan::UpOptions;
use crate::watch::Work;

impl Desk<'_> {
    /// Reads the project again, and converges what differs; files with a fault leave the old model as it is.
    pub fn read(&mut self, work: Work) {
        let (bench, request) = (self.bench.clone(), self.request);
        let old = Arc::clone(&self.project);
        self.jobs.push(Box::pin(async move {
            let events = &bench.session.events;
            let file = work.files.first().cloned().unwrap_or_default();
            let file = name_in(&file, [old.root.as_path()]);
            let project = match Project::load(bench.session, &request.scope) {
                Ok(project) => Arc::new(project),
                Err(failure) => {
                    tell(
                        &bench,
                        &format!("{file} changed, and the old files go on"),
                        &failure,
                    );
                    return End::Read(None);
                }
            };
            let options = UpOptions {
                services: request.scope.services.clone(),
                migrate: request.migrate,
                seed: request.migrate,
                ..UpOptions::default()
            };
            match bench.walk(&project, &options).await {
                Ok(true) => {
                    let text = format!("{file} changed: the stack is as the files say");
                    events.tell(Event::Notice { text });
                }
                Ok(false) => {
                    let text = format!("{file} changed: nothing to do");
                    events.tell(Event::Notice { text });
                }
                Err(failure) => tell(&bench, &format!("{file} changed"), &failure),
            }
            End::Read(Some(project))
        }));
    }

    pub fn watch_anew(&mut self) {
        self.rules = Arc::new(scope::rules(&self.project, self.request));
        self.scout.cover(Arc::clone(&self.rules));
        if let Some(follower) = &self.follower
            && follower.shown() != Shown::None
        {
            follower.show(Shown::These(scope::attached(&self.project, self.request)));
        }
    }

    /// What happened meanwhile is unknown, as after a restart of the engine: all is brought back to what the files say.
    pub fn resync(&mut self) {
        let text = "the engine's events were cut off: looking at everything again".to_owned();
        self.bench.session.events.tell(Event::Notice { text });
        let now = Instant::now();
        let mut work = Work::new(now, now);
        work.files.insert(self.project.root.clone());
        if let Some(work) = self.reading.offer(work) {
            self.read(work);
        }
    }
}

/// Says what went wrong, without ending anything.
pub(super) fn tell(bench: &Bench<'_>, what: &str, failure: &Failure) {
    let mut lines = vec![format!("{what}: {}", failure.message)];
    lines.extend(failure.details.iter().map(|line| format!("  {line}")));
    lines.extend(failure.hints.iter().map(|hint| format!("hint: {hint}")));
    let text = lines.join("\n");
    bench.session.events.tell(Event::Warning { text });
}
