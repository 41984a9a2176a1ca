//! `watch`: the stack up, the logs followed, and each save brought to the running code.

mod background;
mod bench;
mod desk;
mod explain;
mod follow;
mod keys;
mod meeting;
mod press;
mod reading;
mod scope;
mod sighting;
mod station;
mod turns;

use std::sync::Arc;
use std::time::SystemTime;

use self::bench::Bench;
use self::desk::Desk;
use self::keys::Keyboard;
use self::station::Station;
pub(super) use self::station::fault;
use super::project::Project;
use super::session::Session;
use super::{down, engine, faults, up};
use crate::domain::{
    Afterwards, Down, Failure, FailureKind, Guidance, Setup, WatchRequest, WatchVerb,
};
use crate::event::Event;
use crate::replace::Replacer;
use crate::report::{self, Mode};
use crate::run::{Interrupt, Pulse};

/// Watches, or tells of watching.
pub(super) async fn run(session: &mut Session, request: WatchRequest) -> Result<u8, Failure> {
    let project = Project::load(session, &request.scope)?;
    scope::known(&project, &request)?;
    match &request.verb {
        WatchVerb::Explain(path) => {
            let path = tidy(&session.directory.join(path));
            let rules = scope::rules(&project, &request);
            report::print(&explain::explain(&rules, &path));
            Ok(0)
        }
        WatchVerb::Status => {
            background::status(session, &project);
            Ok(0)
        }
        WatchVerb::Stop => background::stop(session, &project).await,
        WatchVerb::Logs => background::logs(&project),
        WatchVerb::Detached if !background::is_here(session) => {
            background::begin(session, &project).await
        }
        WatchVerb::Here | WatchVerb::Detached => {
            watch(session, &request, project).await?;
            if request.afterwards == Afterwards::Down {
                take_down(session, &request).await?;
            }
            Ok(0)
        }
    }
}

async fn watch(session: &Session, request: &WatchRequest, project: Project) -> Result<(), Failure> {
    let since = SystemTime::now();
    let engine = engine::reach(session).await?;
    let station = Station::take(&project).await?;
    station.clear();
    let pulse = Pulse::listen(Arc::clone(&engine), &project.stack.project)
        .await
        .map_err(|error| faults::at("follow the engine's events", error))?;
    let facts = engine
        .facts()
        .await
        .map_err(|error| faults::at("look at the engine", error))?;
    let setup = Setup {
        scope: request.scope.clone(),
        consent: request.consent,
        migrate: request.migrate,
        seed: request.migrate,
        guidance: Guidance::Spared,
        ..Setup::default()
    };
    match up::converge(session, &project, Arc::clone(&engine), &setup).await {
        Ok(_) => {}
        Err(failure) if is_mended_by_a_save(failure.kind) => {
            let mut lines = vec![failure.message];
            lines.extend(failure.details.iter().map(|line| format!("  {line}")));
            lines.push("  watching all the same: the next save tries again".to_owned());
            let text = lines.join("\n");
            session.events.tell(Event::Warning { text });
        }
        Err(failure) => return Err(failure),
    }
    let bench = Bench {
        session,
        replacer: Replacer::new(Arc::clone(&engine)),
        engine,
        facts,
        pulse: Arc::new(pulse),
        migrate: request.migrate,
        consent: request.consent,
    };
    let mut keyboard = match session.manner.mode {
        Mode::Tty => Keyboard::listen(),
        Mode::Plain | Mode::Json | Mode::Quiet => None,
    };
    if keyboard.is_some() {
        let text = keys::HELP.to_owned();
        session.events.tell(Event::Notice { text });
    }
    let mut desk = Desk::open(bench, request, project, station, since);
    desk.run(&mut keyboard).await;
    Ok(())
}

/// Whether what keeps a stack from being up may be mended by editing a file.
fn is_mended_by_a_save(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Exited | FailureKind::NotReady | FailureKind::Data | FailureKind::Image
    )
}

async fn take_down(session: &mut Session, request: &WatchRequest) -> Result<(), Failure> {
    // The wish to stop watching is no wish to stop the taking down; the next Ctrl-C is.
    session.interrupt = Interrupt::new();
    session
        .interrupt
        .on_signals()
        .map_err(|error| Failure::new(FailureKind::Bug, format!("no signals: {error}")))?;
    let request = Down {
        scope: request.scope.clone(),
        consent: request.consent,
        ..Down::default()
    };
    down::run(session, request).await.map(drop)
}

/// A path without `.` and `..`, for a file that may not be there.
fn tidy(path: &std::path::Path) -> std::path::PathBuf {
    use std::path::Component;
    let mut tidy = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(tidy.pop()),
            part => tidy.push(part),
        }
    }
    tidy
}
