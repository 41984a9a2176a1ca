//! Which services and files a request to watch is about.

use std::collections::BTreeSet;

use super::super::project::Project;
use crate::domain::{Failure, ServiceName, WatchRequest};
use crate::plan;
use crate::watch::{Rules, Surroundings};

/// What is watched of a project.
pub(super) fn rules(project: &Project, request: &WatchRequest) -> Rules {
    let around = Surroundings {
        home: project.root.clone(),
        model: project.files.clone(),
        chosen: chosen(request),
    };
    Rules::of(&project.stack, &around)
}

/// The services that were asked for; none stands for all.
fn chosen(request: &WatchRequest) -> BTreeSet<ServiceName> {
    let names = request.scope.services.iter();
    names
        .filter_map(|name| ServiceName::new(name.as_str()).ok())
        .collect()
}

/// The services whose logs may be shown.
pub(super) fn attached(project: &Project, request: &WatchRequest) -> BTreeSet<ServiceName> {
    let chosen = chosen(request);
    let services = project.stack.services.values();
    services
        .filter(|service| service.attach)
        .map(|service| service.name.clone())
        .filter(|name| chosen.is_empty() || chosen.contains(name))
        .collect()
}

/// Whether the stack has all these services.
///
/// # Errors
/// Which ones it doesn't have.
pub(super) fn known(project: &Project, request: &WatchRequest) -> Result<(), Failure> {
    if !request.scope.services.is_empty() {
        plan::select(&project.stack, &request.scope.services)
            .map_err(|error| super::super::up::unknown(&error))?;
    }
    Ok(())
}
