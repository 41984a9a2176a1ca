//! Plans that take a stack down, or stop or restart it: dependents before what they depend on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Cause, Plan, Replaced, labels, selection};
use crate::domain::{Observed, ObservedContainer, Ownership, ServiceName, Stack, VolumeFate};
use crate::event::StepId;

/// How far `down` goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownOptions {
    /// The services named; empty for the whole stack, networks included.
    pub services: Vec<String>,
    /// What happens to volumes.
    pub volumes: VolumeFate,
}

/// Plans how a stack goes: containers, then networks, then (where asked) volumes.
///
/// # Errors
/// [`selection::UnknownService`] where a named service is not in the stack.
pub fn down(
    stack: &Stack,
    observed: &Observed,
    options: &DownOptions,
) -> Result<Plan, selection::UnknownService> {
    let chosen = named(stack, observed, &options.services)?;
    let mut plan = Plan::default();
    let gone = take_down(
        stack,
        observed,
        &chosen,
        &mut plan,
        |plan, found, before| {
            Some(remove_container(
                plan,
                found,
                Some(&found.service),
                &Cause::Asked,
                Replaced::ByNobody,
                BTreeSet::new(),
                before,
            ))
        },
    );
    if !options.services.is_empty() {
        return Ok(plan);
    }
    let external = |name: &str| {
        stack
            .networks
            .values()
            .any(|network| network.name == name && network.ownership == Ownership::External)
    };
    for network in observed
        .networks
        .iter()
        .filter(|network| !external(&network.name))
    {
        plan.add(
            Action::RemoveNetwork {
                network: network.id.clone(),
                name: network.name.clone(),
            },
            None,
            Cause::Asked,
            gone.clone(),
            BTreeSet::new(),
        );
    }
    if options.volumes == VolumeFate::Remove {
        for volume in observed
            .volumes
            .iter()
            .filter(|volume| volume.labels.contains_key(labels::VOLUME))
        {
            plan.add(
                Action::RemoveVolume {
                    name: volume.name.clone(),
                },
                None,
                Cause::Asked,
                gone.clone(),
                BTreeSet::new(),
            );
        }
    }
    Ok(plan)
}

/// Plans how running containers are stopped and kept.
///
/// # Errors
/// [`selection::UnknownService`] where a named service is not in the stack.
pub fn stop(
    stack: &Stack,
    observed: &Observed,
    services: &[String],
) -> Result<Plan, selection::UnknownService> {
    let chosen = named(stack, observed, services)?;
    let mut plan = Plan::default();
    take_down(
        stack,
        observed,
        &chosen,
        &mut plan,
        |plan, found, before| {
            if found.is_running() {
                stop_container(
                    plan,
                    found,
                    Some(&found.service),
                    &Cause::Asked,
                    BTreeSet::new(),
                    before,
                )
            } else {
                None
            }
        },
    );
    Ok(plan)
}

/// Plans how containers are restarted, each after what it depends on is ready again.
///
/// # Errors
/// [`selection::UnknownService`] where a named service is not in the stack.
pub fn restart(
    stack: &Stack,
    observed: &Observed,
    services: &[String],
) -> Result<Plan, selection::UnknownService> {
    let chosen = named(stack, observed, services)?;
    let mut plan = Plan::default();
    let mut ready: BTreeMap<&ServiceName, BTreeSet<StepId>> = BTreeMap::new();
    let mut order: Vec<&ServiceName> = dependents_first(stack, &chosen);
    order.reverse();
    for name in order {
        let Some(service) = stack.services.get(name) else {
            continue;
        };
        let needs: BTreeSet<StepId> = service
            .depends_on
            .keys()
            .filter_map(|dependency| ready.get(dependency))
            .flatten()
            .copied()
            .collect();
        for found in observed.of(name) {
            let restarted = plan.add(
                Action::RestartContainer {
                    container: found.id.clone(),
                    name: found.name.clone(),
                    grace: None,
                },
                Some(name),
                Cause::Asked,
                needs.clone(),
                BTreeSet::new(),
            );
            let step = plan.add(
                Action::AwaitReady {
                    name: found.name.clone(),
                },
                Some(name),
                Cause::Needed,
                [restarted].into(),
                BTreeSet::new(),
            );
            ready.entry(name).or_default().insert(step);
        }
    }
    Ok(plan)
}

/// Stops a container where it runs, then removes it.
pub(super) fn remove_container(
    plan: &mut Plan,
    found: &ObservedContainer,
    service: Option<&ServiceName>,
    cause: &Cause,
    replaced: Replaced,
    needs: BTreeSet<StepId>,
    after: BTreeSet<StepId>,
) -> StepId {
    let stopped = stop_container(plan, found, service, cause, needs.clone(), after.clone());
    let (needs, after) = match stopped {
        Some(stopped) => ([stopped].into(), BTreeSet::new()),
        None => (needs, after),
    };
    plan.add(
        Action::RemoveContainer {
            container: found.id.clone(),
            name: found.name.clone(),
            replaced,
        },
        service,
        cause.clone(),
        needs,
        after,
    )
}

fn stop_container(
    plan: &mut Plan,
    found: &ObservedContainer,
    service: Option<&ServiceName>,
    cause: &Cause,
    needs: BTreeSet<StepId>,
    after: BTreeSet<StepId>,
) -> Option<StepId> {
    use crate::domain::ContainerState::{Created, Dead, Exited, Paused, Restarting, Running};
    match found.state {
        Created | Exited { .. } | Dead => None,
        Running { .. } | Paused | Restarting { .. } => Some(plan.add(
            Action::StopContainer {
                container: found.id.clone(),
                name: found.name.clone(),
                grace: None,
            },
            service,
            cause.clone(),
            needs,
            after,
        )),
    }
}

/// Walks the containers from dependents to dependencies; each waits until its dependents have ended.
fn take_down(
    stack: &Stack,
    observed: &Observed,
    chosen: &BTreeSet<ServiceName>,
    plan: &mut Plan,
    mut end: impl FnMut(&mut Plan, &ObservedContainer, BTreeSet<StepId>) -> Option<StepId>,
) -> BTreeSet<StepId> {
    let mut ended: BTreeMap<&ServiceName, BTreeSet<StepId>> = BTreeMap::new();
    for name in dependents_first(stack, chosen) {
        let before: BTreeSet<StepId> = stack
            .services
            .values()
            .filter(|other| other.depends_on.contains_key(name))
            .filter_map(|other| ended.get(&other.name))
            .flatten()
            .copied()
            .collect();
        for found in observed.of(name) {
            if let Some(step) = end(plan, found, before.clone()) {
                ended.entry(name).or_default().insert(step);
            }
        }
    }
    ended.into_values().flatten().collect()
}

fn named(
    stack: &Stack,
    observed: &Observed,
    services: &[String],
) -> Result<BTreeSet<ServiceName>, selection::UnknownService> {
    if services.is_empty() {
        // The whole project: what the file has, and what it had once.
        let found = observed.containers.iter().map(|found| &found.service);
        return Ok(stack.services.keys().chain(found).cloned().collect());
    }
    let with_dependencies = selection::select(stack, services)?;
    Ok(with_dependencies
        .into_iter()
        .filter(|name| services.iter().any(|service| service == name.as_str()))
        .collect())
}

/// The chosen services, each before those that it depends on.
fn dependents_first<'a>(stack: &Stack, chosen: &'a BTreeSet<ServiceName>) -> Vec<&'a ServiceName> {
    fn visit<'a>(
        stack: &Stack,
        chosen: &'a BTreeSet<ServiceName>,
        name: &'a ServiceName,
        seen: &mut BTreeSet<&'a ServiceName>,
        order: &mut Vec<&'a ServiceName>,
    ) {
        if !seen.insert(name) {
            return;
        }
        let dependencies = stack
            .service(name)
            .into_iter()
            .flat_map(|service| service.depends_on.keys());
        for dependency in dependencies {
            if let Some(dependency) = chosen.get(dependency) {
                visit(stack, chosen, dependency, seen, order);
            }
        }
        order.push(name);
    }
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for name in chosen {
        visit(stack, chosen, name, &mut seen, &mut order);
    }
    order.reverse();
    order
}
