//! The supervisor that runs a service's command as PID 1 and can start it again in place.
//!
//! It is a text for any POSIX shell, given as the container's entrypoint: nothing needs to be in the image
//! or on a writable disk, and whatever starts the container again starts it too. The command stays what it
//! was, so that `docker inspect` shows it.

use crate::domain::{ContainerId, ContainerSpec};
use crate::engine::{Engine, EngineError, ImageCommand, Removal};
use crate::plan::SUPERVISOR;

/// The shell that runs it.
pub(super) const SHELL: &str = "/bin/sh";
/// What the process list calls it.
const NAME: &str = "jobsprint-dev";

/// Makes a container; one whose labels ask for the supervisor gets it, if its image has a shell.
///
/// The label stays only where the supervisor is, so that it can be trusted.
///
/// # Errors
/// Whatever the engine refuses.
pub async fn create(engine: &dyn Engine, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
    if !spec.labels.contains_key(SUPERVISOR) {
        return engine.create_container(spec).await;
    }
    let image = engine.image_command(&spec.image).await?;
    if let Some(supervised) = supervised(spec, &image) {
        let container = engine.create_container(&supervised).await?;
        if engine.has_file(&container, SHELL).await? {
            return Ok(container);
        }
        engine
            .remove_container(&container, Removal::WithVolumes)
            .await?;
    }
    let mut bare = spec.clone();
    bare.labels.remove(SUPERVISOR);
    engine.create_container(&bare).await
}

/// The same container with its command under the supervisor; `None` where it has no command.
fn supervised(spec: &ContainerSpec, image: &ImageCommand) -> Option<ContainerSpec> {
    let own = &spec.settings;
    let entrypoint = own.entrypoint.as_ref().unwrap_or(&image.entrypoint);
    // As the engine has it: who sets an entrypoint loses the image's command.
    let command = match &own.command {
        Some(command) if !command.is_empty() => command.clone(),
        _ if own.entrypoint.is_some() => Vec::new(),
        _ => image.command.clone(),
    };
    if entrypoint.is_empty() && command.is_empty() {
        return None;
    }
    let words = [SHELL, "-c", &script(), NAME].map(str::to_owned);
    let mut spec = spec.clone();
    spec.settings.entrypoint = Some(words.into_iter().chain(entrypoint.clone()).collect());
    spec.settings.command = Some(command);
    // It forwards and reaps by itself; under another init it would not be PID 1.
    spec.settings.init = Some(false);
    Some(spec)
}

/// The supervisor's text: a line that tells a stranger what it is, then the code without its comments.
fn script() -> String {
    let mut lines = include_str!("supervisor.sh").lines();
    let title = lines.next().unwrap_or_default();
    let code = lines.filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    let mut script = title.to_owned();
    for line in code {
        script.push('\n');
        script.push_str(line);
    }
    script
}

#[cfg(test)]
mod tests;
