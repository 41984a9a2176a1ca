//! The system's own notice of changes, one directory at a time: the only file that names `notify`.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::change::{Change, Sight};

/// Something noticed in a watched directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Glance {
    /// A change of something that may be a file.
    At(Change),
    /// The system had more to tell than it could keep.
    Overflow,
}

/// Why a directory can't be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blind {
    /// The system's limit is reached.
    #[error("the system watches no more directories")]
    Exhausted,
    /// It is gone already.
    #[error("it is gone")]
    Gone,
    /// Anything else.
    #[error("{0}")]
    Refused(String),
}

/// Somebody who notices changes in directories, not below them.
pub trait Eyes: Send {
    /// From now on, notices what happens in `directory`.
    ///
    /// # Errors
    /// [`Blind`] where the system refuses.
    fn watch(&mut self, directory: &Path) -> Result<(), Blind>;
    /// Notices it no more.
    fn unwatch(&mut self, directory: &Path);
}

/// The system's notices.
pub struct SystemEyes(RecommendedWatcher);

impl SystemEyes {
    /// Eyes that hand each glance to `tell`, on a thread of their own.
    ///
    /// # Errors
    /// [`Blind`] where the system gives no notices at all.
    pub fn open(tell: impl Fn(Glance) + Send + 'static) -> Result<Self, Blind> {
        let heard = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => glances(event).into_iter().for_each(&tell),
            // What went wrong is unknown, so all must be looked at.
            Err(_) => tell(Glance::Overflow),
        };
        let watcher = RecommendedWatcher::new(heard, Config::default());
        watcher.map(Self).map_err(|error| blind(&error))
    }
}

impl Eyes for SystemEyes {
    fn watch(&mut self, directory: &Path) -> Result<(), Blind> {
        let watched = self.0.watch(directory, RecursiveMode::NonRecursive);
        watched.map_err(|error| blind(&error))
    }

    fn unwatch(&mut self, directory: &Path) {
        // The system forgets by itself what is gone.
        drop(self.0.unwatch(directory));
    }
}

fn blind(error: &notify::Error) -> Blind {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Blind::Exhausted,
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => Blind::Gone,
        ErrorKind::Io(cause) if cause.kind() == std::io::ErrorKind::NotFound => Blind::Gone,
        // EMFILE at the opening: the user's limit of instances.
        ErrorKind::Io(cause) if matches!(cause.raw_os_error(), Some(24)) => Blind::Exhausted,
        _ => Blind::Refused(error.to_string()),
    }
}

fn glances(event: notify::Event) -> Vec<Glance> {
    if event.need_rescan() {
        return vec![Glance::Overflow];
    }
    let sight = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To))
        | EventKind::Create(CreateKind::Folder) => Sight::Written,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => {
            Sight::Removed
        }
        // Both ends of a rename were told of one by one; reading and permissions change no content.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both) | ModifyKind::Metadata(_))
        | EventKind::Access(_) => return Vec::new(),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => {
            Sight::Touched
        }
    };
    let at = |path: PathBuf| Glance::At(Change { path, sight });
    event.paths.into_iter().map(at).collect()
}
