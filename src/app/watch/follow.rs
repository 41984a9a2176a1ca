//! The services' logs while files are watched: merged by the engine's timestamps, followed over restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::domain::{ContainerId, ObservedContainer, ProjectName, ServiceName};
use crate::engine::{Engine, EngineEvent, EngineEventKind, LogLine, LogRequest};
use crate::event::{Event, Events};

/// Lines of several services that come within this time are put in order.
const MERGE: Duration = Duration::from_millis(20);

/// Whose logs are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// These services'.
    These(BTreeSet<ServiceName>),
    /// Nobody's.
    None,
}

impl Shown {
    fn has(&self, service: &ServiceName) -> bool {
        matches!(self, Self::These(services) if services.contains(service))
    }
}

/// A line and where it came from.
struct Said {
    service: ServiceName,
    number: u32,
    line: LogLine,
}

/// Logs that are followed, until dropped.
pub(super) struct Follower {
    shown: watch::Sender<Shown>,
    tasks: [JoinHandle<()>; 2],
}

impl Follower {
    /// Follows the containers of a project from this moment on.
    pub fn begin(
        engine: Arc<dyn Engine>,
        project: ProjectName,
        happenings: broadcast::Receiver<EngineEvent>,
        events: Events,
        shown: Shown,
        since: SystemTime,
    ) -> Self {
        let (shown, seen) = watch::channel(shown);
        let (line, said) = mpsc::channel(1024);
        let attending = Attending {
            engine,
            project,
            line,
            since: since
                .duration_since(SystemTime::UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_secs()).ok()),
            streams: JoinSet::new(),
            followed: BTreeSet::new(),
        };
        let tasks = [
            tokio::spawn(attending.attend(happenings)),
            tokio::spawn(merge(said, seen, events)),
        ];
        Self { shown, tasks }
    }

    /// Whose logs are shown now.
    pub fn shown(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// From now on, shows these.
    pub fn show(&self, shown: Shown) {
        self.shown.send_replace(shown);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Opens a log whenever a container starts.
struct Attending {
    engine: Arc<dyn Engine>,
    project: ProjectName,
    line: mpsc::Sender<Said>,
    since: Option<i64>,
    streams: JoinSet<ContainerId>,
    followed: BTreeSet<ContainerId>,
}

impl Attending {
    async fn attend(mut self, mut happenings: broadcast::Receiver<EngineEvent>) {
        self.look().await;
        loop {
            tokio::select! {
                happened = happenings.recv() => match happened {
                    Ok(event) if event.kind == EngineEventKind::Started
                        || event.kind == EngineEventKind::Resync => self.look().await,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => self.look().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(ended) = self.streams.join_next() => {
                    if let Ok(container) = ended {
                        self.followed.remove(&container);
                        // It may have started again before its old log ended.
                        self.look().await;
                    }
                }
            }
        }
    }

    /// Follows each container that runs and isn't followed yet.
    async fn look(&mut self) {
        let Ok(observed) = self.engine.observe(&self.project, &[]).await else {
            return;
        };
        for found in observed.containers {
            if found.is_running() && self.followed.insert(found.id.clone()) {
                let engine = Arc::clone(&self.engine);
                let line = self.line.clone();
                self.streams.spawn(stream(engine, found, self.since, line));
            }
        }
    }
}

/// Hands on a container's lines until its log ends; lines from before the last one handed on are left out.
async fn stream(
    engine: Arc<dyn Engine>,
    found: ObservedContainer,
    since: Option<i64>,
    line: mpsc::Sender<Said>,
) -> ContainerId {
    let started = match found.state {
        crate::domain::ContainerState::Running { since, .. } => since
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_secs()).ok()),
        _ => None,
    };
    let request = LogRequest {
        follow: true,
        tail: None,
        // A container that restarted keeps the lines of its lives before, which were shown already.
        since: since.max(started.filter(|_| since.is_some())),
    };
    if let Ok(mut lines) = engine.logs(&found.id, &request).await {
        while let Some(Ok(said)) = lines.next().await {
            let said = Said {
                service: found.service.clone(),
                number: found.number,
                line: said,
            };
            if line.send(said).await.is_err() {
                break;
            }
        }
    }
    found.id
}

/// Tells lines in the order in which they were written.
async fn merge(mut said: mpsc::Receiver<Said>, shown: watch::Receiver<Shown>, events: Events) {
    let mut latest: BTreeMap<(ServiceName, u32), String> = BTreeMap::new();
    while let Some(first) = said.recv().await {
        tokio::time::sleep(MERGE).await;
        let mut lines = vec![first];
        while let Ok(more) = said.try_recv() {
            lines.push(more);
        }
        lines.sort_by(|one, other| one.line.at.cmp(&other.line.at));
        for Said {
            service,
            number,
            line,
        } in lines
        {
            let before = latest.insert((service.clone(), number), line.at.clone());
            let is_new = before.is_none_or(|before| before < line.at);
            if is_new && shown.borrow().has(&service) {
                events.tell(Event::Log {
                    service,
                    number,
                    stream: line.stream,
                    line: line.text,
                    at: Some(line.at),
                });
            }
        }
    }
}
