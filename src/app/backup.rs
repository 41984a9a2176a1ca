//! `backup` and `restore`: the database as a file, and back.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::data::{Store, unless_interrupted};
use super::project::Project;
use super::scene::Scene;
use super::session::Session;
use super::{question, stock};
use crate::data::{self, Backup, Bucket, BucketAccess, Kept, Retention};
use crate::domain::{
    BackupRequest, BackupVerb, DumpForm, Failure, FailureKind, Packing, Phase, Run,
};
use crate::event::Event;
use crate::report::{self, Mode};
use crate::store::{Scratch, StateDir};

/// Where backups are kept.
enum Place {
    Directory(PathBuf),
    Bucket(Box<Bucket>),
}

/// A dump as a file of this machine.
struct Dump {
    path: PathBuf,
    /// Where what a bucket gave lies as long as it is needed.
    _passing: Option<Scratch>,
}

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: BackupRequest) -> Result<u8, Failure> {
    if let BackupVerb::Restore(backup) = &request.verb {
        return put_back(session, &request, backup).await;
    }
    if matches!(request.verb, BackupVerb::List | BackupVerb::Prune) {
        // They are about files alone, whatever the engine or the stack's values are like.
        let project = Project::load_to_look(session, &request.scope)?;
        let place = Place::of(&project.state, request.directory.as_deref())?;
        if request.verb == BackupVerb::Prune {
            prune(session, &place).await?;
        } else {
            let kept = place.look(session).await?;
            print(session, &kept.backups);
        }
        return Ok(0);
    }
    let store = Store::open(session, &request.scope).await?;
    let place = Place::of(&store.state, request.directory.as_deref())?;
    match request.verb {
        BackupVerb::Make(form, packing) => make(session, &store, &place, (form, packing)).await?,
        BackupVerb::Verify(backup) => {
            let dump = dump(session, &store, &place, &backup).await?;
            let counted = data::verify(&store.context, &store.database, &dump.path);
            let counted = unless_interrupted(session, counted).await?;
            let rows: u64 = counted.values().sum();
            let text = format!(
                "`{}` can be restored: {} tables, {rows} rows",
                backup.display(),
                counted.len()
            );
            session.events.tell(Event::Notice { text });
        }
        BackupVerb::Restore(_) | BackupVerb::List | BackupVerb::Prune => {}
    }
    Ok(0)
}

/// Puts a backup in the live database's place, with a snapshot of what was there.
async fn put_back(
    session: &mut Session,
    request: &BackupRequest,
    backup: &Path,
) -> Result<u8, Failure> {
    let scene = Scene::open(session, &request.scope, Run::Real).await?;
    let store = Store::of(session, &scene.project, Arc::clone(&scene.engine)).await?;
    let place = Place::of(&store.state, request.directory.as_deref())?;
    let dump = dump(session, &store, &place, backup).await?;
    data::inspect(&dump.path)?;
    let question = format!(
        "Put `{}` in the place of the live database?",
        backup.display()
    );
    if !question::confirm(session, request.consent, &question)? {
        return Err(
            Failure::new(FailureKind::Usage, "nothing was restored").hint("say yes with `--yes`")
        );
    }
    if request.keep == Phase::Do {
        let cover = data::touched(&store.context, &store.database).await;
        stock::before(session, &scene.project, &scene.engine, "restore", cover).await?;
    }
    let restored = data::restore(&store.context, &store.database, &dump.path);
    unless_interrupted(session, restored).await?;
    let text = format!("restored `{}`", backup.display());
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// Makes a backup, and tells where it is.
async fn make(
    session: &Session,
    store: &Store,
    place: &Place,
    kind: (DumpForm, Packing),
) -> Result<(), Failure> {
    let now = OffsetDateTime::now_utc();
    let dumped = async |directory: &Path| {
        let made = data::backup(&store.context, &store.database, directory, kind, now);
        unless_interrupted(session, made).await
    };
    let made = match place {
        Place::Directory(directory) => dumped(directory).await?,
        Place::Bucket(bucket) => {
            // A dump's length and checksum are known once it is whole: it passes through a file, not through memory.
            let passing = passing(store)?;
            let made = dumped(passing.path()).await?;
            unless_interrupted(session, bucket.keep(made)).await?
        }
    };
    let text = format!("backed the database up as `{}`", made.path.display());
    session.events.tell(Event::Notice { text });
    Ok(())
}

impl Place {
    /// Where the project's backups are kept: in the directory or bucket that is given, else in its own directory.
    fn of(state: &StateDir, given: Option<&Path>) -> Result<Self, Failure> {
        let Some(given) = given else {
            return Ok(Self::Directory(state.path().join("backups")));
        };
        if !Bucket::is_named(given) {
            return Ok(Self::Directory(given.to_owned()));
        }
        let variable = |name: &str| std::env::var(name).ok();
        let access = BucketAccess::read(variable, |path| fs::read_to_string(path).ok())?;
        Ok(Self::Bucket(Box::new(Bucket::at(given, access)?)))
    }

    /// What is kept there; what can't be judged is told.
    async fn look(&self, session: &Session) -> Result<Kept, Failure> {
        let kept = match self {
            Self::Directory(directory) => data::backups(directory)?,
            Self::Bucket(bucket) => unless_interrupted(session, bucket.backups()).await?,
        };
        for broken in &kept.broken {
            let text = format!("{broken}; it is left alone");
            session.events.tell(Event::Warning { text });
        }
        Ok(kept)
    }

    async fn remove(&self, backup: &Backup) -> Result<(), Failure> {
        match self {
            Self::Bucket(bucket) => Ok(bucket.remove(backup).await?),
            Self::Directory(_) => {
                for file in [backup.path.clone(), data::manifest_of(&backup.path)] {
                    fs::remove_file(&file).map_err(|error| {
                        let message = format!("cannot remove `{}`: {error}", file.display());
                        Failure::new(FailureKind::Data, message)
                    })?;
                }
                Ok(())
            }
        }
    }
}

/// A directory for a dump on its way from or to a bucket.
fn passing(store: &Store) -> Result<Scratch, Failure> {
    Ok(Scratch::make(&store.state, "passing")?)
}

/// A backup by its name in the place, else a file as it is named.
async fn dump(
    session: &Session,
    store: &Store,
    place: &Place,
    named: &Path,
) -> Result<Dump, Failure> {
    let backups = match place {
        Place::Directory(directory) => data::backups(directory).unwrap_or_default(),
        Place::Bucket(bucket) => unless_interrupted(session, bucket.backups()).await?,
    };
    let mut backups = backups.backups.into_iter();
    let kept = backups.find(|backup| Path::new(&backup.name) == named);
    Ok(match (kept, place) {
        (Some(kept), Place::Bucket(bucket)) => {
            let passing = passing(store)?;
            let fetched = bucket.fetch(&kept, passing.path());
            Dump {
                path: unless_interrupted(session, fetched).await?,
                _passing: Some(passing),
            }
        }
        (Some(kept), Place::Directory(_)) => Dump {
            path: kept.path,
            _passing: None,
        },
        (None, _) => Dump {
            path: session.directory.join(named),
            _passing: None,
        },
    })
}

async fn prune(session: &Session, place: &Place) -> Result<(), Failure> {
    let mut backups = place.look(session).await?.backups;
    // What says no time can't be judged, and stays.
    backups.retain(|backup| made_at(backup).is_some());
    let made: Vec<OffsetDateTime> = backups.iter().filter_map(made_at).collect();
    let surplus = Retention::default().surplus(&made);
    for index in &surplus {
        place.remove(&backups[*index]).await?;
    }
    let text = format!("removed {} of {} backups", surplus.len(), backups.len());
    session.events.tell(Event::Notice { text });
    Ok(())
}

fn made_at(backup: &Backup) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&backup.manifest.created, &Rfc3339).ok()
}

fn print(session: &Session, backups: &[Backup]) {
    if session.manner.mode == Mode::Json {
        let rows: Vec<_> = backups
            .iter()
            .map(|backup| json!({ "name": backup.name, "path": backup.path, "manifest": backup.manifest }))
            .collect();
        report::print(&format!("{}\n", json!({ "schema": 1, "backups": rows })));
        return;
    }
    let mut text = String::new();
    for backup in backups {
        let manifest = &backup.manifest;
        let size = manifest.bytes.div_ceil(1024);
        writeln!(
            text,
            "{:32} {:20} {size:>8} KiB  postgres {}",
            backup.name,
            manifest.created.split('.').next().unwrap_or_default(),
            manifest.server
        )
        .expect("a String takes all that is written");
    }
    report::print(&text);
}
