//! `up`: from what runs to what the files say, on the one road.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

use super::appetite::Appetites;
use super::hands::{Hands, subscriptions};
use super::project::Project;
use super::question::Person;
use super::scene::look;
use super::session::Session;
use super::startup::Keep;
use super::vigil::{Standing, Vigil};
use super::{conclusion, engine, faults, ports, stock, volumes};
use crate::data::{DataContext, Glance};
use crate::domain::{
    Consent, ContainerId, Failure, FailureKind, Guidance, Observed, OnFailure, Orphans,
    ProjectName, Recreation, Run, Service, ServiceName, Setup, Stack, VolumeFate,
};
use crate::engine::Engine;
use crate::event::{Event, Events, StepId, StepKind};
use crate::images::Acquirer;
use crate::plan::{self, DownOptions, Plan, Recreate, UpOptions};
use crate::probe::Prober;
use crate::report;
use crate::run::{
    Interrupt, Outcome, Perform, ProjectLock, Pulse, TakenPort, execute, taken_ports,
};

/// Brings the stack up.
pub(super) async fn run(session: &mut Session, request: Setup) -> Result<u8, Failure> {
    let project = Project::load(session, &request.scope)?;
    let engine = engine::reach(session).await?;
    let project = ports::settle(session, project, engine.as_ref(), &request).await?;
    converge(session, &project, engine, &request).await
}

/// A plan that was walked.
pub(super) struct Walked {
    /// How it ended.
    pub outcome: Outcome,
    /// The services that were started in it, each with its time from start to ready.
    pub ready: BTreeMap<ServiceName, Duration>,
    /// What the last look of it saw, where nothing was done after that.
    pub seen: Option<Observed>,
}

/// Plans and carries out what `request` asks.
pub(super) async fn converge(
    session: &Session,
    project: &Project,
    engine: Arc<dyn Engine>,
    request: &Setup,
) -> Result<u8, Failure> {
    let stack = &project.stack;
    let _lock = match request.run {
        Run::Real => Some(lock(session, project).await?),
        Run::Dry => None,
    };
    if request.run == Run::Real {
        stock::settle(session, &stock::of(project, &engine)).await?;
    }
    let observed = look(project, &*engine).await?;
    let plan = plan::up(stack, &observed, &options(request)).map_err(|error| unknown(&error))?;
    let stale = match request.run {
        Run::Real => volumes::examine(session, project, &*engine, &observed, &plan).await?,
        Run::Dry => BTreeSet::new(),
    };
    if request.run == Run::Dry {
        report::print(&dry(&plan));
        return Ok(0);
    }
    session.keep_record(Keep {
        state: project.state.clone(),
        detail: request.detail,
        capsule: None,
    });
    tell_orphans(session, project, &observed, request);
    check_ports(&plan, project, &observed, &*engine).await?;

    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let packages = engine::bootstrap_consent(
        Person::at_terminal(session),
        stack,
        &*engine,
        request.consent,
    )
    .await?;
    let limit = request.timeout;
    let walk = Walk {
        project,
        engine: &engine,
        plan: &plan,
        limit,
        packages,
        stale,
        events: &session.events,
        interrupt: &session.interrupt,
    };
    let walked = walk.by(|hands| hands).await?;
    if walked.outcome.interrupted {
        return Err(conclusion::interrupted());
    }
    let failed = !conclusion::fatal(stack, &plan, &walked.outcome).is_empty();
    if failed && request.on_failure == OnFailure::Rollback {
        roll_back(session, project, &engine, &observed, request).await?;
    }
    let next = match request.guidance {
        Guidance::Given => vec![
            format!("jobsprint-dev {}logs -f", project.words),
            format!("jobsprint-dev {}status", project.words),
        ],
        Guidance::Spared => Vec::new(),
    };
    let after = match &walked.seen {
        Some(seen) if !failed => seen.clone(),
        _ if walked.outcome.changed || failed => look(project, &*engine).await?,
        _ => observed.clone(),
    };
    let seen = conclusion::probed(&plan, &walked.outcome);
    volumes::remember(project, &observed, &after, &seen.into_keys().collect());
    let code = conclusion::conclude(session, project, &after, &plan, &walked, next)?;
    if walked.outcome.changed {
        Appetites::note(project, &*engine, &after).await;
    }
    Ok(code)
}

/// Carries a plan out with all that its steps need; `packages` tells whether the distribution's may be installed for it.
pub(super) async fn walk(
    session: &Session,
    project: &Project,
    engine: &Arc<dyn Engine>,
    plan: &Arc<Plan>,
    limit: Option<Duration>,
    packages: Consent,
) -> Result<Walked, Failure> {
    let walk = Walk {
        project,
        engine,
        plan,
        limit,
        packages,
        stale: BTreeSet::new(),
        events: &session.events,
        interrupt: &session.interrupt,
    };
    walk.by(|hands| hands).await
}

/// A plan, and what it is walked with.
pub(super) struct Walk<'a> {
    /// The project.
    pub project: &'a Project,
    /// The engine.
    pub engine: &'a Arc<dyn Engine>,
    /// The plan.
    pub plan: &'a Arc<Plan>,
    /// The hard limit for all of it, counted from the beginning of `events`.
    pub limit: Option<Duration>,
    /// Whether the distribution's packages may be installed.
    pub packages: Consent,
    /// The stores that are told their passwords on the way.
    pub stale: BTreeSet<ServiceName>,
    /// Who is told.
    pub events: &'a Events,
    /// The person's wish to stop.
    pub interrupt: &'a Interrupt,
}

impl Walk<'_> {
    /// Carries the plan out, by hands that `held` may hold back.
    ///
    /// # Errors
    /// Where the engine can't be looked at.
    pub async fn by(
        self,
        held: impl FnOnce(Arc<dyn Perform>) -> Arc<dyn Perform>,
    ) -> Result<Walked, Failure> {
        let (engine, stack) = (self.engine, &self.project.stack);
        let looking = "look at the engine";
        let facts = engine
            .facts()
            .await
            .map_err(|error| faults::at(looking, error))?;
        let pulse = Pulse::listen(Arc::clone(engine), &stack.project)
            .await
            .map_err(|error| faults::at("follow the engine's events", error))?;
        let prober = Prober::new(Arc::clone(engine), facts.clone());
        let environment = self.project.loaded.environment.clone();
        let hands = Arc::new(Hands {
            stack: Arc::clone(stack),
            engine: Arc::clone(engine),
            images: Acquirer::new(Arc::clone(engine), stack, environment)
                .with_consent(self.packages),
            data: DataContext {
                engine: Arc::clone(engine),
                facts,
                stack: Arc::clone(stack),
                containers: containers(stack),
                events: self.events.clone(),
                glance: Glance::default(),
            },
            prober,
            events: self.events.clone(),
            limit: self.limit,
            stale: self.stale,
            heard: subscriptions(self.plan, &pulse),
            standing: Standing::default(),
            ready: Mutex::default(),
        });
        let standing = Arc::clone(&hands.standing);
        let vigil = Vigil::begin(pulse.subscribe(), standing, self.events.clone());
        let performer = held(Arc::clone(&hands) as Arc<dyn Perform>);
        let mut outcome = execute(
            Arc::clone(self.plan),
            performer,
            self.events,
            self.interrupt,
        )
        .await;
        let mut seen = None;
        if outcome.changed && !outcome.interrupted {
            tokio::select! {
                biased;
                () = self.interrupt.raised() => outcome.interrupted = true,
                (fallen, look) = hands.after(vigil, &pulse) => {
                    outcome.failures.extend(waits_of(self.plan, fallen));
                    seen = look;
                }
            }
        }
        Ok(Walked {
            outcome,
            ready: hands.ready(),
            seen,
        })
    }
}

/// The failures of services as those of their waits for readiness.
fn waits_of(
    plan: &Plan,
    failures: Vec<(ServiceName, Failure)>,
) -> impl Iterator<Item = (StepId, Failure)> {
    failures.into_iter().filter_map(|(service, failure)| {
        let mut waits = plan
            .steps()
            .filter(|(_, step)| step.action.kind() == StepKind::Ready);
        let (step, _) = waits.find(|(_, step)| step.service.as_ref() == Some(&service))?;
        Some((step, failure))
    })
}

/// One run at a time changes a project; the wait for another is told.
pub(super) async fn lock(session: &Session, project: &Project) -> Result<ProjectLock, Failure> {
    lock_name(session, project.stack.project.as_str()).await
}

/// The same, of a project that isn't at hand yet.
pub(super) async fn lock_name(session: &Session, name: &str) -> Result<ProjectLock, Failure> {
    let directory = session.locks();
    let taking = ProjectLock::take(&directory, name, |holder| {
        let who = holder.map_or_else(String::new, |pid| format!(" (pid {pid})"));
        let text = format!("another jobsprint-dev{who} is at work on `{name}`; waiting for it");
        session.events.tell(Event::Notice { text });
    });
    tokio::select! {
        taken = taking => taken.map_err(|error| {
            error.into()
        }),
        () = session.interrupt.raised() => Err(conclusion::interrupted()),
    }
}

/// The first container of each service, by its name: the engine takes names for ids.
pub(super) fn containers(stack: &Stack) -> BTreeMap<ServiceName, ContainerId> {
    stack
        .services
        .values()
        .map(|service| {
            let name = plan::container_name(stack, service, 1);
            (service.name.clone(), ContainerId::new(name))
        })
        .collect()
}

/// A plan in words, or the word that there is nothing to do.
pub(super) fn dry(plan: &Plan) -> String {
    if plan.alters() {
        plan.to_string()
    } else {
        format!("nothing to change\n{plan}")
    }
}

/// A service was named that isn't there.
pub(super) fn unknown(error: &plan::UnknownService) -> Failure {
    Failure::new(FailureKind::Usage, error.to_string())
        .hint(format!("the services are {}", error.known.join(", ")))
}

/// What a request asks of the plan.
pub(super) fn options(request: &Setup) -> UpOptions {
    UpOptions {
        services: request.scope.services.clone(),
        migrate: request.migrate,
        seed: request.seed,
        recreate: match request.recreation {
            Recreation::Changed => Recreate::Changed,
            Recreation::All => Recreate::All,
        },
        orphans: request.orphans,
        build: request.build,
        ..UpOptions::default()
    }
}

fn tell_orphans(session: &Session, project: &Project, observed: &Observed, request: &Setup) {
    if request.orphans == Orphans::Remove {
        return;
    }
    let names: Vec<&str> = plan::orphans(&project.stack, observed)
        .map(|found| found.name.as_str())
        .collect();
    if !names.is_empty() {
        let text = format!(
            "the files no longer have the services of {}; `--remove-orphans` removes them",
            names.join(", ")
        );
        session.events.tell(Event::Warning { text });
    }
}

/// All ports of the containers that will be started, in one look before anything is touched.
async fn check_ports(
    plan: &Plan,
    project: &Project,
    observed: &Observed,
    engine: &dyn Engine,
) -> Result<(), Failure> {
    let ours: Vec<u16> = observed
        .containers
        .iter()
        .filter(|found| found.is_running())
        .flat_map(|found| found.ports.iter().map(|port| port.host))
        .collect();
    let started = plan.steps().filter_map(|(_, step)| match &step.action {
        plan::Action::StartContainer { .. } => project.stack.service(step.service.as_ref()?),
        _ => None,
    });
    let taken = taken(started, &ours);
    if taken.is_empty() {
        return Ok(());
    }
    let published = published_ports(engine).await;
    let mut failures = taken.iter().map(|(service, taken)| {
        let port = taken.address.port();
        match published.get(&port) {
            Some(other) => faults::port_published(service.name.as_str(), port, &other.container),
            None => faults::port_taken(service.name.as_str(), port, taken.holder.as_ref()),
        }
    });
    let first = failures.next().expect("at least one port is taken");
    let others: Vec<String> = failures.map(|failure| failure.message).collect();
    Err(first.details(others))
}

/// The fixed ports of `services` that can't be bound, those in `ours` left out.
pub(super) fn taken<'a>(
    services: impl Iterator<Item = &'a Service>,
    ours: &[u16],
) -> Vec<(&'a Service, TakenPort)> {
    services
        .flat_map(|service| {
            let taken = taken_ports(&service.container.ports).into_iter();
            taken.map(move |taken| (service, taken))
        })
        .filter(|(_, taken)| !ours.contains(&taken.address.port()))
        .collect()
}

/// A container that publishes a port.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    /// Its name.
    pub container: String,
    /// Its project.
    pub project: String,
    /// That project's directory, where known.
    pub directory: Option<PathBuf>,
}

/// The ports that containers of any project publish.
pub(super) async fn published_ports(engine: &dyn Engine) -> BTreeMap<u16, Publisher> {
    // What can't be looked at can't be named; the port is taken all the same.
    let projects = engine.projects().await.unwrap_or_default();
    let looks = projects.into_iter().map(|(name, directory)| async move {
        let project = ProjectName::new(&name).ok()?;
        let observed = engine.observe(&project, &[]).await.ok()?;
        Some((name, directory, observed))
    });
    let mut published = BTreeMap::new();
    for (project, directory, observed) in join_all(looks).await.into_iter().flatten() {
        for found in observed.containers {
            for port in found.ports {
                let by = Publisher {
                    container: found.name.clone(),
                    project: project.clone(),
                    directory: directory.clone(),
                };
                published.insert(port.host, by);
            }
        }
    }
    published
}

/// Takes down again what this run started: all of it where nothing ran before, else the services that were new.
async fn roll_back(
    session: &Session,
    project: &Project,
    engine: &Arc<dyn Engine>,
    before: &Observed,
    request: &Setup,
) -> Result<(), Failure> {
    let now = engine
        .observe(&project.stack.project, &[])
        .await
        .map_err(|error| faults::at("look at the project", error))?;
    let services: Vec<String> = if before.containers.is_empty() {
        Vec::new()
    } else {
        now.containers
            .iter()
            .filter(|found| before.of(&found.service).next().is_none())
            .map(|found| found.service.to_string())
            .collect()
    };
    if services.is_empty() && !before.containers.is_empty() {
        return Ok(());
    }
    let options = DownOptions {
        services,
        volumes: VolumeFate::Keep,
    };
    let plan = plan::down(&project.stack, &now, &options).map_err(|error| unknown(&error))?;
    let text = "taking down again what was started".to_owned();
    session.events.tell(Event::Notice { text });
    let walked = walk(
        session,
        project,
        engine,
        &Arc::new(plan),
        request.timeout,
        Consent::Ask,
    )
    .await?;
    match walked.outcome.failures.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => Ok(()),
    }
}
