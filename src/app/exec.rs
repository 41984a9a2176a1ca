//! `exec`: a command in a service's container, its streams passed through and its exit code passed on.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use console::Term;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

use super::project::Project;
use super::scene::look;
use super::session::Session;
use super::terminal::RawTerminal;
use super::{engine, faults};
use crate::domain::{
    Environment, Exec, Failure, FailureKind, Phase, ProjectName, Secret, ServiceName,
};
use crate::engine::{Engine, ExecRequest, ExecTerminal};
use crate::event::LogStream;

/// Runs the command.
pub(super) async fn run(session: &mut Session, request: Exec) -> Result<u8, Failure> {
    let project = Project::load_to_look(session, &request.scope)?;
    let service = ServiceName::new(request.service.clone())
        .ok()
        .filter(|name| project.stack.services.contains_key(name))
        .ok_or_else(|| {
            let known: Vec<String> = project
                .stack
                .services
                .keys()
                .map(ToString::to_string)
                .collect();
            let message = format!("no such service `{}`", request.service);
            Failure::new(FailureKind::Usage, message)
                .hint(format!("the services are {}", known.join(", ")))
        })?;
    let engine = engine::reach(session).await?;
    look(&project, &*engine).await?;
    attach(session, &*engine, &project.stack.project, &service, request).await
}

/// Runs the command in the service's running container.
///
/// # Errors
/// Where none runs, or the engine refuses.
pub(super) async fn attach(
    session: &Session,
    engine: &dyn Engine,
    project: &ProjectName,
    service: &ServiceName,
    request: Exec,
) -> Result<u8, Failure> {
    let observed = engine
        .observe(project, &[])
        .await
        .map_err(|error| faults::at("look at the project", error))?;
    let container = observed
        .of(service)
        .find(|found| found.is_running())
        .map(|found| found.id.clone())
        .ok_or_else(|| {
            Failure::new(FailureKind::Exited, format!("`{service}` is not running"))
                .hint(format!("start it with `jobsprint-dev up {service}`"))
        })?;

    let wants_terminal = request.terminal == Phase::Do
        && std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal();
    let (rows, columns) = Term::stdout().size();
    let terminal = if wants_terminal {
        ExecTerminal::Sized { rows, columns }
    } else {
        ExecTerminal::None
    };
    let environment: BTreeMap<String, Secret> = request
        .environment
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect();
    let asked = ExecRequest {
        command: request.command,
        environment: Environment::new(environment),
        user: request.user,
        working_dir: request.working_dir,
        terminal,
        ..ExecRequest::default()
    };
    let step = format!("run a command in {service}");
    let opened = engine.open_exec(&container, &asked).await;
    let opened = opened.map_err(|error| faults::at(&step, error))?;

    let _raw = wants_terminal.then(RawTerminal::enter).transpose()?;
    let mut output = opened.output;
    let mut input = opened.input;
    let feeding = tokio::spawn(async move {
        let mut stdin = tokio::io::stdin();
        let mut buffer = vec![0; 16 * 1024];
        // Whichever side closes first ends the feeding; the command's end is seen by its output.
        while let Ok(read @ 1..) = stdin.read(&mut buffer).await {
            if input.write_all(&buffer[..read]).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
        input.shutdown().await.ok();
    });
    let mut resized = signal(SignalKind::window_change())
        .map_err(|error| Failure::new(FailureKind::Bug, format!("no signals: {error}")))?;
    let mut stdout = tokio::io::stdout();
    let mut stderr = tokio::io::stderr();
    loop {
        tokio::select! {
            piece = output.next() => match piece {
                Some(Ok((LogStream::Stdout, bytes))) => pass(&mut stdout, &bytes).await,
                Some(Ok((LogStream::Stderr, bytes))) => pass(&mut stderr, &bytes).await,
                Some(Err(error)) => return Err(faults::at(&step, error)),
                None => break,
            },
            _ = resized.recv(), if wants_terminal => {
                let (rows, columns) = Term::stdout().size();
                // A size that the engine doesn't take is cosmetic.
                (opened.resize)(rows, columns).await.ok();
            }
            () = session.interrupt.raised(), if !wants_terminal => return Ok(130),
        }
    }
    feeding.abort();
    let code = opened.exit.await;
    let code = code.map_err(|error| faults::at(&step, error))?;
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Passes bytes on as they are; a reader that has gone away is its own affair.
async fn pass(door: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) {
    if door.write_all(bytes).await.is_ok() {
        door.flush().await.ok();
    }
}
