//! The watcher's one loop: changes, their ends, the engine's events, keys and signals come in; work goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::super::project::Project;
use super::bench::Bench;
use super::follow::{Follower, Shown};
use super::keys::Keyboard;
use super::scope::{attached, rules};
use super::station::Station;
use super::turns::Queue;
use crate::domain::{ContainerId, Notice, Phase, ServiceName, WatchRequest};
use crate::engine::{EngineEvent, EngineEventKind};
use crate::watch::{Contents, Figures, Lane, Pace, Rules, Scout, Settle, Sighting, Trust};

/// What a turn of the loop brings.
enum Input {
    Sighting(Sighting),
    Rest,
    End(End),
    Surveyed(Contents),
    Engine(EngineEvent),
    Resync,
    Key(super::keys::Key),
    Leave,
}

/// What has come to its end.
pub(super) enum End {
    /// A change of a service.
    Work {
        service: ServiceName,
        took: Option<std::time::Duration>,
    },
    /// The project was read again; `None` where it can't be.
    Read(Option<Arc<Project>>),
    /// What had been copied into a container was copied into the one that took its place.
    CopiedAgain {
        service: ServiceName,
        container: ContainerId,
        files: usize,
    },
    /// The service's containers were prepared for changes.
    Attended(ServiceName),
}

/// Whether the watcher goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It does.
    Go,
    /// It leaves.
    Leave,
}

/// Whether changes are acted upon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attention {
    /// They are.
    On,
    /// They are gathered until it is on again.
    Paused,
}

/// The state of a watcher.
pub(super) struct Desk<'a> {
    pub bench: Bench<'a>,
    pub request: &'a WatchRequest,
    pub project: Arc<Project>,
    pub station: Station,
    pub follower: Option<Follower>,
    pub figures: Figures,
    pub attention: Attention,
    pub rules: Arc<Rules>,
    pub scout: Scout,
    sightings: UnboundedReceiver<Sighting>,
    pub settle: Settle,
    pub contents: Contents,
    pub survey: Option<JoinHandle<Contents>>,
    pub queues: BTreeMap<ServiceName, Queue>,
    pub jobs: FuturesUnordered<LocalBoxFuture<'a, End>>,
    happenings: broadcast::Receiver<EngineEvent>,
    /// The containers met, by their names.
    pub containers: BTreeMap<String, ContainerId>,
    /// Containers that wait to be prepared for changes.
    pub unattended: BTreeMap<ContainerId, ServiceName>,
    pub began: bool,
    /// Whether the project is being read again.
    pub reading: Lane,
}

impl<'a> Desk<'a> {
    /// Begins to watch.
    pub fn open(
        bench: Bench<'a>,
        request: &'a WatchRequest,
        project: Project,
        station: Station,
        since: SystemTime,
    ) -> Self {
        let project = Arc::new(project);
        let rules = Arc::new(rules(&project, request));
        let (report, sightings) = unbounded_channel();
        let trust = match request.notice {
            Notice::Told => Trust::Try,
            Notice::Polled => Trust::Poll,
        };
        let trial = station.directory().to_owned();
        let scout = Scout::begin(Arc::clone(&rules), trial, trust, report);
        let mut pace = Pace::default();
        if let Some(quiet) = request.quiet {
            pace = pace.with_quiet(quiet);
        }
        if let Some(longest) = request.longest {
            pace = pace.with_longest(longest);
        }
        let follower = (request.logs == Phase::Do).then(|| {
            Follower::begin(
                Arc::clone(&bench.engine),
                project.stack.project.clone(),
                bench.pulse.subscribe(),
                bench.session.events.clone(),
                Shown::These(attached(&project, request)),
                since,
            )
        });
        Self {
            happenings: bench.pulse.subscribe(),
            bench,
            request,
            project,
            station,
            follower,
            figures: Figures::default(),
            attention: Attention::On,
            rules,
            scout,
            sightings,
            settle: Settle::new(pace),
            contents: Contents::default(),
            survey: None,
            queues: BTreeMap::new(),
            jobs: FuturesUnordered::new(),
            containers: BTreeMap::new(),
            unattended: BTreeMap::new(),
            began: false,
            reading: Lane::default(),
        }
    }

    /// Watches until told to leave.
    pub async fn run(&mut self, keyboard: &mut Option<Keyboard>) {
        self.meet_containers().await;
        loop {
            let input = self.next(keyboard).await;
            if self.take(input).await == Turn::Leave {
                return;
            }
        }
    }

    async fn next(&mut self, keyboard: &mut Option<Keyboard>) -> Input {
        let session = self.bench.session;
        let due = match self.attention {
            Attention::On => self.settle.due(),
            Attention::Paused => None,
        };
        let rest = async {
            match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let surveyed = async {
            match &mut self.survey {
                Some(survey) => survey.await.unwrap_or_default(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = session.interrupt.raised() => Input::Leave,
            () = session.reporter.reader_gone() => Input::Leave,
            Some(sighting) = self.sightings.recv() => Input::Sighting(sighting),
            () = rest => Input::Rest,
            Some(end) = self.jobs.next(), if !self.jobs.is_empty() => Input::End(end),
            contents = surveyed => Input::Surveyed(contents),
            happened = self.happenings.recv() => match happened {
                Ok(event) => Input::Engine(event),
                Err(broadcast::error::RecvError::Lagged(_)) => Input::Resync,
                // The engine's stream is over: what follows is seen by the next change.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            },
            key = Keyboard::next(keyboard) => Input::Key(key),
        }
    }

    async fn take(&mut self, input: Input) -> Turn {
        match input {
            Input::Leave => return Turn::Leave,
            Input::Key(key) => return self.press(key).await,
            Input::Sighting(sighting) => self.sight(sighting),
            Input::Rest => {
                if let Some(batch) = self.settle.take(Instant::now()) {
                    self.act(batch);
                }
            }
            Input::End(end) => self.end(end),
            Input::Surveyed(contents) => {
                self.survey = None;
                self.contents.learn(contents);
            }
            Input::Engine(event) if event.kind == EngineEventKind::Resync => self.resync(),
            Input::Engine(event) if event.kind == EngineEventKind::Started => {
                self.meet(&event.container).await;
            }
            Input::Engine(_) => {}
            Input::Resync => self.resync(),
        }
        Turn::Go
    }

    fn end(&mut self, end: End) {
        match end {
            End::Work { service, took } => {
                if let Some(took) = took {
                    self.figures.add(&service, took);
                    self.station.keep(&self.figures);
                }
                self.turn(&service);
            }
            End::Read(project) => {
                if let Some(project) = project {
                    self.project = project;
                    self.watch_anew();
                }
                if let Some(work) = self.reading.finish() {
                    self.read(work);
                }
            }
            End::CopiedAgain {
                service,
                container,
                files,
            } => {
                self.attend(&service, container);
                self.copied_again(service, files);
            }
            End::Attended(service) => self.turn(&service),
        }
    }

    /// The services whose code is watched.
    pub fn watched(&self) -> BTreeSet<ServiceName> {
        self.rules.services()
    }

    /// The services whose logs may be shown.
    pub fn attached(&self) -> BTreeSet<ServiceName> {
        attached(&self.project, self.request)
    }
}
