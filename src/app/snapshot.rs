//! `snapshot`: the whole stack's data as it is, kept under a name, and back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::git::Head;
use super::project::Project;
use super::scene::{Scene, look};
use super::session::Session;
use super::stock::Cause;
use super::{conclusion, engine, question, stock, up};
use crate::cli::Sweep;
use crate::data::{
    Cover, Shelf, SnapshotManifest, Stock, check_snapshot, discard, discard_by_helper,
    load_snapshot, settle_snapshot,
};
use crate::domain::{
    BuildImages, Consent, ContainerId, Failure, FailureKind, Orphans, Phase, Run, SnapshotRequest,
    SnapshotVerb,
};
use crate::event::Event;
use crate::plan::{self, Plan, Recreate, UpOptions};
use crate::report::{self, Mode, words};
use crate::store::{BrokenRecord, read_record, write_record};

/// The file beside the snapshots that says whose branch's data is live.
const BRANCH: &str = ".branch";

/// The version of that file.
const VERSION: u32 = 1;

/// What stands in it.
#[derive(Debug, Serialize, Deserialize)]
struct Live {
    version: u32,
    branch: String,
}

/// Does what is asked.
pub(super) async fn run(session: &mut Session, request: SnapshotRequest) -> Result<u8, Failure> {
    let project = Project::load(session, &request.scope)?;
    let shelf = stock::shelf(&project);
    match request.verb {
        SnapshotVerb::List => {
            let (found, broken) = shelf.list()?;
            for text in broken {
                session.events.tell(Event::Warning { text });
            }
            print(session, &found);
        }
        SnapshotVerb::Diff(name, other) => {
            let one = shelf.find(&name)?;
            let other = match other {
                Some(other) => shelf.find(&other)?,
                None => latest(&shelf)?,
            };
            tell_differences(session, &one, &other);
        }
        SnapshotVerb::Rename(name, new) => {
            shelf.rename(&name, &new)?;
            notice(session, format!("the snapshot `{name}` is now `{new}`"));
        }
        SnapshotVerb::Delete(name) => {
            shelf.delete(&name)?;
            notice(session, format!("removed the snapshot `{name}`"));
        }
        SnapshotVerb::Save(name) => {
            let scene = scene(session, project).await?;
            let stock = stock::of(&scene.project, &scene.engine);
            let name = name.unwrap_or_else(stock::stamp);
            let saved = stock::save(session, &scene.project, &stock, &name, Cause::Asked).await?;
            saved.settled().await?;
        }
        SnapshotVerb::Restore(name) => {
            let scene = scene(session, project).await?;
            let stock = stock::of(&scene.project, &scene.engine);
            let name = match name {
                Some(name) => name,
                None => latest(&shelf)?.name,
            };
            let manifest = check_snapshot(&stock, &name).await?;
            let question = format!(
                "Put the snapshot `{name}` of {} in the place of the live data of {}?",
                moment(&manifest),
                listed(&manifest)
            );
            if !question::confirm(session, request.consent, &question)? {
                return Err(Failure::new(FailureKind::Usage, "nothing was restored")
                    .hint("say yes with `--yes`"));
            }
            if request.keep == Phase::Do {
                let (project, engine) = (&scene.project, &scene.engine);
                let kept = stock::keep(session, project, engine, "restore", Cover::Stack).await?;
                stock::settled(kept).await?;
            }
            restore(session, &scene, &stock, &manifest).await?;
            // Not before: the oldest, which goes, may be the one that was asked for.
            if request.keep == Phase::Do {
                stock::prune(&scene.project).await?;
            }
        }
        SnapshotVerb::FollowBranch => follow_branch(session, project).await?,
    }
    Ok(0)
}

/// Puts a checked snapshot in the place of the live data; what ran runs again afterwards.
async fn restore(
    session: &Session,
    scene: &Scene,
    stock: &Stock,
    manifest: &SnapshotManifest,
) -> Result<(), Failure> {
    let (project, engine) = (&scene.project, &*scene.engine);
    let began = session.events.elapsed();
    let loaded = tokio::select! {
        biased;
        () = session.interrupt.raised() => Err(conclusion::interrupted()),
        loaded = load_snapshot(stock, manifest) => loaded.map_err(Failure::from),
    };
    let laid = match loaded {
        Ok(laid) => laid,
        Err(failure) => {
            settle_snapshot(stock).await?;
            return Err(failure);
        }
    };
    let observed = look(project, engine).await?;
    let running: Vec<String> = observed
        .containers
        .iter()
        .filter(|found| found.is_running() && project.stack.service(&found.service).is_some())
        .map(|found| found.service.to_string())
        .collect();
    let stop = plan::stop(&project.stack, &observed, &[]).map_err(|error| up::unknown(&error))?;
    // Once they have stopped there is no way back: it is brought to its end, now or by the next run.
    let stopped = walk(session, scene, stop);
    let replaced = laid.swap(stock, manifest, stopped).await?;
    let started = async {
        if running.is_empty() {
            return Ok(());
        }
        let observed = look(project, engine).await?;
        let options = UpOptions {
            services: running,
            migrate: Phase::Skip,
            seed: Phase::Skip,
            recreate: Recreate::Changed,
            orphans: Orphans::Keep,
            build: BuildImages::default(),
            renew: BTreeSet::new(),
        };
        let start = plan::up(&project.stack, &observed, &options);
        let start = start.map_err(|error| up::unknown(&error))?;
        walk(session, scene, start).await
    };
    let started = started.await;
    discard(engine, &stock.shelf, stock.program.as_deref(), &replaced).await;
    started?;
    let took = session.events.elapsed().saturating_sub(began).as_secs_f64();
    let text = format!(
        "the data of {} is back at `{}`, in {took:.1} s",
        listed(manifest),
        manifest.name
    );
    notice(session, text);
    Ok(())
}

/// Removes what nobody waits for.
pub(super) async fn sweep(session: &Session, sweep: Sweep) -> Result<u8, Failure> {
    Shelf::of(sweep.directory, &sweep.project).discard(&sweep.replaced);
    if let Some(helper) = sweep.helper {
        let engine = engine::reach(session).await?;
        discard_by_helper(&*engine, &ContainerId::new(helper)).await?;
    }
    Ok(0)
}

async fn walk(session: &Session, scene: &Scene, plan: Plan) -> Result<(), Failure> {
    let plan = Arc::new(plan);
    session.events.tell(Event::Planned {
        steps: plan.summaries(),
    });
    let Scene {
        project, engine, ..
    } = scene;
    let walked = up::walk(session, project, engine, &plan, None, Consent::Ask).await?;
    if walked.outcome.interrupted {
        return Err(conclusion::interrupted());
    }
    match walked.outcome.failures.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => Ok(()),
    }
}

/// The project with its lock in hand, and nothing left over from a run that was cut off.
async fn scene(session: &Session, project: Project) -> Result<Scene, Failure> {
    let engine = engine::reach(session).await?;
    Scene::of(session, project, engine, Run::Real).await
}

/// Keeps the data of the branch that was left, and brings back that of the present one, where there is some.
async fn follow_branch(session: &Session, project: Project) -> Result<(), Failure> {
    let Some(present) = Head::of(&project.root).branch else {
        return Err(
            Failure::new(FailureKind::Usage, "no git branch is checked out")
                .hint("check one out, as `git switch main`"),
        );
    };
    let scene = scene(session, project).await?;
    let project = &scene.project;
    let stock = stock::of(project, &scene.engine);
    let shelf = &stock.shelf;
    let note = shelf.directory().join(BRANCH);
    let left = live_branch(&note)?.unwrap_or_else(|| present.clone());
    let left = left.as_str();
    if left != present {
        let fresh = format!("{}.{}", of_branch(left), stock::stamp());
        let saved = stock::save(session, project, &stock, &fresh, Cause::Asked).await?;
        saved.settled().await?;
        // The older one goes only when the newer one is whole.
        shelf.delete(&of_branch(left)).ok();
        shelf.rename(&fresh, &of_branch(left))?;
        if shelf.find(&of_branch(&present)).is_ok() {
            let manifest = check_snapshot(&stock, &of_branch(&present)).await?;
            restore(session, &scene, &stock, &manifest).await?;
        } else {
            notice(
                session,
                format!("`{present}` begins with the data of `{left}`"),
            );
        }
    }
    project.state.directory("snapshots")?;
    write_record(
        &note,
        VERSION,
        &Live {
            version: VERSION,
            branch: present.clone(),
        },
    )?;
    if left == present {
        notice(session, format!("the data is that of `{present}`"));
    }
    Ok(())
}

/// Why the note on the live branch can't be read, where it can't.
pub(super) fn fault(shelf: &Shelf) -> Option<BrokenRecord> {
    read_record::<Live>(&shelf.directory().join(BRANCH), VERSION).err()
}

/// The branch whose data is live; `None` where nobody has noted any.
///
/// # Errors
/// Where the note can't be read: to guess would put one branch's data in another's place.
fn live_branch(note: &Path) -> Result<Option<String>, Failure> {
    let live: Option<Live> = read_record(note, VERSION).map_err(|broken| {
        let (path, reason) = (broken.path.display(), &broken.reason);
        let message = format!("cannot tell whose branch's data is live: the record `{path}` {reason}");
        Failure::new(FailureKind::Data, message)
            .hint("keep what is live under a name: `jobsprint-dev snapshot save NAME`")
            .hint(format!("then put the record aside: `mv {path} {path}.broken`; what is live counts as the data of the branch that is checked out"))
    })?;
    Ok(live.map(|live| live.branch))
}

/// The name of a branch's snapshot.
fn of_branch(branch: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("branch-{}", branch.chars().map(plain).collect::<String>())
}

fn latest(shelf: &Shelf) -> Result<SnapshotManifest, Failure> {
    let (found, _) = shelf.list()?;
    found.into_iter().next_back().ok_or_else(|| {
        Failure::new(FailureKind::Data, "there is no snapshot")
            .hint("make one with `jobsprint-dev snapshot save`")
    })
}

fn tell_differences(session: &Session, one: &SnapshotManifest, other: &SnapshotManifest) {
    let lines = one.differences(other);
    if session.manner.mode == Mode::Json {
        let value =
            json!({ "schema": 1, "from": one.name, "to": other.name, "differences": lines });
        report::print(&format!("{value}\n"));
        return;
    }
    match lines.as_slice() {
        [] => notice(session, "they hold the same".to_owned()),
        lines => report::print(&(lines.join("\n") + "\n")),
    }
}

fn print(session: &Session, snapshots: &[SnapshotManifest]) {
    if session.manner.mode == Mode::Json {
        let text = json!({ "schema": 1, "snapshots": snapshots });
        report::print(&format!("{text}\n"));
        return;
    }
    if snapshots.is_empty() {
        return;
    }
    let head = ["NAME", "CREATED", "SIZE", "COMMIT", "SCHEMA", "SERVICES"].map(str::to_owned);
    let rows = snapshots.iter().map(|manifest| {
        let or_dash = |value: Option<&String>| value.map_or("-", |text| text).to_owned();
        [
            manifest.name.clone(),
            moment(manifest),
            words::bytes(manifest.stored()),
            or_dash(manifest.commit.as_ref()),
            or_dash(manifest.migrations.as_ref()),
            manifest.services().join(", "),
        ]
    });
    let rows: Vec<[String; 6]> = [head].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..6).filter_map(width).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths);
        let text: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", text.join("  ").trim_end())
    };
    report::print(&rows.iter().map(line).collect::<String>());
}

fn moment(manifest: &SnapshotManifest) -> String {
    let second = manifest.created.split('.').next().unwrap_or_default();
    second.trim_end_matches('Z').replace('T', " ")
}

fn listed(manifest: &SnapshotManifest) -> String {
    let services: Vec<String> = manifest
        .services()
        .iter()
        .map(ToString::to_string)
        .collect();
    words::list(&services)
}

fn notice(session: &Session, text: String) {
    session.events.tell(Event::Notice { text });
}
