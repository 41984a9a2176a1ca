//! One run of the program: who is told, who may interrupt, and what must not be shown.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::startup::Keep;
use crate::domain::{Failure, FailureKind, OutputMode, Secret};
use crate::env::Redactor;
use crate::event::{Event, Events};
use crate::report::{Manner, Mask, Reporter, Surroundings};
use crate::run::Interrupt;
use crate::store::BrokenRecord;

/// What every verb has at hand.
pub(super) struct Session {
    /// Who is told what happens.
    pub events: Events,
    /// The person's wish to stop.
    pub interrupt: Interrupt,
    /// How the tool speaks.
    pub manner: Manner,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// The current directory.
    pub directory: PathBuf,
    /// The one task that speaks.
    pub reporter: Reporter,
    concealed: Arc<RwLock<Redactor>>,
    keep: OnceLock<Keep>,
    told: Mutex<BTreeSet<PathBuf>>,
}

impl Session {
    /// Looks around, and begins to report.
    ///
    /// # Errors
    /// Where the process has no current directory, or gets no signals.
    pub fn begin(output: OutputMode) -> Result<Self, Failure> {
        let directory = std::env::current_dir().map_err(|error| {
            let message = format!("cannot tell the current directory: {error}");
            Failure::new(FailureKind::Project, message).hint("cd to a directory that exists")
        })?;
        // A variable that is no UTF-8 can't be one that a Compose file names.
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let interrupt = Interrupt::new();
        interrupt
            .on_signals()
            .map_err(|error| Failure::new(FailureKind::Bug, format!("no signals: {error}")))?;

        let around = Surroundings::of_this_process(|name| environment.get(name).cloned());
        let manner = Manner::decide(output, &around);
        let concealed: Arc<RwLock<Redactor>> = Arc::default();
        let masking = Arc::clone(&concealed);
        let mask = Mask::new(move |text| {
            let redactor = masking.read().unwrap_or_else(PoisonError::into_inner);
            match redactor.redact(text) {
                Cow::Borrowed(_) => Cow::Borrowed(text),
                Cow::Owned(masked) => Cow::Owned(masked),
            }
        });
        let (events, listener) = Events::channel();
        Ok(Self {
            events,
            interrupt,
            manner,
            environment,
            directory,
            reporter: Reporter::start(listener, manner, mask),
            concealed,
            keep: OnceLock::new(),
            told: Mutex::default(),
        })
    }

    /// From now on none of these values is shown.
    pub fn conceal<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let redactor = Redactor::new(secrets);
        *self
            .concealed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = redactor;
    }

    /// The directory of locks, beside all projects: under the XDG state directory
    /// (<https://specifications.freedesktop.org/basedir-spec/>), else a place for temporary files.
    pub fn locks(&self) -> PathBuf {
        let variable = |name: &str| {
            let value = self.environment.get(name);
            value.filter(|value| !value.is_empty())
        };
        let state = match (variable("XDG_STATE_HOME"), variable("HOME")) {
            (Some(state), _) => PathBuf::from(state),
            (None, Some(home)) => PathBuf::from(home).join(".local/state"),
            (None, None) => std::env::temp_dir(),
        };
        state.join("jobsprint-dev/locks")
    }

    /// What a record holds, or nothing where there is none. One that can't be read counts as none, and is told of:
    /// once, however often a run meets it.
    pub fn unbroken<T: Default>(&self, read: Result<Option<T>, BrokenRecord>) -> T {
        match read {
            Ok(found) => found.unwrap_or_default(),
            Err(broken) => {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                if told.insert(broken.path.clone()) {
                    let text = format!("{broken}; `jobsprint-dev doctor --fix` puts it aside");
                    self.events.tell(Event::Warning { text });
                }
                T::default()
            }
        }
    }

    /// Tells where a record went that could not be read, where one did.
    pub fn tell_aside(&self, aside: Option<PathBuf>) {
        if let Some(place) = aside {
            let text = format!(
                "what could not be read was put aside as `{}`",
                place.display()
            );
            self.events.tell(Event::Warning { text });
        }
    }

    /// The text without what must not be shown.
    pub fn masked(&self, text: &str) -> String {
        let redactor = self
            .concealed
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        redactor.redact(text).into_owned()
    }

    /// From now on this run is a start, whose record is kept as told.
    pub fn keep_record(&self, keep: Keep) {
        // A run starts one stack; a second word on the same start changes nothing.
        self.keep.set(keep).ok();
    }

    /// Whether a failed run's capsule was written.
    pub fn has_capsule(&self) -> bool {
        self.keep.get().is_some_and(|keep| keep.capsule.is_some())
    }

    /// Reports what was told so far, keeps the record of a start, and stops.
    pub async fn end(self) {
        let record = self.reporter.finish().await;
        if let Some(keep) = self.keep.get() {
            keep.end(record, self.manner);
        }
    }
}
