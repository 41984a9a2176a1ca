//! What a tenant has, noted before any of it is made, so that whoever finds its owner gone can drop it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::app::ci::keeper;
use crate::app::ci::owner::{lives, this_process};
use crate::app::ci::run::kept;
use crate::app::session::Session;
use crate::domain::{Failure, ProjectName};
use crate::event::Event;
use crate::isolate::{Lease, Standing};
use crate::run::{LockError, lock_alone};

/// What a tenant has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The project of the shared stores.
    pub keeper: String,
    /// Its name in each store.
    pub name: String,
    /// The number of its redis database.
    pub number: u32,
    /// By service: its kind.
    pub stores: BTreeMap<String, String>,
    /// Whose it is.
    pub lease: BTreeMap<String, String>,
}

impl Note {
    /// What is noted of the tenant of this project, and the lock on it, so that one alone drops what it names: by the
    /// time that a second one did, another tenant may have the number. `None` where nothing is noted, or no longer.
    ///
    /// # Errors
    /// Where it can't be locked.
    pub async fn hold(
        session: &Session,
        project: &ProjectName,
    ) -> Result<Option<(Self, File)>, Failure> {
        let path = place(session, project);
        let Ok(mut file) = File::options().read(true).write(true).open(&path) else {
            return Ok(None);
        };
        let locked = lock_alone(&mut file, |_| {
            let text = format!("{project} is being removed; waiting for it");
            session.events.tell(Event::Notice { text });
        });
        let locked = locked.await.and_then(|()| file.metadata());
        let found = locked.map_err(|source| LockError::File { path, source })?;
        let is_there = found.nlink() > 0;
        let note = serde_json::from_reader(&file).ok();
        Ok(note.filter(|_| is_there).map(|note| (note, file)))
    }

    /// Notes it.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn write(&self, session: &Session, project: &ProjectName) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).expect("text and numbers");
        keeper::write_private(&place(session, project), &text)
    }
}

/// Forgets what a tenant has: it has nothing any more.
pub(super) fn forget(session: &Session, project: &ProjectName) {
    // What isn't there needs no removal.
    fs::remove_file(place(session, project)).ok();
}

/// The notes of all tenants of this user.
pub(super) fn all(session: &Session) -> Vec<(ProjectName, Note)> {
    let entries = fs::read_dir(directory(session)).into_iter().flatten();
    let read = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let name = path.file_stem()?.to_str()?;
        let note = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        Some((ProjectName::new(name).ok()?, note))
    });
    read.collect()
}

/// The tenants of this user, each with its lease.
pub(in crate::app) fn tenants(session: &Session) -> Vec<(ProjectName, Lease)> {
    let notes = all(session).into_iter();
    notes
        .filter_map(|(project, note)| Some((project, Lease::of(&note.lease)?)))
        .collect()
}

/// Whether nobody answers for a tenant any more.
pub(in crate::app) fn is_orphan(session: &Session, project: &ProjectName, lease: &Lease) -> bool {
    let standing = lease.standing(&this_process(), lives, SystemTime::now());
    standing != Standing::Held && !kept(session, project.as_str())
}

/// Whether a tenant whose owner is at work has a part of these stores.
pub(in crate::app) fn is_used(session: &Session, keeper: &ProjectName) -> bool {
    let notes = all(session).into_iter();
    let mut here = notes.filter(|(_, note)| note.keeper == keeper.as_str());
    here.any(|(project, note)| {
        Lease::of(&note.lease).is_some_and(|lease| !is_orphan(session, &project, &lease))
    })
}

fn place(session: &Session, project: &ProjectName) -> PathBuf {
    directory(session).join(format!("{project}.json"))
}

fn directory(session: &Session) -> PathBuf {
    session.locks().with_file_name("tenants")
}
