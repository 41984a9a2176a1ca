//! All facts, gathered side by side; one that takes too long is left out.

use std::time::Duration;

use tokio::task::spawn_blocking;

use super::{engine, host, project};
use crate::app::engine::seek;
use crate::app::project::{Place, Project};
use crate::app::session::Session;
use crate::doctor::{Facts, ProjectFacts};
use crate::domain::Scope;

/// How long the disk may take over one group of facts.
const DISK: Duration = Duration::from_secs(2);

/// Looks at engine, project and machine.
pub(in crate::app) async fn gather(session: &Session, scope: &Scope) -> Facts {
    let place = Place::find(session, scope);
    let loaded = Project::load(session, scope);
    let stack = loaded.map(|project| project.stack);
    let on_disk = {
        let (root, stack, locks) = (place.root.clone(), stack.clone().ok(), session.locks());
        spawn_blocking(move || project::on_disk(root, stack.as_deref(), &locks))
    };
    let on_host = {
        let (root, variables) = (place.root.clone(), session.environment.clone());
        spawn_blocking(move || host::look(&root, &variables))
    };
    let environment = project::environment(session, scope);
    let at_engine = async {
        match seek(session).await {
            Ok(engine) => {
                let found = project::at_engine(&engine, stack.as_deref().ok()).await;
                let seen = engine::look(&engine, stack.as_deref().ok(), &found).await;
                (Ok(seen), found)
            }
            Err(absence) => (Err(absence), project::AtEngine::default()),
        }
    };
    let (on_disk, on_host, (engine, found)) = tokio::join!(
        tokio::time::timeout(DISK, on_disk),
        tokio::time::timeout(DISK, on_host),
        at_engine
    );
    let mut host = on_host.ok().and_then(Result::ok).unwrap_or_default();
    if let Ok(stack) = &stack {
        let ports = host::ports(stack, &found);
        (host.ports, host.wanted) = ports;
    }
    let on_disk = on_disk.ok().and_then(Result::ok).unwrap_or_default();
    let project = ProjectFacts {
        root: place.root,
        stack: Some(stack),
        observed: found.observed,
        environment,
        foreign: found.foreign,
        namesakes: found.namesakes,
        refused: found.refused,
        ..on_disk
    };
    Facts {
        engine,
        project,
        host,
    }
}
