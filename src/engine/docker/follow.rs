//! Streams that go on: logs and events. Events survive a cut: the stream reconnects and asks its reader to look afresh.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::models::EventMessage;
use bollard::query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::client::{DockerEngine, SHORT};
use super::fault::Subject;
use super::lines::Lines;
use super::observe::{ONE_OFF, PROJECT};
use crate::domain::{ContainerId, ProjectName, ServiceName};
use crate::engine::{
    EngineError, EngineEvent, EngineEventKind, EventStream, LogLine, LogRequest, LogStreamReader,
};
use crate::event::LogStream;

/// Events that wait for their reader before the engine's own buffer has to.
const WAITING: usize = 1024;
/// Pauses between attempts to reconnect: from the first, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long an engine may be gone before its events end in an error: a restart takes it some ten seconds.
const GIVE_UP: Duration = Duration::from_mins(2);

impl DockerEngine {
    pub(super) async fn read_logs(
        &self,
        container: &ContainerId,
        request: &LogRequest,
    ) -> Result<LogStreamReader, EngineError> {
        // The stream itself would tell a missing container only at its first line.
        if self.inspect(container.as_str()).await?.is_none() {
            return Err(EngineError::NotFound {
                kind: "container",
                name: container.to_string(),
            });
        }
        let tail = request
            .tail
            .map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let since = request.since.and_then(|second| i32::try_from(second).ok());
        let options = LogsOptionsBuilder::default()
            .follow(request.follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(since.unwrap_or_default())
            .tail(&tail)
            .build();
        let engine = self.clone();
        let subject = Subject::new("logs", "container", container.as_str());
        let frames: BoxStream<'static, _> = self
            .docker
            .logs(container.as_str(), Some(options))
            .map(Some)
            .chain(stream::iter([None]))
            .boxed();
        let lines = frames.scan(Lines::default(), move |lines, frame| {
            let ready: Vec<Result<LogLine, EngineError>> = match frame {
                Some(Ok(output)) => {
                    let (stream, bytes) = piece(output);
                    lines.take(stream, &bytes).map(Ok).into_iter().collect()
                }
                Some(Err(error)) => vec![Err(engine.explain(&subject, error))],
                None => lines.rest().into_iter().map(Ok).collect(),
            };
            futures_util::future::ready(Some(stream::iter(ready)))
        });
        Ok(lines.flatten().boxed())
    }

    /// Subscribes, and returns when nothing that happens from now on can be missed.
    pub(super) async fn subscribe(
        &self,
        project: &ProjectName,
    ) -> Result<EventStream, EngineError> {
        let since = self.now().await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let subscription = Subscription {
            engine: self.clone(),
            label: format!("{PROJECT}={project}"),
            since,
        };
        tokio::spawn(subscription.forward(sender));
        Ok(ReceiverStream::new(receiver).boxed())
    }

    /// The engine's clock in nanoseconds: this machine's where they are the same.
    async fn now(&self) -> Result<u64, EngineError> {
        if self.address.is_local() {
            return Ok(nanoseconds(SystemTime::now()));
        }
        let subject = Subject::new("info", "engine", "");
        let info = self.within(SHORT, &subject, self.docker.info()).await?;
        let format = &time::format_description::well_known::Rfc3339;
        let clock = info
            .system_time
            .and_then(|text| time::OffsetDateTime::parse(&text, format).ok())
            .and_then(|moment| u64::try_from(moment.unix_timestamp_nanos()).ok());
        Ok(clock.unwrap_or_else(|| nanoseconds(SystemTime::now())))
    }
}

struct Subscription {
    engine: DockerEngine,
    label: String,
    /// The last moment that is told, in nanoseconds.
    since: u64,
}

impl Subscription {
    async fn forward(mut self, sender: mpsc::Sender<Result<EngineEvent, EngineError>>) {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                () = self.forward_until_cut(&sender) => {}
            }
            tokio::select! {
                () = sender.closed() => return,
                back = self.wait_for_engine() => match back {
                    Ok(()) => {
                        if sender.send(Ok(resync(self.since))).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        drop(sender.send(Err(error)).await);
                        return;
                    }
                }
            }
        }
    }

    async fn forward_until_cut(&mut self, sender: &mpsc::Sender<Result<EngineEvent, EngineError>>) {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![self.label.clone()]),
            (
                "event".to_owned(),
                ["create", "start", "die", "oom", "health_status", "destroy"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
        ]);
        let since = format!(
            "{}.{:09}",
            self.since / 1_000_000_000,
            self.since % 1_000_000_000
        );
        let options = EventsOptionsBuilder::default()
            .since(&since)
            .filters(&filters)
            .build();
        let mut messages = self.engine.docker.events(Some(options));
        while let Some(Ok(message)) = messages.next().await {
            let at = message.time_nano.and_then(|at| u64::try_from(at).ok());
            self.since = at.map_or(self.since, |at| at + 1);
            if let Some(event) = event(message)
                && sender.send(Ok(event)).await.is_err()
            {
                return;
            }
        }
    }

    async fn wait_for_engine(&self) -> Result<(), EngineError> {
        let subject = Subject::new("ping", "engine", "");
        let mut pause = FIRST_PAUSE;
        let gone = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(pause).await;
            let answer =
                self.engine
                    .within(Duration::from_secs(5), &subject, self.engine.docker.ping());
            match answer.await {
                Ok(_) => return Ok(()),
                Err(error) if gone.elapsed() > GIVE_UP => return Err(error),
                Err(_) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }
}

/// An event as the domain tells it; one-off containers and other actions are nobody's business.
fn event(message: EventMessage) -> Option<EngineEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes.unwrap_or_default();
    if attributes.get(ONE_OFF).is_some_and(|word| word == "True") {
        return None;
    }
    let service = attributes.get("com.docker.compose.service")?;
    let kind = match message.action?.as_str() {
        "create" => EngineEventKind::Created,
        "start" => EngineEventKind::Started,
        "die" => EngineEventKind::Died {
            code: attributes.get("exitCode")?.parse().ok()?,
        },
        "oom" => EngineEventKind::OutOfMemory,
        "health_status: healthy" => EngineEventKind::Healthy,
        "health_status: unhealthy" => EngineEventKind::Unhealthy,
        "destroy" => EngineEventKind::Removed,
        _ => return None,
    };
    Some(EngineEvent {
        container: ContainerId::new(actor.id?),
        service: ServiceName::new(service.as_str()).ok()?,
        kind,
        at: message
            .time_nano
            .and_then(|at| u64::try_from(at).ok())
            .unwrap_or_default(),
    })
}

fn resync(at: u64) -> EngineEvent {
    EngineEvent {
        container: ContainerId::new(""),
        service: ServiceName::new("resync").expect("a plain word is a valid service name"),
        kind: EngineEventKind::Resync,
        at,
    }
}

fn nanoseconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A frame as its stream and its bytes; a terminal's are all standard output.
pub(super) fn piece(output: LogOutput) -> (LogStream, Bytes) {
    match output {
        LogOutput::StdErr { message } => (LogStream::Stderr, message),
        LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => (LogStream::Stdout, message),
    }
}
