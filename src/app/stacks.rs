//! `stacks`: what disposable stacks there are, whose they are, and the end of those that nobody owns.

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::json;

use super::session::Session;
use super::{ci, engine, faults};
use crate::domain::{ContainerState, Failure, Observed, ProjectName, StacksRequest, StacksVerb};
use crate::engine::{Engine, EngineError};
use crate::event::Event;
use crate::isolate::{LEASE, Lease, Standing};
use crate::report::{self, Mode, words};

/// Lists or removes.
pub(super) async fn run(session: &mut Session, request: StacksRequest) -> Result<u8, Failure> {
    if matches!(request.verb, StacksVerb::Guard(_)) {
        ci::leave_session();
    }
    let engine = engine::reach(session).await?;
    match request.verb {
        StacksVerb::List => list(session, &*engine).await?,
        StacksVerb::Gc => {
            ci::cupboard(session).collect();
            let (removed, refused) = sweep(session, &*engine).await.map_err(looking)?;
            let text = match removed.len() {
                0 => "no stack is without its owner".to_owned(),
                _ => format!("removed {}", words::list(&removed)),
            };
            session.events.tell(Event::Notice { text });
            if let Some((project, error)) = refused.into_iter().next() {
                return Err(faults::at(&format!("remove {project}"), error));
            }
        }
        StacksVerb::Remove(project) => {
            let stacks = found(session, &*engine).await.map_err(looking)?;
            if !stacks.iter().any(|stack| stack.project == project) {
                let message = format!("there is no disposable stack `{project}`");
                return Err(Failure::new(crate::domain::FailureKind::Usage, message)
                    .hint("see what there is with `jobsprint-dev stacks list`"));
            }
            let removed = ci::remove(&*engine, &project).await;
            removed.map_err(|error| faults::at(&format!("remove {project}"), error))?;
            let text = format!("removed {project}");
            session.events.tell(Event::Notice { text });
        }
        StacksVerb::Guard(project) => ci::stand_by(&*engine, &project).await?,
    }
    Ok(0)
}

/// Removes what nobody owns, before a run begins; what can't be removed now fails nobody's run.
///
/// # Errors
/// Where the engine doesn't tell what there is: it will tell nobody else either.
pub(super) async fn collect(session: &Session, engine: &dyn Engine) -> Result<(), Failure> {
    ci::cupboard(session).collect();
    let (removed, _) = sweep(session, engine).await.map_err(looking)?;
    if !removed.is_empty() {
        let text = format!(
            "removed {}, left by a run that was killed",
            words::list(&removed)
        );
        session.events.tell(Event::Notice { text });
    }
    Ok(())
}

type Refused = Vec<(ProjectName, EngineError)>;

async fn sweep(
    session: &Session,
    engine: &dyn Engine,
) -> Result<(Vec<String>, Refused), EngineError> {
    let (mut removed, mut refused) = (Vec::new(), Vec::new());
    for stack in found(session, engine).await? {
        if stack.state == State::Owned || stack.state == State::Kept {
            continue;
        }
        match ci::remove(engine, &stack.project).await {
            Ok(()) => removed.push(stack.project.to_string()),
            Err(error) => refused.push((stack.project, error)),
        }
    }
    Ok((removed, refused))
}

/// Whose a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its owner is at work.
    Owned,
    /// It stays on purpose.
    Kept,
    /// Its owner is gone.
    Abandoned,
    /// Nobody can tell of its owner, and its lease is over.
    Expired,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Kept => "kept",
            Self::Abandoned => "abandoned",
            Self::Expired => "expired",
        }
    }
}

/// A disposable stack on the engine.
struct Found {
    project: ProjectName,
    lease: Lease,
    state: State,
    observed: Observed,
}

async fn found(session: &Session, engine: &dyn Engine) -> Result<Vec<Found>, EngineError> {
    let here = ci::this_process();
    let mut stacks = Vec::new();
    for project in engine.projects_with(LEASE).await? {
        let Ok(project) = ProjectName::new(project) else {
            continue;
        };
        let observed = engine.observe(&project, &[]).await?;
        let containers = observed.containers.iter().map(|found| &found.labels);
        let networks = observed.networks.iter().map(|found| &found.labels);
        let volumes = observed.volumes.iter().map(|found| &found.labels);
        let mut labels = containers.chain(networks).chain(volumes);
        let Some(lease) = labels.find_map(Lease::of) else {
            continue;
        };
        let state = match lease.standing(&here, ci::lives, SystemTime::now()) {
            Standing::Held => State::Owned,
            _ if ci::kept(session, project.as_str()) => State::Kept,
            Standing::Abandoned => State::Abandoned,
            Standing::Expired => State::Expired,
        };
        stacks.push(Found {
            project,
            lease,
            state,
            observed,
        });
    }
    Ok(stacks)
}

async fn list(session: &Session, engine: &dyn Engine) -> Result<(), Failure> {
    let stacks = found(session, engine).await.map_err(looking)?;
    let rows: Vec<Row> = stacks.iter().map(Row::of).collect();
    let text = if session.manner.mode == Mode::Json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        format!("{}\n", json!({ "schema": 1, "stacks": rows }))
    } else {
        rows.iter().map(|row| row.line() + "\n").collect()
    };
    report::print(&text);
    Ok(())
}

/// A stack as it is listed.
struct Row<'a> {
    project: &'a str,
    state: &'static str,
    owner: u32,
    age: Option<u64>,
    containers: usize,
    ports: BTreeSet<u16>,
    directory: String,
    run: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(stack: &'a Found) -> Self {
        let containers = &stack.observed.containers;
        let since = containers.iter().filter_map(|found| match found.state {
            ContainerState::Running { since, .. } => Some(since),
            _ => None,
        });
        Self {
            project: stack.project.as_str(),
            state: stack.state.as_str(),
            owner: stack.lease.holder.pid,
            age: since
                .min()
                .and_then(|since| since.elapsed().ok())
                .map(|age| age.as_secs()),
            containers: containers.len(),
            ports: containers
                .iter()
                .flat_map(|found| found.ports.iter().map(|port| port.host))
                .collect(),
            directory: stack.lease.directory.display().to_string(),
            run: stack.lease.run.as_deref(),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "project": self.project,
            "state": self.state,
            "owner_pid": self.owner,
            "age_seconds": self.age,
            "containers": self.containers,
            "ports": self.ports,
            "directory": self.directory,
            "run": self.run,
        })
    }

    fn line(&self) -> String {
        let age = self.age.map_or_else(
            || "not started".to_owned(),
            |age| words::duration(std::time::Duration::from_secs(age)),
        );
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        format!(
            "{}  {}  pid {}  {age}  {} containers  ports {}  {}",
            self.project,
            self.state,
            self.owner,
            self.containers,
            if ports.is_empty() {
                "-".to_owned()
            } else {
                ports.join(",")
            },
            self.directory
        )
    }
}

fn looking(error: EngineError) -> Failure {
    faults::at("look at the stacks", error)
}
