//! `ci replay`: the model and the images of a failed run, brought up again from its capsule.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apart::{Apart, Lasts, free_ports, random, reach, subnets};
use super::guard::Guard;
use super::relic::{MODEL, Relic};
use super::run::{around, end, keep};
use super::set_up::set_up;
use crate::app::git::Head;
use crate::app::project::{Place, Project, compose_file, wrong};
use crate::app::session::Session;
use crate::app::{engine, faults, up};
use crate::composefile::{self, LoadRequest, ROOT};
use crate::domain::{CiRequest, Failure, Keep, Phase, ReplayRequest, Scope, Secret};
use crate::engine::Engine;
use crate::event::Event;
use crate::isolate::{
    Choice, REPLAY, Relocation, copy, fixed_ports, host_environment, mark, stack_project,
};
use crate::plan;

/// Brings the capsule's stack up: for a look, or around a command.
pub(in crate::app) async fn run(
    session: &mut Session,
    request: ReplayRequest,
) -> Result<u8, Failure> {
    let given = session.directory.join(&request.capsule);
    let capsule = if given.is_file() {
        given.parent().unwrap_or(&given).to_owned()
    } else {
        given
    };
    let relic = Relic::read(&capsule)?;
    let engine = engine::reach(session).await?;
    if request.images == Phase::Do {
        relic
            .images
            .require(&*engine, relic.commit.as_deref())
            .await?;
    }
    let root = root(session, &relic);
    let text = format!("replaying a run that failed: {}", relic.failed);
    session.events.tell(Event::Notice { text });
    let apart = apart(session, &*engine, &request, &capsule, &relic, &root).await?;
    let phase = |was_done| if was_done { Phase::Do } else { Phase::Skip };
    let ci = CiRequest {
        scope: Scope {
            services: relic.services.clone(),
            ..request.scope.clone()
        },
        keep: Keep::Never,
        ready_timeout: request.ready_timeout,
        migrate: phase(relic.migrated),
        seed: phase(relic.seeded),
        command: request.command.clone(),
        ..CiRequest::default()
    };
    if !ci.command.is_empty() {
        let mut course = around(session, &ci, &engine, &apart).await?;
        end(session, &ci, &engine, &apart, &mut course, false).await?;
        return course.ended;
    }
    look(session, &ci, &engine, &apart, &capsule).await
}

/// Leaves the stack up, also where it failed again: it is there to be looked at.
async fn look(
    session: &Session,
    request: &CiRequest,
    engine: &Arc<dyn Engine>,
    apart: &Apart,
    capsule: &Path,
) -> Result<u8, Failure> {
    let project = &apart.project.stack.project;
    let mut guard = Guard::post(project)?;
    let ready = set_up(session, request, engine, apart).await;
    keep(session, project.as_str())?;
    guard.dismiss().await;
    let model = capsule.join(MODEL);
    let text = format!(
        "look with `jobsprint-dev -f {} -p {project} status`, and so with `logs` and `exec`",
        model.display()
    );
    session.events.tell(Event::Notice { text });
    ready.map(|_| 0)
}

/// Where the paths of the model begin here: in the project at hand, else where the run was.
fn root(session: &Session, relic: &Relic) -> PathBuf {
    let at_hand = session
        .directory
        .ancestors()
        .find(|above| compose_file(above).is_some());
    let Some(_) = at_hand else {
        return relic.root.clone();
    };
    let root = Place::find(session, &Scope::default()).root;
    let here = Head::of(&root).commit;
    if let (Some(then), Some(now)) = (&relic.commit, &here)
        && then != now
    {
        let text = format!(
            "that run was at commit {then}, this checkout is at {now}: mounted files and migrations are this one's"
        );
        session.events.tell(Event::Notice { text });
    }
    root
}

/// The copy of the capsule's stack.
async fn apart(
    session: &Session,
    engine: &dyn Engine,
    request: &ReplayRequest,
    capsule: &Path,
    relic: &Relic,
    root: &Path,
) -> Result<Apart, Failure> {
    let values = relic.values(capsule, root)?;
    let secrets = values.iter().filter(|(name, _)| name.as_str() != ROOT);
    let secrets: Vec<Secret> = secrets.map(|(_, value)| value.clone()).collect();
    session.conceal(&secrets);
    let scope = Scope {
        files: vec![capsule.join(MODEL)],
        ..request.scope.clone()
    };
    let given = values.iter();
    let given = given.map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let loading = LoadRequest {
        files: scope.files.clone(),
        profiles: vec!["*".to_owned()],
        environment: session
            .environment
            .clone()
            .into_iter()
            .chain(given)
            .collect(),
        current_dir: session.directory.clone(),
        ..LoadRequest::default()
    };
    let loaded = composefile::load(&loading, &crate::app::files::Disk)
        .map_err(|diagnostics| wrong(session, &diagnostics))?;

    let looking = |error| faults::at("look at the engine", error);
    let facts = engine.facts().await.map_err(looking)?;
    let taken = engine.subnets().await.map_err(looking)?;
    let reach = reach(&facts, &taken);
    let name = format!("replay-{:06x}", random() & 0x00ff_ffff);
    let choice = Choice {
        project: stack_project(&loaded.stack.project, &name),
        subnets: subnets(&loaded.stack, taken)?,
        relocation: Relocation {
            ports: free_ports(&fixed_ports(&loaded.stack), reach.bind)?,
            reach,
        },
        lease: if request.command.is_empty() {
            Lasts::ADay.lease(session)
        } else {
            Lasts::ThisRun.lease(session)
        },
    };
    let mut stack = copy(&loaded.stack, &choice);
    mark(&mut stack, REPLAY);
    if request.images == Phase::Do {
        relic.images.pin(&mut stack);
    }
    let names = plan::select(&stack, &relic.services).map_err(|error| up::unknown(&error))?;
    let declared = relic.declared(&values);
    let told = host_environment(&stack, &names, &declared, &choice.relocation);
    let place = Place::find(session, &scope);
    let mut project = Project::apart(session, &place, loaded, stack, None);
    // Secrets whose names don't say so are such, too.
    session.conceal(&secrets);
    root.clone_into(&mut project.root);
    let mut apart = Apart::new(project, told);
    apart.declared = declared;
    Ok(apart)
}
