//! Which containers there are: a new one gets what was copied into the one before it.

use std::sync::Arc;

use super::desk::{Desk, End};
use super::reading::tell;
use crate::domain::{ContainerId, ReplaceMode, ServiceName, WatchAction};
use crate::event::Event;
use crate::watch::Replacement;

impl Desk<'_> {
    /// Learns which containers there are, and prepares for changes of them.
    pub async fn meet_containers(&mut self) {
        let stack = Arc::clone(&self.project.stack);
        let Ok(observed) = self.bench.engine.observe(&stack.project, &[]).await else {
            return;
        };
        for found in observed.containers {
            if found.is_running() {
                self.attend(&found.service, found.id.clone());
            }
            self.containers.insert(found.name, found.id);
        }
    }

    /// A container has started: one that took another's place gets what was copied into that one.
    pub async fn meet(&mut self, id: &ContainerId) {
        let Ok(Some(found)) = self.bench.engine.container(id.as_str()).await else {
            return;
        };
        let service = found.service;
        let before = self.containers.insert(found.name.clone(), id.clone());
        let Some(before) = before.filter(|before| before != id) else {
            // What was prepared ended with its last run.
            self.attend(&service, id.clone());
            return;
        };
        let (bench, container) = (self.bench.clone(), id.clone());
        self.jobs.push(Box::pin(async move {
            let mut files = 0;
            match bench.replacer.resync(&before, &container).await {
                Ok(synced) => files = synced.files,
                Err(error) => {
                    let failure = error.into_failure();
                    tell(&bench, &format!("{service}: its new container"), &failure);
                }
            }
            End::CopiedAgain {
                service,
                container,
                files,
            }
        }));
    }

    /// Prepares for changes of a container that runs, in its service's turn: two who listen to one supervisor at once
    /// would take each other's answers.
    pub fn attend(&mut self, service: &ServiceName, id: ContainerId) {
        let is_replaced_in_place = self
            .project
            .stack
            .service(service)
            .is_some_and(|service| service.replace == ReplaceMode::Process);
        if is_replaced_in_place || !self.targets(service).is_empty() {
            self.unattended.insert(id, service.clone());
            self.attend_waiting(service);
        }
    }

    /// Prepares for changes of the service's containers that wait for it, where it is nobody's turn.
    pub fn attend_waiting(&mut self, service: &ServiceName) {
        let is_its = |(_, whose): &(&ContainerId, &ServiceName)| *whose == service;
        let waiting: Vec<ContainerId> = self
            .unattended
            .iter()
            .filter(is_its)
            .map(|(id, _)| id.clone())
            .collect();
        if waiting.is_empty() || !self.occupy(service) {
            return;
        }
        self.unattended.retain(|_, whose| whose != service);
        let (replacer, targets) = (self.bench.replacer.clone(), self.targets(service));
        let service = service.clone();
        self.jobs.push(Box::pin(async move {
            for id in waiting {
                // A container that takes no orders is restarted whole, as its own line tells.
                replacer.attend(&id, targets.clone()).await.ok();
            }
            End::Attended(service)
        }));
    }

    /// The directories of a service's containers that files are copied to.
    fn targets(&self, service: &ServiceName) -> Vec<String> {
        let service = self.project.stack.service(service);
        let rules = service.map(|service| service.watch.iter());
        let targets = rules.into_iter().flatten();
        targets
            .filter_map(|rule| rule.action.target().map(str::to_owned))
            .collect()
    }

    /// The new container began with the image's own files: where a change of them asks for a restart, it is due.
    pub fn copied_again(&mut self, service: ServiceName, files: usize) {
        if files == 0 {
            return;
        }
        let text = format!(
            "{service}: its container is another one; copied {} again",
            crate::report::words::count(files, "file")
        );
        self.bench.session.events.tell(Event::Notice { text });
        let restarts = self.project.stack.service(&service).is_some_and(|found| {
            let mut rules = found.watch.iter();
            rules.any(|rule| matches!(rule.action, WatchAction::SyncRestart { .. }))
        });
        if restarts {
            self.ask_for([service].into(), Replacement::Restart);
        }
    }
}
