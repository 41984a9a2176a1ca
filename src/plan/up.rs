//! The plan that brings a stack, or a part of it, from what is there to what the files say.

mod objects;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Cause, Fate, Nature, Plan, Replaced, containers, fate, labels, selection};
use crate::domain::{
    BuildImages, Condition, ContainerSpec, Home, Necessity, Observed, ObservedContainer, OnRestart,
    Orphans, Phase, Service, ServiceName, Stack,
};
use crate::event::StepId;

/// Which containers are replaced though nothing asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recreate {
    /// Those alone that differ.
    #[default]
    Changed,
    /// Those of these services too.
    These(BTreeSet<ServiceName>),
    /// All.
    All,
}

/// What `up` and `setup` may leave out or add.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpOptions {
    /// The services named; empty for all.
    pub services: Vec<String>,
    /// Whether migrations run.
    pub migrate: Phase,
    /// Whether seeds run.
    pub seed: Phase,
    /// Which containers are replaced.
    pub recreate: Recreate,
    /// Services whose replaced containers leave no anonymous volume to their successors.
    pub renew: BTreeSet<ServiceName>,
    /// Whether containers of services that the file no longer has are removed.
    pub orphans: Orphans,
    /// Whether images are built anew although they are here.
    pub build: BuildImages,
}

/// Plans how `stack` gets up.
///
/// # Errors
/// [`selection::UnknownService`] where a named service is not in the stack.
pub fn up(
    stack: &Stack,
    observed: &Observed,
    options: &UpOptions,
) -> Result<Plan, selection::UnknownService> {
    let chosen = selection::select(stack, &options.services)?;
    let mut planner = Planner {
        stack,
        observed,
        options,
        plan: Plan::default(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        images: BTreeMap::new(),
        services: BTreeMap::new(),
        migrations: BTreeSet::new(),
    };
    let order = in_order(stack, &chosen);
    for service in order.iter().filter(|service| service.home == Home::Own) {
        planner.shared_objects(service);
    }
    for service in &order {
        planner.service(service);
    }
    planner.data(&order);
    if options.orphans == Orphans::Remove {
        planner.orphans();
    }
    Ok(planner.plan)
}

/// The steps that others wait for, of one service.
#[derive(Debug, Clone, Default)]
struct Milestones {
    created: BTreeSet<StepId>,
    started: BTreeSet<StepId>,
    ready: BTreeSet<StepId>,
    completed: BTreeSet<StepId>,
    /// Whether a container of it is made anew or started by this plan.
    touched: bool,
    /// Whether a container of it is replaced by this plan.
    replaced: bool,
}

struct Planner<'a> {
    stack: &'a Stack,
    observed: &'a Observed,
    options: &'a UpOptions,
    plan: Plan,
    networks: BTreeMap<&'a str, StepId>,
    volumes: BTreeMap<&'a str, StepId>,
    images: BTreeMap<&'a ServiceName, StepId>,
    services: BTreeMap<&'a ServiceName, Milestones>,
    migrations: BTreeSet<StepId>,
}

impl<'a> Planner<'a> {
    /// All containers of a service, up to its being ready or completed.
    fn service(&mut self, service: &'a Service) {
        let mut milestones = Milestones::default();
        if service.home == Home::Shared {
            milestones.ready.insert(self.standing_by(service));
            self.services.insert(&service.name, milestones);
            return;
        }
        let gate = self.gate(service);
        for number in 1..=service.replicas {
            self.container(service, number, &gate, &mut milestones);
        }
        for surplus in self
            .observed
            .of(&service.name)
            .filter(|found| found.number > service.replicas)
        {
            self.remove(
                surplus,
                Some(&service.name),
                &Cause::Surplus,
                BTreeSet::new(),
            );
        }
        self.services.insert(&service.name, milestones);
    }

    /// A container that stacks share: somebody else has started it.
    fn standing_by(&mut self, service: &Service) -> StepId {
        let waiting = Action::AwaitReady {
            name: containers::container_name(self.stack, service, 1),
        };
        self.plan.add(
            waiting,
            Some(&service.name),
            Cause::Needed,
            BTreeSet::new(),
            BTreeSet::new(),
        )
    }

    fn container(
        &mut self,
        service: &'a Service,
        number: u32,
        gate: &Gate,
        milestones: &mut Milestones,
    ) {
        let found = self
            .observed
            .of(&service.name)
            .find(|found| found.number == number);
        let before = found.filter(|_| !self.options.renew.contains(&service.name));
        let spec = containers::specify(self.stack, service, number, before);
        let name = spec.name.clone();
        let nature = self.nature(service);
        let mut running = BTreeSet::new();

        match self.fate(service, &spec, nature, found, gate) {
            Fate::Finished => return,
            Fate::Keep => {}
            Fate::Start => {
                running.insert(self.start(service, &name, BTreeSet::new(), Cause::Stopped, gate));
            }
            Fate::Unpause => {
                running.insert(self.plan.add(
                    Action::UnpauseContainer { name: name.clone() },
                    Some(&service.name),
                    Cause::Paused,
                    gate.needs.clone(),
                    gate.after.clone(),
                ));
            }
            Fate::Replace(cause) => {
                let created = self.create(service, spec, found, &cause);
                milestones.created.insert(created);
                milestones.replaced |= found.is_some();
                running.insert(self.start(service, &name, [created].into(), cause, gate));
            }
        }
        milestones.touched |= !running.is_empty();
        milestones.started.extend(&running);

        let waiting = match nature {
            Nature::OneShot => Action::AwaitCompletion { name },
            Nature::Lasting => Action::AwaitReady { name },
        };
        let waited = self.plan.add(
            waiting,
            Some(&service.name),
            Cause::Needed,
            running,
            BTreeSet::new(),
        );
        match nature {
            Nature::OneShot => milestones.completed.insert(waited),
            Nature::Lasting => milestones.ready.insert(waited),
        };
    }

    fn fate(
        &self,
        service: &Service,
        spec: &ContainerSpec,
        nature: Nature,
        found: Option<&ObservedContainer>,
        gate: &Gate,
    ) -> Fate {
        let Some(found) = found else {
            return Fate::Replace(Cause::Missing);
        };
        let image = self.observed.images.get(&service.image.reference);
        let asked = match &self.options.recreate {
            Recreate::Changed => false,
            Recreate::These(services) => services.contains(&service.name),
            Recreate::All => true,
        };
        match fate(spec, nature, image, found) {
            Fate::Replace(cause) => Fate::Replace(cause),
            _ if asked => Fate::Replace(Cause::Asked),
            kept => match &gate.follows {
                Some(followed) => Fate::Replace(Cause::Follows(followed.clone())),
                None => kept,
            },
        }
    }

    fn nature(&self, service: &Service) -> Nature {
        let awaited = self.stack.services.values().any(|other| {
            other
                .depends_on
                .get(&service.name)
                .is_some_and(|dependency| dependency.condition == Condition::Completed)
        });
        if awaited {
            Nature::OneShot
        } else {
            Nature::Lasting
        }
    }

    fn create(
        &mut self,
        service: &'a Service,
        spec: ContainerSpec,
        found: Option<&ObservedContainer>,
        cause: &Cause,
    ) -> StepId {
        let mut needs: BTreeSet<StepId> = self
            .images
            .get(&service.name)
            .copied()
            .into_iter()
            .collect();
        for key in service.container.networks.keys() {
            needs.extend(self.networks.get(key.as_str()));
        }
        for key in containers::named_volumes(service) {
            needs.extend(self.volumes.get(key));
        }
        for host in namespace_hosts(service) {
            if let Some(milestones) = self.services.get(&host) {
                needs.extend(&milestones.created);
            }
        }
        if let Some(found) = found {
            // The old container goes only once all that the new one needs is here.
            needs = [self.remove(found, Some(&service.name), cause, needs)].into();
        }
        self.plan.add(
            Action::CreateContainer(Box::new(spec)),
            Some(&service.name),
            cause.clone(),
            needs,
            BTreeSet::new(),
        )
    }

    /// Stops and removes a container that has, or hasn't, a successor.
    fn remove(
        &mut self,
        found: &ObservedContainer,
        service: Option<&ServiceName>,
        cause: &Cause,
        needs: BTreeSet<StepId>,
    ) -> StepId {
        let replaced = match cause {
            Cause::Surplus | Cause::Orphan => Replaced::ByNobody,
            _ if service.is_some_and(|name| self.options.renew.contains(name)) => {
                Replaced::ByNobody
            }
            _ => Replaced::BySuccessor,
        };
        super::down::remove_container(
            &mut self.plan,
            found,
            service,
            cause,
            replaced,
            needs,
            BTreeSet::new(),
        )
    }

    fn start(
        &mut self,
        service: &Service,
        name: &str,
        mut needs: BTreeSet<StepId>,
        cause: Cause,
        gate: &Gate,
    ) -> StepId {
        needs.extend(&gate.needs);
        self.plan.add(
            Action::StartContainer {
                name: name.to_owned(),
            },
            Some(&service.name),
            cause,
            needs,
            gate.after.clone(),
        )
    }

    /// What a service's start waits for.
    fn gate(&self, service: &Service) -> Gate {
        let mut gate = Gate::default();
        for (name, dependency) in &service.depends_on {
            let Some(milestones) = self.services.get(name) else {
                continue;
            };
            let steps = match dependency.condition {
                Condition::Started => &milestones.started,
                Condition::Healthy => &milestones.ready,
                Condition::Completed => &milestones.completed,
            };
            let optional = dependency.necessity == Necessity::Optional;
            let side = if optional {
                &mut gate.after
            } else {
                &mut gate.needs
            };
            side.extend(steps);
            if dependency.on_restart == OnRestart::Follow && milestones.replaced {
                gate.follows = Some(name.clone());
            }
        }
        // A container that shares another's namespace can't outlive a replacement of it.
        for host in namespace_hosts(service) {
            if let Some(milestones) = self.services.get(&host) {
                gate.needs.extend(&milestones.started);
                if milestones.replaced {
                    gate.follows = Some(host);
                }
            }
        }
        gate
    }

    /// Containers of services that the files no longer have, where this project's files made them.
    fn orphans(&mut self) {
        for found in orphans(self.stack, self.observed) {
            self.remove(found, None, &Cause::Orphan, BTreeSet::new());
        }
    }
}

/// Containers whose service the files no longer have, though these files made them.
pub fn orphans<'a>(
    stack: &'a Stack,
    observed: &'a Observed,
) -> impl Iterator<Item = &'a ObservedContainer> {
    let directory = stack.working_dir.display().to_string();
    observed.containers.iter().filter(move |found| {
        !stack.services.contains_key(&found.service)
            && !stack.disabled.contains_key(&found.service)
            && found.labels.get(labels::WORKING_DIR) == Some(&directory)
    })
}

/// What a start waits for, and whether its container must be replaced with another.
#[derive(Debug, Clone, Default)]
struct Gate {
    needs: BTreeSet<StepId>,
    after: BTreeSet<StepId>,
    follows: Option<ServiceName>,
}

/// Services whose namespaces or volumes this one's container shares: their containers must be there first.
fn namespace_hosts(service: &Service) -> BTreeSet<ServiceName> {
    let container = &service.container;
    [&container.network_mode, &container.ipc, &container.pid]
        .into_iter()
        .flatten()
        .filter_map(|mode| mode.strip_prefix("service:"))
        .chain(container.volumes_from.iter().filter_map(|from| {
            let name = from.split(':').next()?;
            (!from.starts_with("container:")).then_some(name)
        }))
        .filter_map(|name| ServiceName::new(name).ok())
        .collect()
}

/// The chosen services, each after those that it depends on or shares with; data services first.
fn in_order<'a>(stack: &'a Stack, chosen: &BTreeSet<ServiceName>) -> Vec<&'a Service> {
    fn visit<'a>(
        stack: &'a Stack,
        chosen: &BTreeSet<ServiceName>,
        name: &ServiceName,
        seen: &mut BTreeSet<ServiceName>,
        order: &mut Vec<&'a Service>,
    ) {
        let Some(service) = stack.services.get(name) else {
            return;
        };
        if !chosen.contains(name) || !seen.insert(name.clone()) {
            return;
        }
        let before = service.depends_on.keys().cloned();
        for other in before.chain(namespace_hosts(service)) {
            visit(stack, chosen, &other, seen, order);
        }
        order.push(service);
    }

    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    let mut by_role: Vec<&Service> = stack.services.values().collect();
    by_role.sort_by_key(|service| service.role);
    for service in by_role {
        visit(stack, chosen, &service.name, &mut seen, &mut order);
    }
    order
}
