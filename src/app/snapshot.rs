//! `snapshot`: the databases as they are, kept under a name, and back.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::consent;
use super::data::{Store, unless_interrupted};
use super::session::Session;
use crate::data::{self, Snapshot};
use crate::domain::{Failure, FailureKind, SnapshotRequest, SnapshotVerb};
use crate::event::Event;
use crate::report::{self, Mode};

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: SnapshotRequest) -> Result<u8, Failure> {
    let store = Store::open(session, &request.scope).await?;
    let (context, database) = (&store.context, &store.database);
    let text = match request.verb {
        SnapshotVerb::Save(name) => {
            let name = save(session, &store, name).await?;
            format!("kept the databases as `{name}`")
        }
        SnapshotVerb::List => {
            let found = data::snapshots(context, database);
            print(session, &unless_interrupted(session, found).await?);
            return Ok(0);
        }
        SnapshotVerb::Delete(name) => {
            let deleted = data::delete_snapshot(context, database, &name);
            unless_interrupted(session, deleted).await?;
            format!("removed the snapshot `{name}`")
        }
        SnapshotVerb::Restore(name) => {
            let name = match name {
                Some(name) => name,
                None => latest(session, &store).await?,
            };
            let question = format!("Put the snapshot `{name}` in the place of the live databases?");
            if !consent::ask(request.consent, &question)? {
                return Err(Failure::new(FailureKind::Usage, "nothing was restored")
                    .hint("say yes with `--yes`"));
            }
            let restored = data::restore_snapshot(context, database, &name);
            unless_interrupted(session, restored).await?;
            format!("the databases are back at `{name}`")
        }
    };
    session.events.tell(Event::Notice { text });
    Ok(0)
}

async fn save(session: &Session, store: &Store, name: Option<String>) -> Result<String, Failure> {
    let now = OffsetDateTime::now_utc();
    let created = now.format(&Rfc3339).unwrap_or_default();
    let name = name.unwrap_or_else(|| {
        let second = created.split('.').next().unwrap_or_default();
        second
            .replace(':', "")
            .replace('T', "-")
            .trim_end_matches('Z')
            .to_owned()
    });
    let commit = commit(&store.root);
    let saved = data::save_snapshot(&store.context, &store.database, &name, &created, commit);
    unless_interrupted(session, saved).await?;
    Ok(name)
}

async fn latest(session: &Session, store: &Store) -> Result<String, Failure> {
    let found = data::snapshots(&store.context, &store.database);
    let found = unless_interrupted(session, found).await?;
    let newest = found.into_iter().next_back();
    newest.map(|snapshot| snapshot.name).ok_or_else(|| {
        Failure::new(FailureKind::Data, "there is no snapshot")
            .hint("make one with `jobsprint-dev snapshot save`")
    })
}

/// The commit that HEAD names, in short; `None` outside a git repository.
fn commit(root: &Path) -> Option<String> {
    let git = root
        .ancestors()
        .map(|above| above.join(".git"))
        .find(|git| git.is_dir())?;
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let hash = match head.trim().strip_prefix("ref: ") {
        Some(branch) => std::fs::read_to_string(git.join(branch)).ok()?,
        None => head,
    };
    Some(hash.chars().take(10).collect())
}

fn print(session: &Session, snapshots: &[Snapshot]) {
    if session.manner.mode == Mode::Json {
        let text = json!({ "schema": 1, "snapshots": snapshots });
        report::print(&format!("{text}\n"));
        return;
    }
    let mut text = String::new();
    for snapshot in snapshots {
        writeln!(
            text,
            "{:32} {:20} {:>8} KiB  {:10}  {}",
            snapshot.name,
            snapshot.created.split('.').next().unwrap_or_default(),
            snapshot.bytes.div_ceil(1024),
            snapshot.commit.as_deref().unwrap_or("-"),
            snapshot.databases.join(", ")
        )
        .expect("a String takes all that is written");
    }
    report::print(&text);
}
