//! `logs`: what services printed, merged by the engine's timestamps, and what they go on to print.

use std::time::SystemTime;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};

use super::project::Project;
use super::scene::{glance, look};
use super::session::Session;
use super::{engine, faults, up};
use crate::domain::{Failure, Follow, Logs, ObservedContainer, Redaction};
use crate::engine::{Engine, LogLine, LogRequest};
use crate::event::Event;
use crate::plan;

/// A line with the container that it came from.
type Line = (ObservedContainer, LogLine);

/// Shows logs.
pub(super) async fn run(session: &mut Session, request: Logs) -> Result<u8, Failure> {
    let project = Project::load_to_look(session, &request.scope)?;
    let names = &request.scope.services;
    if !names.is_empty() {
        plan::select(&project.stack, names).map_err(|error| up::unknown(&error))?;
    }
    if request.redaction == Redaction::Off {
        session.conceal([]);
    }
    let engine = engine::reach(session).await?;
    let observed = match request.scope.project {
        Some(_) => glance(&project, &*engine).await?,
        None => look(&project, &*engine).await?,
    };
    let containers = observed.containers.into_iter().filter(|found| {
        names.is_empty() || names.iter().any(|name| name == found.service.as_str())
    });

    let asked = LogRequest {
        follow: false,
        tail: request.tail,
        since: request.since.and_then(|ago| {
            let then = SystemTime::now().checked_sub(ago)?;
            let since = then.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            i64::try_from(since.as_secs()).ok()
        }),
    };
    match request.follow {
        Follow::No => print(session, engine.as_ref(), containers, &asked).await,
        Follow::Yes => follow(session, engine.as_ref(), containers, &asked).await,
    }
}

/// Prints what there is, in the order in which it was written.
async fn print(
    session: &Session,
    engine: &dyn Engine,
    containers: impl Iterator<Item = ObservedContainer>,
    asked: &LogRequest,
) -> Result<u8, Failure> {
    let mut lines: Vec<Line> = Vec::new();
    for container in containers {
        let mut stream = open(engine, container, asked).await?;
        while let Some(line) = stream.next().await {
            lines.push(line?);
        }
    }
    lines.sort_by(|(_, one), (_, other)| one.at.cmp(&other.at));
    for line in lines {
        tell(session, line);
    }
    Ok(0)
}

/// Prints lines as they come, until interrupted, all containers end, or nobody reads any more.
async fn follow(
    session: &Session,
    engine: &dyn Engine,
    containers: impl Iterator<Item = ObservedContainer>,
    asked: &LogRequest,
) -> Result<u8, Failure> {
    let asked = LogRequest {
        follow: true,
        ..*asked
    };
    let mut all = SelectAll::new();
    for container in containers {
        all.push(open(engine, container, &asked).await?);
    }
    loop {
        let line = tokio::select! {
            line = all.next() => line,
            () = session.interrupt.raised() => None,
            () = session.reporter.reader_gone() => None,
        };
        match line {
            Some(line) => tell(session, line?),
            None => return Ok(0),
        }
    }
}

async fn open(
    engine: &dyn Engine,
    container: ObservedContainer,
    asked: &LogRequest,
) -> Result<BoxStream<'static, Result<Line, Failure>>, Failure> {
    let step = format!("read the log of {}", container.name);
    let stream = engine
        .logs(&container.id, asked)
        .await
        .map_err(|error| faults::at(&step, error))?;
    let lines = stream.map(move |line| match line {
        Ok(line) => Ok((container.clone(), line)),
        Err(error) => Err(faults::at(&step, error)),
    });
    Ok(lines.boxed())
}

fn tell(session: &Session, (container, line): Line) {
    session.events.tell(Event::Log {
        service: container.service,
        number: container.number,
        stream: line.stream,
        line: line.text,
        at: Some(line.at),
    });
}
