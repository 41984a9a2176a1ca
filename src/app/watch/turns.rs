//! Whose turn it is: of each service, one change at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::bench::Job;
use super::desk::{Desk, End};
use crate::domain::ServiceName;
use crate::watch::{Errand, Lane, Replacement, Work};

/// A service's turn, and the word to whoever has it that more has come.
#[derive(Default)]
pub(super) struct Queue {
    lane: Lane,
    superseded: Arc<Notify>,
}

impl Desk<'_> {
    /// Gives a service work: it begins now, or joins what waits for its turn.
    pub fn offer(&mut self, service: &ServiceName, work: Work) {
        let queue = self.queues.entry(service.clone()).or_default();
        match queue.lane.offer(work) {
            Some(work) => self.begin(service, work),
            None => queue.superseded.notify_one(),
        }
    }

    fn begin(&mut self, service: &ServiceName, work: Work) {
        let Some(found) = self.project.stack.service(service) else {
            drop(self.queues.remove(service));
            return;
        };
        let superseded = Arc::new(Notify::new());
        if let Some(queue) = self.queues.get_mut(service) {
            queue.superseded = Arc::clone(&superseded);
        }
        let job = Job {
            project: Arc::clone(&self.project),
            service: found.clone(),
            work,
            superseded,
        };
        let (bench, service) = (self.bench.clone(), service.clone());
        self.jobs.push(Box::pin(async move {
            let took = bench.carry_out(&job).await;
            End::Work { service, took }
        }));
    }

    /// A service's turn is over: what waits for it begins.
    pub fn turn(&mut self, service: &ServiceName) {
        let queue = self.queues.get_mut(service);
        match queue.and_then(|queue| queue.lane.finish()) {
            Some(work) => self.begin(service, work),
            None => self.attend_waiting(service),
        }
    }

    /// Takes a service's turn where nobody has it.
    pub fn occupy(&mut self, service: &ServiceName) -> bool {
        self.queues
            .entry(service.clone())
            .or_default()
            .lane
            .occupy()
    }

    /// Asks for a replacement of these services' code, no file having changed.
    pub fn ask_for(&mut self, services: BTreeSet<ServiceName>, replacement: Replacement) {
        let now = Instant::now();
        for service in services {
            let work = Work {
                replacement,
                ..Work::new(now, now)
            };
            self.offer(&service, work);
        }
    }

    /// Runs the migrations of all services that have some.
    pub fn ask_to_migrate(&mut self) {
        let now = Instant::now();
        let services = self.project.stack.services.values();
        let migrating: Vec<ServiceName> = services
            .filter(|service| service.migrate.is_some())
            .map(|service| service.name.clone())
            .collect();
        for service in migrating {
            let mut work = Work::new(now, now);
            work.errands.insert(Errand::Migrate);
            self.offer(&service, work);
        }
    }
}
