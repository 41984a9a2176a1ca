//! The course of a `ci` run: set up, command, tear down.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::apart::{Apart, KEPT, Lasts, Original};
use super::capsule::{self, Wrong};
use super::command::{self, Ended};
use super::github;
use super::guard::Guard;
use super::memory::lacks_room;
use super::set_up::{interrupted, set_up};
use super::teardown::remove;
use super::tenant::{self, Afterwards, leave};
use crate::app::session::Session;
use crate::app::startup::Keep as Keeping;
use crate::app::{engine, exec, faults, stacks, up};
use crate::domain::{
    CiRequest, CommandPlace, Detail, Exec, Failure, FailureKind, InMemory, Isolation, Keep,
    Ownership, Phase, ProjectName, Reuse, ServiceName, Volume, VolumeSpec,
};
use crate::engine::{Engine, EngineError};
use crate::event::Event;
use crate::plan;
use crate::report::{PhaseReport, junit, words};

/// How often a set-up begins anew because somebody took a port or a subnet first.
const ATTEMPTS: u32 = 3;

/// Gives the command a stack of its own.
pub(in crate::app) async fn run(
    session: &mut Session,
    mut request: CiRequest,
) -> Result<u8, Failure> {
    if request.isolation == Isolation::Tenant {
        tenant::check(&request)?;
    }
    let engine = engine::reach(session).await?;
    let original = Original::find(session, &request.scope)?;
    stacks::collect(session, &engine).await?;
    let lasts = match (request.reuse, request.keep) {
        (Reuse::Left, _) => Lasts::UntilTheNext,
        (Reuse::Fresh, Keep::Always) => Lasts::ADay,
        (Reuse::Fresh, Keep::Never | Keep::OnFailure) => Lasts::ThisRun,
    };
    for attempt in 1.. {
        let apart = match request.isolation {
            Isolation::Full => {
                let apart = original.apart(session, &*engine, Some(&request), lasts);
                apart.await?
            }
            Isolation::Tenant => {
                tenant::apart(session, &original, &engine, &request, lasts).await?
            }
        };
        let mut course = around(session, &request, &engine, &apart).await?;
        let full = full(session, &*engine, &apart, &course).await;
        let retry = course.retry(&apart, &full);
        let retry = retry.filter(|_| attempt < ATTEMPTS);
        let again = retry.is_some();
        end(session, &request, &engine, &apart, &mut course, again).await?;
        match (course.ended, retry) {
            (Err(failure), Some(retry)) => {
                let text = format!("{failure}; {}", retry.as_str());
                session.events.tell(Event::Notice { text });
                match retry {
                    Retry::Elsewhere => {}
                    Retry::OnDisk => request.memory = InMemory::Nothing,
                    Retry::FromNothing => {
                        apart.base.discard(session);
                        if let Some(tenant) = &apart.tenant {
                            tenant.discard(session, &engine).await;
                        }
                        request.template = Phase::Skip;
                    }
                }
            }
            (ended, _) => return ended,
        }
    }
    unreachable!("the last attempt is returned whatever it came to")
}

/// How a set-up that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// With other addresses.
    Elsewhere,
    /// With no store's data in memory.
    OnDisk,
    /// Without the template that it began with.
    FromNothing,
}

impl Retry {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Elsewhere => "choosing anew",
            Self::OnDisk => "trying with the stores' data on the disk",
            Self::FromNothing => "trying without the template that the stores began with",
        }
    }
}

/// An attempt, as far as it has come.
pub(super) struct Course {
    guard: Guard,
    phases: Vec<PhaseReport>,
    pub ended: Result<u8, Failure>,
}

impl Course {
    /// Whether the failure is one that another attempt may not have; `full` are services with no room left in memory.
    fn retry(&self, apart: &Apart, full: &[ServiceName]) -> Option<Retry> {
        let failure = self.ended.as_ref().err()?;
        let is_setting_up = self.phases.len() == 1;
        let wants_disk = apart
            .memory
            .as_ref()
            .is_some_and(|memory| memory.is_refused() || !full.is_empty() || lacks_room(failure));
        match failure.kind {
            FailureKind::Interrupted => None,
            _ if is_setting_up && wants_disk => Some(Retry::OnDisk),
            FailureKind::Port => Some(Retry::Elsewhere),
            FailureKind::Data | FailureKind::Exited | FailureKind::Environment => {
                let is_filled = match &apart.tenant {
                    Some(tenant) => tenant.has_template(),
                    None => apart.base.template.is_some(),
                };
                (is_setting_up && is_filled).then_some(Retry::FromNothing)
            }
            _ => None,
        }
    }

    fn note(&mut self, name: &'static str, took: Duration, wrong: Option<&Wrong>) {
        self.phases.push(PhaseReport {
            name,
            took,
            wrong: wrong.map(Wrong::lines).unwrap_or_default(),
        });
    }
}

/// Set-up and command, with a guard over them from before the first object.
pub(super) async fn around(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
) -> Result<Course, Failure> {
    let project = &apart.project.stack.project;
    github::phase(session, "set up");
    let mut course = Course {
        guard: Guard::post(project)?,
        phases: Vec::new(),
        ended: Ok(0),
    };
    let began = session.events.elapsed();
    let ready = match set_up(session, request, engine, apart).await {
        Ok(boots) => {
            let kept = async {
                if let Some(tenant) = &apart.tenant {
                    tenant.keep(session, engine).await;
                    return Ok(());
                }
                let base = &apart.base;
                base.keep(session, engine, request, &apart.project, &boots)
                    .await
            };
            tokio::select! {
                kept = kept => kept,
                () = session.interrupt.raised() => Err(interrupted()),
            }
        }
        Err(failure) => Err(failure),
    };
    let took = session.events.elapsed().saturating_sub(began);
    let wrong = ready.as_ref().err().map(Wrong::of);
    course.note("set up", took, wrong.as_ref());
    if let Err(failure) = ready {
        course.ended = Err(failure);
        return Ok(course);
    }
    let text = format!("{project} is ready after {}", words::duration(took));
    session.events.tell(Event::Notice { text });
    github::over(session);
    github::phase(session, "command");

    let began = session.events.elapsed();
    course.ended = match &request.place {
        CommandPlace::Service(service) => inside(session, request, &**engine, apart, service).await,
        CommandPlace::Host => on_host(session, request, apart, &mut course.guard).await,
    };
    let took = session.events.elapsed().saturating_sub(began);
    let wrong = wrong_of(request, &course.ended);
    course.note("command", took, wrong.as_ref());
    Ok(course)
}

/// The services whose data takes all that it may take in memory, told where the run didn't go well.
async fn full(
    session: &Session,
    engine: &dyn Engine,
    apart: &Apart,
    course: &Course,
) -> Vec<ServiceName> {
    let is_wrong = course.ended != Ok(0) && !session.interrupt.is_raised();
    let Some(memory) = apart.memory.as_ref().filter(|_| is_wrong) else {
        return Vec::new();
    };
    let full = memory.full(engine).await;
    for service in &full {
        let text = format!(
            "the data of `{service}` takes all of the {} that it may take in memory; `--no-tmpfs` keeps it on the disk",
            words::bytes(memory.size())
        );
        session.events.tell(Event::Warning { text });
    }
    full
}

/// What went wrong with a run whose stack was ready.
fn wrong_of(request: &CiRequest, ended: &Result<u8, Failure>) -> Option<Wrong> {
    match ended {
        Ok(0) => None,
        Ok(code) => Some(Wrong {
            headline: format!(
                "`{}` ended with exit code {code}",
                request.command.join(" ")
            ),
            details: Vec::new(),
        }),
        Err(failure) => Some(Wrong::of(failure)),
    }
}

/// The end of an attempt: what is known of a failure is written down, and the stack removed, or kept on purpose.
pub(super) async fn end(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
    course: &mut Course,
    again: bool,
) -> Result<(), Failure> {
    let project = &apart.project.stack.project;
    github::over(session);
    let is_interrupted = session.interrupt.is_raised();
    let wrong = course.phases.iter().find(|phase| !phase.wrong.is_empty());
    if let (Some(phase), false, false) = (wrong, again, is_interrupted) {
        let wrong = Wrong {
            headline: phase.wrong[0].clone(),
            details: phase.wrong[1..].to_vec(),
        };
        write_capsule(session, request, &**engine, apart, &wrong).await;
    }
    let stays = match request.keep {
        Keep::Never => false,
        Keep::OnFailure => course.ended != Ok(0),
        Keep::Always => true,
    };
    let is_left = request.reuse == Reuse::Left && course.phases.len() > 1;
    if (stays || is_left) && !again {
        if request.keep == Keep::OnFailure {
            let marked = mark_kept(session, &**engine, project).await;
            marked.map_err(|error| faults::at(&format!("keep {project}"), error))?;
        }
        keep(session, project.as_str())?;
    } else {
        let began = session.events.elapsed();
        let (removed, left) = tokio::join!(
            remove(&**engine, project),
            leave(session, engine, project, Afterwards::Forget),
        );
        removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
        left?;
        let took = session.events.elapsed().saturating_sub(began);
        course.note("tear down", took, None);
        let text = format!("removed {project} in {}", words::duration(took));
        session.events.tell(Event::Notice { text });
    }
    course.guard.dismiss().await;
    if again {
        return Ok(());
    }
    write_junit(session, request, project, &course.phases)
}

/// Writes the phases as test cases, where they are asked for.
pub(super) fn write_junit(
    session: &Session,
    request: &CiRequest,
    project: &ProjectName,
    phases: &[PhaseReport],
) -> Result<(), Failure> {
    let Some(path) = &request.junit else {
        return Ok(());
    };
    let document = junit(project.as_str(), phases);
    capsule::save(&session.directory.join(path), &session.masked(&document))
}

/// A capsule that can't be written makes the run no worse than it is.
pub(super) async fn write_capsule(
    session: &Session,
    request: &CiRequest,
    engine: &dyn Engine,
    apart: &Apart,
    wrong: &Wrong,
) {
    let usual = apart.project.root.join("target/jobsprint-ci");
    let given = request.artifacts.as_ref();
    let place = given.map_or(usual, |place| session.directory.join(place));
    match capsule::write(session, engine, apart, request, wrong, &place).await {
        Ok(capsule) => {
            let text = format!(
                "what is known of it is in `{}`",
                capsule.join("summary.md").display()
            );
            session.events.tell(Event::Notice { text });
            session.keep_record(Keeping {
                state: apart.project.state.clone(),
                detail: Detail::Summary,
                capsule: Some(capsule),
            });
        }
        Err(failure) => session.events.tell(Event::Warning {
            text: failure.message,
        }),
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

/// Notes that a stack stays on purpose, and tells what to do with it.
pub(super) fn keep(session: &Session, project: &str) -> Result<(), Failure> {
    note_kept(session, project)?;
    let text = format!(
        "{project} stays for a day: look with `jobsprint-dev -p {project} logs`, remove it with `jobsprint-dev stacks rm {project}`"
    );
    session.events.tell(Event::Notice { text });
    Ok(())
}

/// Tells all users of the engine that the stack stays, by an empty volume of it: what its objects say can't be changed.
async fn mark_kept(
    session: &Session,
    engine: &dyn Engine,
    project: &ProjectName,
) -> Result<(), EngineError> {
    let mut labels = Lasts::ADay.lease(session).labels();
    labels.insert(plan::PROJECT.to_owned(), project.to_string());
    let volume = Volume {
        name: format!("{project}_kept"),
        ownership: Ownership::Project,
        driver: None,
        driver_opts: BTreeMap::new(),
        labels,
    };
    engine.create_volume(&VolumeSpec { volume }).await
}

/// Notes that a stack is not to be cleared away.
pub(super) fn note_kept(session: &Session, project: &str) -> Result<(), Failure> {
    let directory = notes(session);
    let noted = std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(directory.join(project), b""));
    noted.map_err(|error| {
        let message = format!("cannot write below `{}`: {error}", directory.display());
        Failure::new(FailureKind::Project, message)
    })
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
