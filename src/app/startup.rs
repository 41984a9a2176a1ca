//! `report startup`, and the record of a run that it reads: `.jobsprint/startup.json`.

use std::path::PathBuf;

use super::project::Place;
use super::session::Session;
use crate::domain::{Detail, Failure, FailureKind, StartupReport};
use crate::event::Event;
use crate::report::{self, Manner, Mode, Record, Startup};
use crate::store::{self, BrokenRecord, Privacy, StateDir, StoreError, read_record, write_record};

/// The record of the last start, in the project's state.
const RECORD: &str = "startup.json";

/// What becomes of a run's record once the run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keep {
    /// The stack's state.
    pub state: StateDir,
    /// The capsule of a failed run, where the record goes into one.
    pub capsule: Option<PathBuf>,
    /// Whether the report is printed at once.
    pub detail: Detail,
}

impl Keep {
    /// Keeps `record`, if it is of a start at all, and prints the report where it was asked for. A record that
    /// can't be kept fails nobody's start.
    pub fn end(&self, record: Record, manner: Manner) {
        match &self.capsule {
            Some(capsule) => {
                let files = [
                    ("startup.txt", Startup::of(record.clone()).text()),
                    ("probes.txt", record.probes()),
                ];
                for (name, text) in files {
                    store::write(&capsule.join(name), text.as_bytes(), Privacy::Shared).ok();
                }
            }
            None if record.did_anything() => {
                save(&self.state, &record).ok();
            }
            None => {}
        }
        if self.detail == Detail::Report {
            report::print(&text(&Startup::of(record), manner));
        }
    }
}

/// Prints the report of the last start, and draws it where a picture is asked for.
pub(super) fn run(session: &Session, request: &StartupReport) -> Result<u8, Failure> {
    let state = Place::find(session, &request.scope).state();
    let startup = Startup::of(read(&state)?);
    let Some(picture) = &request.picture else {
        report::print(&text(&startup, session.manner));
        return Ok(0);
    };
    let is_page = picture.extension().is_some_and(|end| end == "html");
    let drawn = if is_page {
        startup.html()
    } else {
        startup.svg()
    };
    let path = session.directory.join(picture);
    store::write(&path, drawn.as_bytes(), Privacy::Shared).map_err(|error| refused(&error))?;
    session.events.tell(Event::Notice {
        text: format!("the waterfall is in {}", picture.display()),
    });
    Ok(0)
}

fn text(startup: &Startup, manner: Manner) -> String {
    if manner.mode == Mode::Json {
        startup.json()
    } else {
        startup.text()
    }
}

fn save(state: &StateDir, record: &Record) -> Result<(), StoreError> {
    let path = state.directory("")?.join(RECORD);
    write_record(&path, Record::VERSION, record).map(drop)
}

fn read(state: &StateDir) -> Result<Record, Failure> {
    let none = |message: String| {
        Failure::new(FailureKind::Usage, message)
            .hint("start the stack anew with `jobsprint-dev up --force-recreate`, then ask again")
    };
    match last(state) {
        Ok(Some(record)) => Ok(record),
        Ok(None) => Err(none("no start of this stack is on record yet".to_owned())),
        Err(broken) => Err(none(broken.to_string())),
    }
}

/// The record of the last start; `None` where there was none.
///
/// # Errors
/// Why it can't be read: the next start writes it anew.
pub(super) fn last(state: &StateDir) -> Result<Option<Record>, BrokenRecord> {
    read_record(&state.path().join(RECORD), Record::VERSION)
}

fn refused(error: &StoreError) -> Failure {
    Failure::new(FailureKind::Usage, error.to_string()).hint(error.hint())
}
