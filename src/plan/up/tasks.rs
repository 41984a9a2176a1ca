//! Migrations and seeds, once what they need is ready.

use std::collections::{BTreeMap, BTreeSet};

use super::Planner;
use crate::domain::{Condition, Migrate, Phase, Readiness, Service, ServiceName};
use crate::event::StepId;
use crate::plan::{Action, Cause};

impl<'a> Planner<'a> {
    /// Migrations once their container runs, then seeds.
    ///
    /// A migration doesn't wait until its own service is ready: a service may well be ready only once it is migrated.
    pub(super) fn data(&mut self, order: &[&'a Service]) {
        let mut own: BTreeMap<&ServiceName, StepId> = BTreeMap::new();
        let database = order
            .iter()
            .find(|service| service.ready == Readiness::Postgres);
        if self.options.migrate == Phase::Do {
            for service in order.iter().filter(|service| service.migrate.is_some()) {
                let needs = match (&service.migrate, database) {
                    (Some(Migrate::Directory(_)), Some(database)) => {
                        self.services[&database.name].ready.clone()
                    }
                    _ => self.running(service),
                };
                let step = self.add_data(Action::Migrate, service, needs);
                own.insert(&service.name, step);
                self.migrations.insert(step);
            }
        }
        if self.options.seed == Phase::Skip {
            return;
        }
        let mut store_seeded = None;
        if let (Some(database), true) = (database, self.stack.seeds.is_some()) {
            let mut needs = self.services[&database.name].ready.clone();
            needs.extend(&self.migrations);
            store_seeded = Some(self.add_data(Action::SeedStore, database, needs));
        }
        if self.stack.seeds.is_some() {
            let is_other =
                |service: &&&Service| matches!(service.ready, Readiness::Redis | Readiness::Amqp);
            for store in order.iter().filter(is_other) {
                let ready = self.services[&store.name].ready.clone();
                self.add_data(Action::SeedStore, store, ready);
            }
        }
        for service in order.iter().filter(|service| service.seed.is_some()) {
            let mut needs = self.services[&service.name].ready.clone();
            if let Some(migrated) = own.get(&service.name) {
                needs.insert(*migrated);
                needs.extend(store_seeded);
            }
            self.add_data(Action::SeedService, service, needs);
        }
    }

    /// The steps after which commands can be run in a service's container with its dependencies at hand.
    pub(super) fn running(&self, service: &Service) -> BTreeSet<StepId> {
        let mut needs = self.services[&service.name].started.clone();
        for (name, dependency) in &service.depends_on {
            if let (Some(milestones), Condition::Healthy) =
                (self.services.get(name), dependency.condition)
            {
                needs.extend(&milestones.ready);
            }
        }
        needs
    }

    pub(super) fn add_data(
        &mut self,
        action: Action,
        service: &Service,
        needs: BTreeSet<StepId>,
    ) -> StepId {
        self.plan.add(
            action,
            Some(&service.name),
            Cause::Needed,
            needs,
            BTreeSet::new(),
        )
    }
}
