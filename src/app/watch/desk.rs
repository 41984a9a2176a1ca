//! The watcher's one loop: changes, their ends, the engine's events, keys and signals come in; work goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::super::project::Project;
use super::bench::{Bench, Job};
use super::follow::{Follower, Shown};
use super::keys::Keyboard;
use super::station::Station;
use crate::domain::{ContainerId, Failure, Notice, Phase, Readiness, ServiceName, WatchRequest};
use crate::engine::{EngineEvent, EngineEventKind};
use crate::event::Event;
use crate::plan;
use crate::watch::{
    Batch, Contents, Coverage, Duties, Errand, Figures, Lane, Pace, Presence, Replacement, Rules,
    Scout, Settle, Sighting, Surroundings, Trust, Work,
};

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

/// A service's turn, and the word to whoever has it that more has come.
#[derive(Default)]
struct Queue {
    lane: Lane,
    superseded: Arc<Notify>,
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
    settle: Settle,
    contents: Contents,
    survey: Option<JoinHandle<Contents>>,
    queues: BTreeMap<ServiceName, Queue>,
    pub jobs: FuturesUnordered<LocalBoxFuture<'a, End>>,
    happenings: broadcast::Receiver<EngineEvent>,
    /// The containers met, by their names.
    pub containers: BTreeMap<String, ContainerId>,
    /// Containers that wait to be prepared for changes.
    pub unattended: BTreeMap<ContainerId, ServiceName>,
    began: bool,
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

    fn sight(&mut self, sighting: Sighting) {
        let now = Instant::now();
        match sighting {
            Sighting::Changed(changes) => {
                for change in changes {
                    self.settle.see(change, now);
                }
            }
            Sighting::Covered(coverage) => self.covered(&coverage),
            Sighting::Missed(files) => {
                let text = "more changed at once than the system tells of: looking at all files";
                let text = text.to_owned();
                self.bench.session.events.tell(Event::Notice { text });
                let known: Vec<PathBuf> = self.contents.paths().map(PathBuf::from).collect();
                let paths: BTreeSet<PathBuf> = files.into_iter().chain(known).collect();
                self.sift(paths.into_iter(), now);
            }
            Sighting::Polling(why) => {
                let text = why.to_string();
                self.bench.session.events.tell(Event::Notice { text });
            }
        }
    }

    fn covered(&mut self, coverage: &Coverage) {
        let then = SystemTime::now();
        let files = coverage.files.clone();
        self.survey = Some(tokio::task::spawn_blocking(move || {
            Contents::of(files, then)
        }));
        if self.began {
            return;
        }
        self.began = true;
        self.bench.session.events.tell(Event::Watching {
            services: self.rules.services().into_iter().collect(),
            files: coverage.files.len(),
            directories: coverage.directories,
        });
        let now = Instant::now();
        let initial = self.rules.initial(&coverage.files, now);
        self.dispatch(initial, now);
    }

    fn act(&mut self, batch: Batch) {
        let rules = Arc::clone(&self.rules);
        let paths = batch.changes.into_keys();
        self.sift(
            paths.filter(|path| rules.wants(path) || !path.exists()),
            batch.began,
        );
    }

    /// Finds out which of these files differ from what was known, and does what they ask for.
    fn sift(&mut self, paths: impl Iterator<Item = PathBuf>, began: Instant) {
        let found: Vec<(PathBuf, Presence)> =
            paths.flat_map(|path| self.contents.look(&path)).collect();
        let settled = Instant::now();
        let duties = self.rules.duties(&found, began, settled);
        self.dispatch(duties, settled);
    }

    fn dispatch(&mut self, duties: Duties, now: Instant) {
        for (service, work) in duties.services {
            self.offer(&service, work);
        }
        for file in &duties.seed_files {
            if let Some(store) = self.store_of(file) {
                let mut work = Work::new(now, now);
                work.files.insert(file.clone());
                work.errands.insert(Errand::SeedStore);
                self.offer(&store, work);
            }
        }
        if !duties.model.is_empty() {
            let mut work = Work::new(now, now);
            work.files = duties.model;
            if let Some(work) = self.reading.offer(work) {
                self.read(work);
            }
        }
    }

    /// Gives a service work: it begins now, or joins what waits for its turn.
    pub fn offer(&mut self, service: &ServiceName, work: Work) {
        let queue = self.queues.entry(service.clone()).or_default();
        match queue.lane.offer(work) {
            Some(work) => self.begin(service, work),
            None => queue.superseded.notify_one(),
        }
    }

    fn begin(&mut self, service: &ServiceName, work: Work) {
        let Some(found) = self.project.stack.service(service) else {
            drop(self.queues.remove(service));
            return;
        };
        let superseded = Arc::new(Notify::new());
        if let Some(queue) = self.queues.get_mut(service) {
            queue.superseded = Arc::clone(&superseded);
        }
        let job = Job {
            project: Arc::clone(&self.project),
            service: found.clone(),
            work,
            superseded,
        };
        let (bench, service) = (self.bench.clone(), service.clone());
        self.jobs.push(Box::pin(async move {
            let took = bench.carry_out(&job).await;
            End::Work { service, took }
        }));
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

    /// A service's turn is over: what waits for it begins.
    fn turn(&mut self, service: &ServiceName) {
        let queue = self.queues.get_mut(service);
        match queue.and_then(|queue| queue.lane.finish()) {
            Some(work) => self.begin(service, work),
            None => self.attend_waiting(service),
        }
    }

    /// Takes a service's turn where nobody has it.
    pub fn occupy(&mut self, service: &ServiceName) -> bool {
        self.queues
            .entry(service.clone())
            .or_default()
            .lane
            .occupy()
    }

    /// The store that a seed file is for.
    fn store_of(&self, file: &Path) -> Option<ServiceName> {
        let stack = &self.project.stack;
        let below = file.strip_prefix(stack.seeds.as_ref()?).ok()?;
        let ready = match below.iter().next()?.to_str()? {
            "postgres" => Readiness::Postgres,
            "redis" => Readiness::Redis,
            "rabbitmq" => Readiness::Amqp,
            _ => return None,
        };
        let mut services = stack.services.values();
        let found = services.find(|service| service.ready == ready);
        found.map(|service| service.name.clone())
    }

    /// The services whose code is watched.
    pub fn watched(&self) -> BTreeSet<ServiceName> {
        self.rules.services()
    }

    /// The services whose logs may be shown.
    pub fn attached(&self) -> BTreeSet<ServiceName> {
        attached(&self.project, self.request)
    }

    /// Asks for a replacement of these services' code, no file having changed.
    pub fn ask_for(&mut self, services: BTreeSet<ServiceName>, replacement: Replacement) {
        let now = Instant::now();
        for service in services {
            let work = Work {
                replacement,
                ..Work::new(now, now)
            };
            self.offer(&service, work);
        }
    }

    /// Runs the migrations of all services that have some.
    pub fn ask_to_migrate(&mut self) {
        let now = Instant::now();
        let services = self.project.stack.services.values();
        let migrating: Vec<ServiceName> = services
            .filter(|service| service.migrate.is_some())
            .map(|service| service.name.clone())
            .collect();
        for service in migrating {
            let mut work = Work::new(now, now);
            work.errands.insert(Errand::Migrate);
            self.offer(&service, work);
        }
    }
}

/// What is watched of a project.
pub(super) fn rules(project: &Project, request: &WatchRequest) -> Rules {
    let around = Surroundings {
        home: project.root.clone(),
        model: project.files.clone(),
        chosen: chosen(request),
    };
    Rules::of(&project.stack, &around)
}

fn chosen(request: &WatchRequest) -> BTreeSet<ServiceName> {
    let names = request.scope.services.iter();
    names
        .filter_map(|name| ServiceName::new(name.as_str()).ok())
        .collect()
}

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
