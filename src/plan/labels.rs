//! The labels by which the tool, and Docker Compose, know their objects again.

use std::collections::BTreeMap;

use crate::domain::{Service, Stack};

/// The project's name.
pub const PROJECT: &str = "com.docker.compose.project";
/// The service's name.
pub const SERVICE: &str = "com.docker.compose.service";
/// `True` for containers of `run`, else `False`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// The container's number within its service, from 1.
pub const NUMBER: &str = "com.docker.compose.container-number";
/// The hash of all settings; only on containers, since on a volume a mismatch makes Compose recreate it.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// The project directory.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// The Compose files, separated by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// What the service waits for, as Compose writes it: `name:condition:restart`.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// The project directory, on networks and volumes: Compose writes it on containers alone, which `down` removes.
pub const HOME: &str = "dev.jobsprint.directory";
/// A network's key in the file.
pub const NETWORK: &str = "com.docker.compose.network";
/// A volume's key in the file.
pub const VOLUME: &str = "com.docker.compose.volume";
/// Short hashes of each part of the settings, so that a change can be named.
pub const PARTS: &str = "dev.jobsprint.parts";
/// The version of the supervisor under which the container's command runs; absent where it runs by itself.
pub const SUPERVISOR: &str = "dev.jobsprint.supervisor";
/// The version of the supervisor that this program brings: another one makes containers be replaced.
pub const SUPERVISOR_VERSION: &str = "2";

/// The labels of a service's container, the file's own first.
pub(super) fn of_container(
    stack: &Stack,
    service: &Service,
    number: u32,
) -> BTreeMap<String, String> {
    let files: Vec<String> = stack
        .config_files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let depends_on: Vec<String> = service
        .depends_on
        .iter()
        .map(|(name, dependency)| {
            let condition = match dependency.condition {
                crate::domain::Condition::Started => "service_started",
                crate::domain::Condition::Healthy => "service_healthy",
                crate::domain::Condition::Completed => "service_completed_successfully",
            };
            let follows = dependency.on_restart == crate::domain::OnRestart::Follow;
            format!("{name}:{condition}:{follows}")
        })
        .collect();

    let mut labels = service.container.labels.clone();
    labels.extend([
        (PROJECT.to_owned(), stack.project.to_string()),
        (SERVICE.to_owned(), service.name.to_string()),
        (ONE_OFF.to_owned(), "False".to_owned()),
        (NUMBER.to_owned(), number.to_string()),
        (
            WORKING_DIR.to_owned(),
            stack.working_dir.display().to_string(),
        ),
        (CONFIG_FILES.to_owned(), files.join(",")),
        (DEPENDS_ON.to_owned(), depends_on.join(",")),
    ]);
    if service.is_supervised() {
        labels.insert(SUPERVISOR.to_owned(), SUPERVISOR_VERSION.to_owned());
    }
    labels
}

/// The labels of a network or volume, the file's own first; `kind` is [`NETWORK`] or [`VOLUME`].
pub(super) fn of_object(
    stack: &Stack,
    kind: &str,
    key: &str,
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = given.clone();
    labels.insert(PROJECT.to_owned(), stack.project.to_string());
    labels.insert(kind.to_owned(), key.to_owned());
    let home = stack.working_dir.display().to_string();
    labels.insert(HOME.to_owned(), home);
    labels
}
