//! The facts that happened: the only thing that reporters ever see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::domain::{Failure, ImageRef, ServiceName};

/// Identifies a step of the plan that is being carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// What kind of work a step is: the phases that a report tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// Getting an image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// Making a container.
    Create,
    /// Starting a container.
    Start,
    /// Waiting until a service is ready.
    Ready,
    /// Waiting until a one-shot service has finished.
    Complete,
    /// Migrations.
    Migrate,
    /// Seeds.
    Seed,
    /// Stopping a container.
    Stop,
    /// Removing a container, network or volume.
    Remove,
}

/// A step as reporters know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSummary {
    /// Its id.
    pub id: StepId,
    /// Its kind.
    pub kind: StepKind,
    /// The service it works for, if it is one service's.
    pub service: Option<ServiceName>,
    /// What it does, as `create container jobsprint-redis-1`.
    pub title: String,
    /// Why, as `missing` or `environment changed: API_URL`.
    pub cause: String,
    /// The steps it waits for.
    pub needs: Vec<StepId>,
}

/// How far a transfer has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transfer {
    /// Bytes moved.
    pub done: u64,
    /// Bytes in all; 0 while unknown.
    pub total: u64,
    /// Layers finished.
    pub layers_done: u32,
    /// Layers in all.
    pub layers: u32,
}

/// How an image was, or is being, obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageWay {
    /// From a registry.
    Pull,
    /// From a recipe.
    Build,
    /// From the distribution's packages.
    Bootstrap,
}

/// Which stream of a container a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a change of files did to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeWay {
    /// The files were copied.
    Synced,
    /// They were copied, and a command was run.
    SyncedAndRan,
    /// Its process was restarted, its container went on.
    RestartedInPlace,
    /// Its container was restarted.
    Restarted,
    /// Its image was built anew, and its container made anew.
    Rebuilt,
    /// Its image was built anew, and is what it was.
    RebuiltTheSame,
}

/// Where the time of a change went; what was not done took none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Until the changes had come to rest.
    pub settle: Duration,
    /// While it waited for the change before it.
    pub queue: Duration,
    /// The service's own check.
    pub check: Option<Duration>,
    /// The copying of files, and commands run on account of it.
    pub sync: Option<Duration>,
    /// The building of an image.
    pub build: Option<Duration>,
    /// Until the old process had ended.
    pub stop: Option<Duration>,
    /// Until the new one was there and answered.
    pub boot: Option<Duration>,
    /// The last question whether it is ready.
    pub probe: Option<Duration>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A plan was made; its steps follow.
    Planned {
        /// The steps in order.
        steps: Vec<StepSummary>,
    },
    /// A step began.
    StepStarted {
        /// Which.
        step: StepId,
    },
    /// A step ended well.
    StepDone {
        /// Which.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// Whether it found nothing to do.
        unchanged: bool,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// Why.
        failure: Failure,
    },
    /// A step was not tried, since one that it needs failed.
    StepSkipped {
        /// Which.
        step: StepId,
        /// The step at the root of it.
        because: StepId,
    },
    /// A service is not ready yet, and this is what it (or the tool) waits for.
    Waiting {
        /// The service.
        service: ServiceName,
        /// The reason in words: `AMQP handshake refused`.
        reason: String,
        /// How long it has been waiting.
        elapsed: Duration,
    },
    /// A service is ready.
    Ready {
        /// The service.
        service: ServiceName,
        /// From its container's start.
        took: Duration,
    },
    /// An image is on its way.
    ImageProgress {
        /// Which.
        image: ImageRef,
        /// How.
        way: ImageWay,
        /// What happens now, as `Step 3/9 : RUN npm ci`.
        doing: String,
        /// How far it has got.
        transfer: Transfer,
    },
    /// Rows or files that a seed or a migration has done.
    DataProgress {
        /// The file or command.
        what: String,
        /// Rows done.
        rows: u64,
    },
    /// The engine is being installed or started.
    EngineProgress {
        /// What happens now.
        doing: String,
    },
    /// Something was made: the names of things, never values.
    Generated {
        /// Where, as `.env`.
        place: String,
        /// What, as `JWT_SECRET`.
        names: Vec<String>,
    },
    /// The plan was carried out to its end, and the run goes on.
    Walked,
    /// Files are watched from now on.
    Watching {
        /// The services whose code is watched.
        services: Vec<ServiceName>,
        /// How many files count.
        files: usize,
        /// In how many directories they lie.
        directories: usize,
    },
    /// A change of files has reached its service.
    Changed {
        /// The service.
        service: ServiceName,
        /// The first of the files, as the person would name it.
        file: String,
        /// How many there were.
        files: usize,
        /// What was done.
        way: ChangeWay,
        /// Where the time went.
        phases: Box<Phases>,
        /// From the first change seen to the end of it all.
        took: Duration,
    },
    /// A changed file doesn't pass the service's check: what runs goes on as it was.
    CheckFailed {
        /// The service.
        service: ServiceName,
        /// The first of the files.
        file: String,
        /// How many there were.
        files: usize,
        /// What the check printed.
        output: Vec<String>,
    },
    /// A change could not be brought to its service, or the service didn't come back from it.
    ChangeFailed {
        /// The service.
        service: ServiceName,
        /// The first of the files.
        file: String,
        /// How many there were.
        files: usize,
        /// Why.
        failure: Failure,
    },
    /// A line of a service's log.
    Log {
        /// The service.
        service: ServiceName,
        /// Its container's number.
        number: u32,
        /// Which stream.
        stream: LogStream,
        /// The line, redacted, without its end.
        line: String,
        /// The engine's timestamp, RFC 3339.
        at: Option<String>,
    },
    /// A command to the CI system that reads along, whole lines as that system defines them.
    Directive {
        /// The lines.
        text: String,
    },
    /// A word to the person, without which nothing fails.
    Notice {
        /// The sentence.
        text: String,
    },
    /// Something is odd, and should be looked at.
    Warning {
        /// The sentence.
        text: String,
    },
    /// All is over; the verb failed.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// All is over, and well.
    Finished {
        /// The table of services.
        services: Vec<ServiceLine>,
        /// From first to last.
        took: Duration,
        /// Whether anything was done at all.
        unchanged: bool,
        /// What to type next.
        next: Vec<String>,
    },
}

/// A service's line in the final table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLine {
    /// The service.
    pub service: ServiceName,
    /// `ready`, `starting`, `unhealthy`, `restarting`, `exited`, `missing`.
    pub state: &'static str,
    /// The URL to open.
    pub url: Option<String>,
    /// Time to ready in this run, where it was started in it.
    pub took: Option<Duration>,
    /// A word on what is missing, as `image can't be obtained`.
    pub note: Option<String>,
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// Since the run began.
    pub at: Duration,
    /// What happened.
    pub event: Event,
}

/// A cheap handle through which every room tells what happened.
#[derive(Debug, Clone)]
pub struct Events {
    began: Instant,
    line: Arc<mpsc::UnboundedSender<Stamped>>,
}

impl Events {
    /// A handle and the end at which the one reporter listens.
    #[must_use]
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Stamped>) {
        let (line, listener) = mpsc::unbounded_channel();
        let events = Self {
            began: Instant::now(),
            line: Arc::new(line),
        };
        (events, listener)
    }

    /// Tells what happened. Where nobody listens any more, the event is lost, and that is all.
    pub fn tell(&self, event: Event) {
        let at = self.began.elapsed();
        drop(self.line.send(Stamped { at, event }));
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
