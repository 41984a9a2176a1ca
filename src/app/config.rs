//! `config`: the resolved Compose file, or one aspect of it.

use super::project::Project;
use super::session::Session;
use crate::composefile::config::{ConfigRequest, render};
use crate::domain::{Config, Failure, FailureKind};
use crate::{plan, report};

/// Prints what is asked of the resolved file.
pub(super) fn run(session: &Session, request: &Config) -> Result<u8, Failure> {
    let project = Project::load(session, &request.scope)?;
    let text = render(
        &project.loaded,
        &ConfigRequest {
            aspect: &request.aspect,
            secrets: request.secrets,
            is_sensitive: &|name| project.is_sensitive(name),
            hash: &|service| plan::service_hash(&project.stack, service),
        },
    );
    let text = text.ok_or_else(|| {
        Failure::new(FailureKind::Usage, "there is no service of this name")
            .hint("see which there are with `jobsprint-dev config --services`")
    })?;
    report::print(&text);
    Ok(0)
}
