//! An engine's refusals, put into words for the step that met them.

use crate::domain::{Failure, FailureKind, Service};
use crate::engine::{EngineError, Executed};
use crate::run::{Holder, holder_of};

/// A refusal met by a step: `cannot create network shop_default: …`.
pub(super) fn at(step: &str, error: EngineError) -> Failure {
    let kind = match &error {
        // Addresses of this machine, both.
        EngineError::PortTaken { .. } | EngineError::SubnetTaken => FailureKind::Port,
        EngineError::ImageUnknown { .. }
        | EngineError::Unauthorized { .. }
        | EngineError::RateLimited { .. }
        | EngineError::RegistryUnreachable { .. }
        | EngineError::BuildFailed { .. } => FailureKind::Image,
        _ => FailureKind::Engine,
    };
    let failure = Failure::new(kind, format!("cannot {step}: {error}"));
    match error {
        EngineError::Unreachable { .. } | EngineError::Silent { .. } => {
            failure.hint("see what answers with `jobsprint-dev engine status`")
        }
        EngineError::DiskFull => failure.hint("see what takes the space with `docker system df`"),
        EngineError::InUse { kind, name } => failure.hint(format!(
            "see who uses it with `docker {kind} inspect {name}`"
        )),
        _ => failure,
    }
}

/// A container that can't be made.
pub(super) fn creating(name: &str, error: EngineError) -> Failure {
    match error {
        EngineError::NameTaken { name: taken, .. } => Failure::new(
            FailureKind::Engine,
            format!("cannot create `{name}`: the name `{taken}` is taken by another container"),
        )
        .hint(format!(
            "it was not made for this project; remove it with `docker rm -f {taken}`"
        )),
        error => at(&format!("create container {name}"), error),
    }
}

/// A container that can't be started.
pub(super) fn starting(service: &Service, error: EngineError) -> Failure {
    match error {
        EngineError::PortTaken { port } => {
            port_taken(&service.name.to_string(), port, holder_of(port).as_ref())
        }
        error @ EngineError::Refused { .. } => Failure::new(
            FailureKind::Exited,
            format!("cannot start `{}`: {error}", service.name),
        )
        .hint(format!(
            "look at its `command`, `entrypoint` and mounts; `jobsprint-dev logs {}` has what it printed",
            service.name
        )),
        error => at(&format!("start {}", service.name), error),
    }
}

/// A port that a container of another project publishes.
pub(super) fn port_published(service: &str, port: u16, container: &str) -> Failure {
    let message = format!(
        "port {port}, which `{service}` publishes, is taken by the container `{container}`"
    );
    Failure::new(FailureKind::Port, message)
        .hint(format!("stop it with `docker stop {container}`"))
        .hint("or take the next free port with `jobsprint-dev up --remap-ports`")
}

/// A port that somebody else has.
pub(super) fn port_taken(service: &str, port: u16, holder: Option<&Holder>) -> Failure {
    // The engine's own proxy holds it for a container: ending the proxy would mend nothing.
    let process = holder.filter(|holder| holder.name != "docker-proxy");
    let (by, hint) = match (process, holder) {
        (Some(Holder { pid, name, .. }), _) => (
            format!("`{name}` (pid {pid})"),
            format!("stop it with `kill {pid}`"),
        ),
        (None, Some(_)) => (
            "another container".to_owned(),
            format!("see which with `docker ps --filter publish={port}`"),
        ),
        (None, None) => (
            "another process".to_owned(),
            format!("see which with `ss -ltnp 'sport = :{port}'`"),
        ),
    };
    let message = format!("port {port}, which `{service}` publishes, is taken by {by}");
    Failure::new(FailureKind::Port, message)
        .hint(hint)
        .hint("or take the next free port with `jobsprint-dev up --remap-ports`")
}

/// Somebody else's object that isn't there.
pub(super) fn external(kind: &str, name: &str) -> Failure {
    Failure::new(
        FailureKind::Project,
        format!("the external {kind} `{name}` does not exist"),
    )
    .hint(format!("make it with `docker {kind} create {name}`"))
}

/// A container that was there, and was removed by somebody else.
pub(super) fn vanished(service: &Service) -> Failure {
    let message = format!(
        "the container of `{}` was removed by somebody else",
        service.name
    );
    Failure::new(FailureKind::Exited, message).hint(format!(
        "make it again with `jobsprint-dev up {}`",
        service.name
    ))
}

/// A hook that failed.
pub(super) fn hook(service: &Service, command: &[String], ran: &Executed) -> Failure {
    let output =
        String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
    let lines: Vec<String> = output.lines().rev().take(20).map(str::to_owned).collect();
    Failure::new(
        FailureKind::Exited,
        format!(
            "a hook of `{}` failed with exit code {}: `{}`",
            service.name,
            ran.code,
            command.join(" ")
        ),
    )
    .details(lines.into_iter().rev())
}
