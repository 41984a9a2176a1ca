//! The project's snapshots, as every verb meets them that may lose data: made ahead of it, and settled after a run that was cut off.

use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::spawn_blocking;

use super::conclusion;
use super::git::Head;
use super::project::Project;
use super::session::Session;
use crate::data::{
    Cover, DataContext, DataError, Description, Glance, Replaced, Saved, Shelf, SnapshotManifest,
    Stock, Unfinished, describe_data, save_snapshot, settle_snapshot,
};
use crate::domain::{Failure, ObservedContainer};
use crate::engine::Engine;
use crate::event::Event;
use crate::report::words;

/// So many of those that the tool made by itself are kept.
const KEPT: usize = 5;

/// Why a snapshot is made.
pub(super) enum Cause<'a> {
    /// A person asked for it.
    Asked,
    /// A verb is about to take away what it covers.
    Before {
        /// The verb, as it is typed.
        verb: &'a str,
        /// What it takes away.
        cover: Cover,
    },
}

/// The project's stock.
pub(super) fn of(project: &Project, engine: &Arc<dyn Engine>) -> Stock {
    Stock {
        engine: Arc::clone(engine),
        stack: Arc::clone(&project.stack),
        shelf: shelf(project),
        program: std::env::current_exe().ok(),
    }
}

/// Where the project's snapshots are.
pub(super) fn shelf(project: &Project) -> Shelf {
    let directory = project.state.path().join("snapshots");
    Shelf::of(directory, project.stack.project.as_str())
}

/// Finishes what a run that was cut off left, before anything else is done. The caller holds the project's lock.
pub(super) async fn settle(session: &Session, stock: &Stock) -> Result<(), Failure> {
    let text = match settle_snapshot(stock).await? {
        None => return Ok(()),
        Some(Unfinished::Saving { .. }) => {
            "an earlier snapshot was cut off: what it had paused goes on".to_owned()
        }
        Some(Unfinished::Loading { .. }) => {
            "an earlier restore was cut off before it changed anything: its copy is removed"
                .to_owned()
        }
        Some(Unfinished::Swapping { snapshot, .. }) => {
            format!("an earlier restore of `{snapshot}` was cut off: it is brought to its end")
        }
    };
    session.events.tell(Event::Warning { text });
    Ok(())
}

/// Takes a snapshot of what `verb` is about to take away, where there is data; the oldest such ones go.
pub(super) async fn before(
    session: &Session,
    project: &Project,
    engine: &Arc<dyn Engine>,
    verb: &str,
    cover: Cover,
) -> Result<(), Failure> {
    let kept = keep(session, project, engine, verb, cover).await?;
    settled(kept).await?;
    prune(project).await
}

/// Waits until nothing of a snapshot's making is left.
pub(super) async fn settled(kept: Option<Saved>) -> Result<(), Failure> {
    if let Some(kept) = kept {
        kept.settled().await?;
    }
    Ok(())
}

/// As [`before`], without [`settled`] and [`prune`]: for whoever has something else to do meanwhile.
pub(super) async fn keep(
    session: &Session,
    project: &Project,
    engine: &Arc<dyn Engine>,
    verb: &str,
    cover: Cover,
) -> Result<Option<Saved>, Failure> {
    let stock = of(project, engine);
    if !stock.has_data(&cover).await? {
        return Ok(None);
    }
    let name = format!("before-{}-{}", verb.replace(' ', "-"), stamp());
    let cause = Cause::Before { verb, cover };
    let kept = Box::pin(save(session, project, &stock, &name, cause)).await;
    kept.map(Some).map_err(|failure| {
        failure.hint("nothing was changed; to go on without a snapshot, add `--no-snapshot`")
    })
}

/// Removes the oldest of the snapshots that the tool made by itself, and doesn't wait until their bytes are gone.
pub(super) async fn prune(project: &Project) -> Result<(), Failure> {
    let shelf = shelf(project);
    let pruned = spawn_blocking(move || {
        shelf.prune(KEPT)?;
        let program = std::env::current_exe().ok();
        if !shelf.discard_by(program.as_deref(), &Replaced::default()) {
            shelf.discard(&[]);
        }
        Ok::<(), DataError>(())
    });
    let pruned = pruned.await;
    Ok(pruned.expect("removing doesn't panic")?)
}

/// Takes a snapshot of this name, and tells of it.
pub(super) async fn save(
    session: &Session,
    project: &Project,
    stock: &Stock,
    name: &str,
    cause: Cause<'_>,
) -> Result<Saved, Failure> {
    project.state.directory("snapshots")?;
    let began = session.events.elapsed();
    let created = OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default();
    let mut manifest = SnapshotManifest::new(&stock.stack.project, name, &created);
    let head = Head::of(&project.root);
    (manifest.commit, manifest.branch) = (head.commit, head.branch);
    let cover = match cause {
        Cause::Asked => Cover::Stack,
        Cause::Before { verb, cover } => {
            manifest.before = Some(verb.to_owned());
            cover
        }
    };
    let describing = describe(session, stock);
    let interrupted = session.interrupt.raised();
    let saved = save_snapshot(stock, manifest, &cover, describing, interrupted).await?;
    let saved = saved.ok_or_else(conclusion::interrupted)?;
    let manifest = saved.manifest();
    let took = session.events.elapsed().saturating_sub(began);
    let text = format!(
        "kept the data of {} as `{name}`: {}, {}, in {:.1} s",
        words::list(
            &manifest
                .services()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        ),
        words::bytes(manifest.stored()),
        words::list(&manifest.ways()),
        took.as_secs_f64()
    );
    session.events.tell(Event::Notice { text });
    Ok(saved)
}

/// A moment as snapshots' names hold it: `20261123-201500.123`.
pub(super) fn stamp() -> String {
    let now = OffsetDateTime::now_utc();
    let (date, time) = (now.date(), now.time());
    format!(
        "{:04}{:02}{:02}-{:02}{:02}{:02}.{:03}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}

/// What the database tells of itself, where it runs; what it doesn't tell stays unknown.
async fn describe(session: &Session, stock: &Stock) -> Description {
    let untold = |error: DataError| {
        let text = format!("the snapshot says nothing of the database's content: {error}");
        session.events.tell(Event::Warning { text });
        Description::default()
    };
    let looked = tokio::try_join!(
        stock.engine.facts(),
        stock.engine.observe(&stock.stack.project, &[])
    );
    let (facts, observed) = match looked {
        Ok(looked) => looked,
        Err(error) => return untold(error.into()),
    };
    let containers = observed.containers.into_iter();
    let running = containers.filter(ObservedContainer::is_running);
    let context = DataContext {
        engine: Arc::clone(&stock.engine),
        facts,
        stack: Arc::clone(&stock.stack),
        containers: running.map(|found| (found.service, found.id)).collect(),
        events: session.events.clone(),
        glance: Glance::default(),
    };
    match context.database() {
        Some(database) if context.containers.contains_key(&database.name) => {
            let described = describe_data(&context, database).await;
            described.unwrap_or_else(untold)
        }
        _ => Description::default(),
    }
}
