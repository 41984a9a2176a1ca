//! `backup` and `restore`: the database as a file, and back.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::data::{Store, unless_interrupted};
use super::scene::Scene;
use super::session::Session;
use super::{question, stock};
use crate::data::{self, Backup, Retention};
use crate::domain::{
    BackupRequest, BackupVerb, DumpForm, Failure, FailureKind, Packing, Phase, Run,
};
use crate::event::Event;
use crate::report::{self, Mode};

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: BackupRequest) -> Result<u8, Failure> {
    if let BackupVerb::Restore(backup) = &request.verb {
        return put_back(session, &request, backup).await;
    }
    let store = Store::open(session, &request.scope).await?;
    let directory = directory(&store, request.directory.as_deref());
    match request.verb {
        BackupVerb::Make(form, packing) => {
            make(session, &store, &directory, (form, packing)).await?;
        }
        BackupVerb::List => print(session, &data::backups(&directory)?),
        BackupVerb::Prune => prune(session, &directory)?,
        BackupVerb::Verify(backup) => {
            let file = file(session, &directory, &backup);
            let counted = data::verify(&store.context, &store.database, &file);
            let counted = unless_interrupted(session, counted).await?;
            let rows: u64 = counted.values().sum();
            let text = format!(
                "`{}` can be restored: {} tables, {rows} rows",
                backup.display(),
                counted.len()
            );
            session.events.tell(Event::Notice { text });
        }
        BackupVerb::Restore(_) => {}
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
    let directory = directory(&store, request.directory.as_deref());
    let file = file(session, &directory, backup);
    data::inspect(&file)?;
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
        stock::before(session, &scene.project, &scene.engine, "restore").await?;
    }
    let restored = data::restore(&store.context, &store.database, &file);
    unless_interrupted(session, restored).await?;
    let text = format!("restored `{}`", backup.display());
    session.events.tell(Event::Notice { text });
    Ok(0)
}

/// Makes a backup, and tells where it is.
async fn make(
    session: &Session,
    store: &Store,
    directory: &Path,
    kind: (DumpForm, Packing),
) -> Result<(), Failure> {
    let now = OffsetDateTime::now_utc();
    let made = data::backup(&store.context, &store.database, directory, kind, now);
    let made = unless_interrupted(session, made).await?;
    let text = format!("backed the database up as `{}`", made.path.display());
    session.events.tell(Event::Notice { text });
    Ok(())
}

/// Where backups are kept.
fn directory(store: &Store, given: Option<&Path>) -> PathBuf {
    match given {
        Some(given) => given.to_owned(),
        None => store.state.path().join("backups"),
    }
}

/// A backup by its name in the directory, else a file as it is named.
fn file(session: &Session, directory: &Path, named: &Path) -> PathBuf {
    let backups = data::backups(directory).unwrap_or_default();
    let mut backups = backups.into_iter();
    let kept = backups.find(|backup| Path::new(&backup.name) == named);
    kept.map_or_else(|| session.directory.join(named), |backup| backup.path)
}

fn prune(session: &Session, directory: &Path) -> Result<(), Failure> {
    let mut backups = data::backups(directory)?;
    // What says no time can't be judged, and stays.
    backups.retain(|backup| made_at(backup).is_some());
    let made: Vec<OffsetDateTime> = backups.iter().filter_map(made_at).collect();
    let surplus = Retention::default().surplus(&made);
    for index in &surplus {
        let path = &backups[*index].path;
        for file in [path.clone(), data::manifest_of(path)] {
            fs::remove_file(&file).map_err(|error| {
                let message = format!("cannot remove `{}`: {error}", file.display());
                Failure::new(FailureKind::Data, message)
            })?;
        }
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
