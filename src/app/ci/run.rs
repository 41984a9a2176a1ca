//! The course of a `ci` run: set up, command, tear down.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::apart::{Apart, Original};
use super::command::{self, Ended};
use super::culprit::culprit;
use super::guard::Guard;
use super::teardown::remove;
use crate::app::hands::images_of;
use crate::app::session::Session;
use crate::app::{engine, environment, exec, faults, stacks, up};
use crate::domain::{
    CiRequest, CommandPlace, Consent, Exec, Failure, FailureKind, Keep, MountSource, Phase,
    Service, ServiceName, Stack,
};
use crate::engine::Engine;
use crate::event::Event;
use crate::plan::{self, Recreate, UpOptions};
use crate::report::words;

/// How often a set-up begins anew because somebody took a port or a subnet first.
const ATTEMPTS: u32 = 3;

/// Gives the command a stack of its own.
pub(in crate::app) async fn run(session: &mut Session, request: CiRequest) -> Result<u8, Failure> {
    let engine = engine::reach(session).await?;
    let original = Original::find(session, &request.scope)?;
    stacks::collect(session, &*engine).await;
    for attempt in 1.. {
        let apart = original.apart(session, &*engine).await?;
        match around(session, &request, &engine, &apart).await {
            Err(failure) if failure.kind == FailureKind::Port && attempt < ATTEMPTS => {
                let text = format!("{failure}; choosing anew");
                session.events.tell(Event::Notice { text });
            }
            ended => return ended,
        }
    }
    unreachable!("the last attempt is returned whatever it came to")
}

/// One attempt: whatever happens, the stack is removed or kept on purpose.
async fn around(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
) -> Result<u8, Failure> {
    let project = &apart.project.stack.project;
    let posted = Guard::post(project);
    let mut guard = posted.map_err(|error| {
        Failure::new(
            FailureKind::Bug,
            format!("cannot start this program again: {error}"),
        )
    })?;
    let code = within(session, request, engine, apart, &mut guard).await;
    let stays = match request.keep {
        Keep::Never => false,
        Keep::OnFailure => code != Ok(0),
        Keep::Always => true,
    };
    let is_retried = code
        .as_ref()
        .is_err_and(|failure| failure.kind == FailureKind::Port);
    if stays && !is_retried {
        keep(session, project.as_str())?;
        guard.dismiss().await;
        return code;
    }
    let began = session.events.elapsed();
    let removed = remove(&**engine, project).await;
    removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
    guard.dismiss().await;
    let took = words::duration(session.events.elapsed().saturating_sub(began));
    let text = format!("removed {project} in {took}");
    session.events.tell(Event::Notice { text });
    code
}

async fn within(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
    guard: &mut Guard,
) -> Result<u8, Failure> {
    set_up(session, request, engine, apart).await?;
    let project = &apart.project.stack.project;
    let took = words::duration(session.events.elapsed());
    let text = format!("{project} is ready after {took}");
    session.events.tell(Event::Notice { text });
    match &request.place {
        CommandPlace::Service(service) => inside(session, request, &**engine, apart, service).await,
        CommandPlace::Host => on_host(session, request, apart, guard).await,
    }
}

async fn on_host(
    session: &Session,
    request: &CiRequest,
    apart: &Apart,
    guard: &mut Guard,
) -> Result<u8, Failure> {
    let words = &request.command;
    let ran = command::run(
        words,
        &apart.told,
        request.timeout,
        &session.interrupt,
        guard,
    )
    .await;
    let ended = match ran {
        Ok(ended) => ended,
        Err(failure) if failure.kind == FailureKind::Usage => {
            let search = session.environment.get("PATH").map(String::as_str);
            session.events.tell(Event::Failed { failure });
            return Ok(command::code_of_start(&words[0], search));
        }
        Err(failure) => return Err(failure),
    };
    let text = match ended {
        Ended::Code(0) => return Ok(0),
        Ended::Code(code) => format!("`{}` ended with exit code {code}", words.join(" ")),
        Ended::TimedOut => {
            let limit = request.timeout.map(words::duration).unwrap_or_default();
            format!("`{}` was ended after {limit}", words.join(" "))
        }
        Ended::Interrupted => return Err(interrupted()),
    };
    session.events.tell(Event::Warning { text });
    Ok(ended.code())
}

async fn inside(
    session: &Session,
    request: &CiRequest,
    engine: &dyn Engine,
    apart: &Apart,
    service: &str,
) -> Result<u8, Failure> {
    let stack = &apart.project.stack;
    plan::select(stack, &[service.to_owned()]).map_err(|error| up::unknown(&error))?;
    let name = ServiceName::new(service).expect("it was found under this name");
    let project = stack.project.to_string();
    let asked = Exec {
        service: service.to_owned(),
        command: request.command.clone(),
        environment: vec![("JOBSPRINT_STACK".to_owned(), project)],
        terminal: Phase::Skip,
        ..Exec::default()
    };
    let running = exec::attach(session, engine, &stack.project, &name, asked);
    match request.timeout {
        None => running.await,
        Some(limit) => tokio::time::timeout(limit, running)
            .await
            .unwrap_or(Ok(Ended::TimedOut.code())),
    }
}

/// Brings up what the named services need, migrated and seeded.
async fn set_up(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
) -> Result<(), Failure> {
    let project = &apart.project;
    let stack = &project.stack;
    if mounts_certificate(stack, &project.root) {
        environment::ensure_tls(&project.root)?;
    }
    let mut services = request.scope.services.clone();
    if let (CommandPlace::Service(service), false) = (&request.place, services.is_empty()) {
        services.push(service.clone());
    }
    let names = plan::select(stack, &services).map_err(|error| up::unknown(&error))?;
    let absent = |service: &&Service| service.migrate.is_some() && !names.contains(&service.name);
    let unmigrated = stack.services.values().find(absent);
    if let (Some(migrator), Phase::Do) = (unmigrated, request.seed) {
        let text = format!(
            "the databases stay empty: `{}`, which migrates them, is not among the services",
            migrator.name
        );
        session.events.tell(Event::Notice { text });
    }
    let options = UpOptions {
        services,
        migrate: request.migrate,
        // Seeds want tables.
        seed: if unmigrated.is_some() {
            Phase::Skip
        } else {
            request.seed
        },
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
    let walked = up::walk(session, project, engine, &plan, Some(limit), Consent::Ask).await?;
    if walked.outcome.interrupted {
        return Err(interrupted());
    }
    culprit(stack, &plan, &walked.outcome, limit).map_or(Ok(()), Err)
}

fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, "interrupted")
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

/// How long a stack that is kept on purpose is nobody's garbage.
const KEPT: Duration = Duration::from_hours(24);

/// Notes that a stack stays on purpose, and tells what to do with it.
fn keep(session: &Session, project: &str) -> Result<(), Failure> {
    let directory = notes(session);
    let noted = std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(directory.join(project), b""));
    noted.map_err(|error| {
        let message = format!("cannot write below `{}`: {error}", directory.display());
        Failure::new(FailureKind::Project, message)
    })?;
    let text = format!(
        "{project} stays for a day: look with `jobsprint-dev -p {project} logs`, remove it with `jobsprint-dev stacks rm {project}`"
    );
    session.events.tell(Event::Notice { text });
    Ok(())
}

/// Whether the stack of this project stays on purpose.
pub(in crate::app) fn kept(session: &Session, project: &str) -> bool {
    let note = notes(session).join(project).metadata();
    let age = note.and_then(|note| note.modified()).map(|at| at.elapsed());
    age.is_ok_and(|age| age.is_ok_and(|age| age < KEPT))
}

fn notes(session: &Session) -> PathBuf {
    session.locks().with_file_name("kept")
}
