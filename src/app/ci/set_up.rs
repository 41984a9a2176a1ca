//! The set-up: all that the named services need, brought up, migrated and seeded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::apart::Apart;
use super::base::Filling;
use super::culprit::culprit;
use super::lead::Led;
use super::memory::Held;
use super::moving_in::MovingIn;
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::up::Walk;
use crate::app::{environment, faults, up};
use crate::domain::{
    CiRequest, CommandPlace, Consent, Failure, FailureKind, MountSource, Phase, Service,
    ServiceName, Stack,
};
use crate::engine::Engine;
use crate::event::Event;
use crate::plan::{self, Recreate, UpOptions};
use crate::run::Perform;

/// The services that a request names; none for all.
pub(super) fn services(request: &CiRequest) -> Vec<String> {
    let mut services = request.scope.services.clone();
    if let (CommandPlace::Service(service), false) = (&request.place, services.is_empty()) {
        services.push(service.clone());
    }
    services
}

/// Whether seeds can be applied: they want tables, so the service that migrates must be among `names`, and is told where
/// it is not.
pub(super) fn seeding<'a>(
    stack: &'a Stack,
    names: &BTreeSet<ServiceName>,
    request: &CiRequest,
) -> Result<Phase, &'a ServiceName> {
    let absent = |service: &&Service| service.migrate.is_some() && !names.contains(&service.name);
    match stack.services.values().find(absent) {
        Some(migrator) => Err(&migrator.name),
        None => Ok(request.seed),
    }
}

/// Brings up what the named services need, migrated and seeded; gives what each that was started took until it was ready.
pub(super) async fn set_up(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
) -> Result<BTreeMap<ServiceName, Duration>, Failure> {
    let project = &apart.project;
    let stack = &project.stack;
    certify(project)?;
    let services = services(request);
    let names = plan::select(stack, &services).map_err(|error| up::unknown(&error))?;
    let seed = seeding(stack, &names, request).unwrap_or_else(|migrator| {
        if request.seed == Phase::Do {
            let text = format!(
                "the databases stay empty: `{migrator}`, which migrates them, is not among the services"
            );
            session.events.tell(Event::Notice { text });
        }
        Phase::Skip
    });
    let options = UpOptions {
        services,
        migrate: request.migrate,
        seed,
        recreate: Recreate::Changed,
        build: request.build,
        ..UpOptions::default()
    };
    let observed = engine.observe(&stack.project, &images_of(stack)).await;
    let observed = observed.map_err(|error| faults::at("look at the project", error))?;
    let plan = plan::up(stack, &observed, &options).map_err(|error| up::unknown(&error))?;
    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let limit = request.ready_timeout;
    let walk = Walk {
        project,
        engine,
        plan: &plan,
        limit: Some(limit),
        packages: Consent::Ask,
        stale: BTreeSet::new(),
        events: &session.events,
        interrupt: &session.interrupt,
    };
    let (tell, made) = watch::channel(None);
    let making = async {
        let made = match &apart.tenant {
            Some(tenant) => tenant.make(session, engine).await,
            None => Ok(()),
        };
        tell.send_replace(Some(made.clone()));
        made
    };
    let holding = async {
        if let Some(memory) = &apart.memory {
            memory.hold_early(&**engine, &plan, &observed.images).await;
        }
    };
    let keep_out = |hands| match &apart.memory {
        Some(memory) => Arc::new(Held {
            hands,
            engine: Arc::clone(engine),
            plan: Arc::clone(&plan),
            memory: Arc::clone(memory),
        }) as Arc<dyn Perform>,
        None => hands,
    };
    let walking = walk.by(|hands| match (&apart.base.template, &apart.tenant) {
        (Some(template), _) => {
            let filling = Arc::new(Filling {
                hands: keep_out(hands),
                engine: Arc::clone(engine),
                template: Arc::clone(template),
            });
            Led::by(filling, stack, &plan, template)
        }
        (None, Some(_)) => Arc::new(MovingIn { hands, made }) as Arc<dyn Perform>,
        (None, None) => keep_out(hands),
    });
    let (made, (), walked) = tokio::join!(making, holding, walking);
    made?;
    let walked = walked?;
    if walked.outcome.interrupted {
        return Err(interrupted());
    }
    culprit(stack, &plan, &walked.outcome, limit).map_or(Ok(walked.ready), Err)
}

pub(super) fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted")
}

/// Makes the certificate where a service mounts it.
///
/// # Errors
/// Where it can't be written.
pub(in crate::app) fn certify(project: &Project) -> Result<(), Failure> {
    if mounts_certificate(&project.stack, &project.root) {
        environment::ensure_tls(&project.root)?;
    }
    Ok(())
}

/// Whether a service mounts the certificate that `setup` makes.
fn mounts_certificate(stack: &Stack, root: &Path) -> bool {
    let tls = root.join(".jobsprint/tls");
    let mounts = stack
        .services
        .values()
        .flat_map(|service| &service.container.mounts);
    mounts.into_iter().any(|mount| match &mount.source {
        MountSource::Bind { source, .. } => source.starts_with(&tls),
        _ => false,
    })
}
