//! `setup`: an engine, `.env`, the certificate, and then all that `up` does.

use super::project::{Place, Project};
use super::question::Person;
use super::session::Session;
use super::{engine, environment, ports, up, volumes};
use crate::domain::{Failure, Run, Setup};
use crate::event::Event;

/// Takes the machine to a running stack.
pub(super) async fn run(session: &mut Session, request: Setup) -> Result<u8, Failure> {
    let place = Place::find(session, &request.scope);
    let generated = match request.run {
        Run::Real => prepare(session, &place, &request)?,
        Run::Dry => Vec::new(),
    };
    let mut project = Project::load(session, &request.scope)?;
    let engine = engine::ensure(session, request.consent).await?;
    if volumes::take_back(session, &project, &*engine, &generated).await? {
        project = Project::load(session, &request.scope)?;
    }
    let project = ports::settle(session, project, engine.as_ref(), &request).await?;
    up::converge(session, &project, engine, &request).await
}

/// What must be on the disk before the files can be read; gives the keys of `.env` that got new secrets.
fn prepare(session: &Session, place: &Place, request: &Setup) -> Result<Vec<String>, Failure> {
    let outcome = environment::ensure_env(&place.root, Person::unless(session, request.consent))?;
    environment::tell(&session.events, &outcome);
    let names = environment::ensure_tls(&place.root)?;
    if !names.is_empty() {
        session.events.tell(Event::Generated {
            place: ".jobsprint/tls".to_owned(),
            names,
        });
    }
    Ok(outcome.generated)
}
