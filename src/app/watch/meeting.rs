//! Which containers there are: a new one gets what was copied into the one before it.

use std::sync::Arc;

use super::desk::{Desk, End};
use super::reading::tell;
use crate::domain::{ContainerId, ReplaceMode, ServiceName, WatchAction};
use crate::event::Event;
use crate::watch::Replacement;

impl Desk<'_> {
    /// Learns which containers there are, and prepares restarts in place.
    pub async fn meet_containers(&mut self) {
        let stack = Arc::clone(&self.project.stack);
        let Ok(observed) = self.bench.engine.observe(&stack.project, &[]).await else {
            return;
        };
        for found in observed.containers {
            let service = stack.service(&found.service);
            let is_replaced_in_place =
                service.is_some_and(|service| service.replace == ReplaceMode::Process);
            if is_replaced_in_place && found.is_running() {
                // A container that takes no orders is restarted whole, as its own line tells.
                self.bench.replacer.attend(&found.id).await.ok();
            }
            self.containers.insert(found.name, found.id);
        }
    }

    /// A container has started: one that took another's place gets what was copied into that one.
    pub async fn meet(&mut self, id: &ContainerId) {
        if self.containers.values().any(|known| known == id) {
            return;
        }
        let Ok(Some(found)) = self.bench.engine.container(id.as_str()).await else {
            return;
        };
        let before = self.containers.insert(found.name.clone(), id.clone());
        let (bench, id) = (self.bench.clone(), id.clone());
        let service = found.service;
        self.jobs.push(Box::pin(async move {
            let mut files = 0;
            if let Some(before) = before {
                match bench.replacer.resync(&before, &id).await {
                    Ok(synced) => files = synced.files,
                    Err(error) => {
                        let failure = error.into_failure();
                        tell(&bench, &format!("{service}: its new container"), &failure);
                    }
                }
            }
            // A container that takes no orders is restarted whole, as its own line tells.
            bench.replacer.attend(&id).await.ok();
            End::CopiedAgain { service, files }
        }));
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
