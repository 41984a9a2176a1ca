//! Replaces what runs in containers: by files, by process, by container.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

use super::batch::{Batch, Owner, Parcel, pack};
use super::check::{Verdict, commands, lines, verdict};
use super::line::{Line, Order};
use super::memory::{End, Memory, Obedience};
use super::porter::{Carried, Porter};
use super::supervisor::SHELL;
use super::{ReplaceError, remover, sums};
use crate::domain::{ContainerId, Hook, ReplaceMode, Service};
use crate::engine::{Engine, EngineError, ExecRequest, Executed};
use crate::plan::SUPERVISOR;

/// How long a killed process may take to be gone before its container is restarted instead.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// A checkout may change thousands of files, each with a check of its own.
const CHECKS_AT_ONCE: usize = 8;
/// So many lines of a failed hook are kept.
const SHOWN: usize = 20;
/// Who runs there, unless it is root: then whose the nearest directory is that is there already.
const OWNER: &str = "u=$(id -u)
[ \"$u\" = 0 ] || { echo \"$u $(id -g)\"; exit; }
d=$1
while [ ! -e \"$d\" ]; do d=${d%/*}; d=${d:-/}; done
stat -c '%u %g' -- \"$d\"";

/// How a restart went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// What was restarted in truth: the process, or its whole container.
    pub mode: ReplaceMode,
    /// From the request to the end of the old process and all its children; of a container, the whole restart.
    pub stop: Duration,
    /// From then to the start of the new one; of a container, nothing.
    pub spawn: Duration,
    /// Whether the old one obeyed SIGTERM within its grace.
    pub obedience: Obedience,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Synced {
    /// Files, links and directories that were copied.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Paths that were deleted, also those whose file vanished from the host before it could be read.
    pub deleted: usize,
}

/// Replaces what runs; remembers, between two changes, what makes the next one faster.
#[derive(Clone)]
pub struct Replacer {
    engine: Arc<dyn Engine>,
    memory: Arc<Mutex<Memory>>,
}

impl Replacer {
    /// A replacer on this engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            memory: Arc::default(),
        }
    }

    /// Prepares for changes of a container, so that the first is as fast as any: for restarts in place where it
    /// runs under the supervisor, and for copies to `targets`.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn attend(
        &self,
        container: &ContainerId,
        targets: Vec<String>,
    ) -> Result<(), ReplaceError> {
        let Some(found) = self.engine.container(container.as_str()).await? else {
            return Ok(());
        };
        if !found.is_running() {
            return Ok(());
        }
        if let Some(first) = targets.first() {
            self.owner(container, first).await?;
            if let Some(porter) = self.porter(container).await? {
                self.memory().keep_porter(container, porter);
            }
        }
        if !found.labels.contains_key(SUPERVISOR) {
            return Ok(());
        }
        // Two who listen to one supervisor at once would take each other's answers.
        let known = self.memory().take_line(container);
        let mut line = known.and_then(Line::still_open);
        if line.is_none() {
            line = Line::to_supervisor(&*self.engine, container).await?;
        }
        if let Some(line) = line {
            self.memory().keep_line(container, line);
        }
        Ok(())
    }

    /// Starts a service's command anew: its process where that can be, else its container.
    ///
    /// A container that stands still is started. The service's own hooks run around a container's restart.
    ///
    /// # Errors
    /// [`ReplaceError::Gone`] where there is no such container, and whatever the engine refuses.
    pub async fn restart(
        &self,
        service: &Service,
        container: &ContainerId,
    ) -> Result<Restarted, ReplaceError> {
        let open = self.memory().take_line(container);
        if let Some(line) = open
            && let Some(restarted) = self.restart_process(service, container, line).await
        {
            return Ok(restarted);
        }
        let found = self.engine.container(container.as_str()).await?;
        let found = found.ok_or_else(|| ReplaceError::Gone {
            service: service.name.clone(),
        })?;
        if found.is_running()
            && found.labels.contains_key(SUPERVISOR)
            && let Some(line) = Line::to_supervisor(&*self.engine, container).await?
            && let Some(restarted) = self.restart_process(service, container, line).await
        {
            return Ok(restarted);
        }
        self.restart_container(service, container, found.is_running())
            .await
    }

    /// Restarts in place; `None` where the line breaks, as when the process ends by itself meanwhile.
    async fn restart_process(
        &self,
        service: &Service,
        container: &ContainerId,
        mut line: Line,
    ) -> Option<Restarted> {
        let grace = self.memory().grace(&service.name, service.grace);
        let asked = Instant::now();
        line.say(Order::Restart).await?;
        let obeyed = timeout(grace, line.hear_of("stopped")).await;
        let end = if let Ok(heard) = obeyed {
            heard?;
            End::ByItself
        } else {
            line.say(Order::Kill).await?;
            timeout(AFTER_KILL, line.hear_of("stopped")).await.ok()??;
            End::Killed
        };
        let stopped = Instant::now();
        timeout(AFTER_KILL, line.hear_of("started")).await.ok()??;
        let started = Instant::now();

        let mut memory = self.memory();
        let obedience = memory.learn(&service.name, end);
        memory.keep_line(container, line);
        Some(Restarted {
            mode: ReplaceMode::Process,
            stop: stopped - asked,
            spawn: started - stopped,
            obedience,
        })
    }

    async fn restart_container(
        &self,
        service: &Service,
        container: &ContainerId,
        running: bool,
    ) -> Result<Restarted, ReplaceError> {
        let asked = Instant::now();
        if !running {
            self.engine.start_container(container).await?;
            self.hooks(container, &service.post_start).await?;
            return Ok(Restarted {
                mode: ReplaceMode::Container,
                stop: asked.elapsed(),
                spawn: Duration::ZERO,
                obedience: Obedience::Obeyed,
            });
        }
        self.hooks(container, &service.pre_stop).await?;
        let grace = self.memory().grace(&service.name, service.grace);
        // The engine counts whole seconds; where little time is left, that is none.
        let grace = if grace < Duration::from_secs(1) {
            Duration::ZERO
        } else {
            grace
        };
        let before = Instant::now();
        self.engine
            .restart_container(container, Some(grace))
            .await?;
        let took = before.elapsed();
        // Without time to obey in, nothing new is learnt of whether it would.
        let obedience = if grace.is_zero() {
            Obedience::Obeyed
        } else if took >= grace {
            self.memory().learn(&service.name, End::Killed)
        } else {
            self.memory().learn(&service.name, End::ByItself)
        };
        self.hooks(container, &service.post_start).await?;
        Ok(Restarted {
            mode: ReplaceMode::Container,
            stop: asked.elapsed(),
            spawn: Duration::ZERO,
            obedience,
        })
    }

    async fn hooks(&self, container: &ContainerId, hooks: &[Hook]) -> Result<(), ReplaceError> {
        for hook in hooks {
            self.exec(container, hook).await?;
        }
        Ok(())
    }

    /// Brings a batch of files into a container: what is to go goes first, then one tar takes in the rest.
    ///
    /// What is copied belongs to the container's user; where that is root, to whom its directory belongs.
    ///
    /// # Errors
    /// A file of the host that can't be read, a path that can't be deleted, and whatever the engine refuses.
    pub async fn sync(
        &self,
        container: &ContainerId,
        batch: &Batch,
    ) -> Result<Synced, ReplaceError> {
        let parcel = match batch.changed.first() {
            Some((_, first)) => {
                let owner = self.owner(container, first).await?;
                pack(&batch.changed, owner)
                    .map_err(|(path, source)| ReplaceError::Unreadable { path, source })?
            }
            None => Parcel::default(),
        };
        let mut deleted = batch.deleted.clone();
        deleted.extend(parcel.gone.iter().cloned());
        if !self.carry(container, &deleted, &parcel).await? {
            self.delete(container, &deleted).await?;
            if parcel.files > 0 {
                self.engine
                    .upload(container, "/", parcel.tar.clone())
                    .await?;
            }
        }
        self.memory().note(container, batch);
        Ok(Synced {
            files: parcel.files,
            bytes: parcel.bytes,
            deleted: deleted.len(),
        })
    }

    /// Whether a container lacks a file of the batch, or has it with other content; one that can't say does.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn lacks(
        &self,
        container: &ContainerId,
        batch: &Batch,
    ) -> Result<bool, ReplaceError> {
        let Some(list) = sums::list(&batch.changed) else {
            return Ok(true);
        };
        if list.is_empty() {
            return Ok(false);
        }
        let request = ExecRequest {
            command: [SHELL, "-c", sums::COMPARE].map(str::to_owned).into(),
            // What the copies belong to is not always what the command runs as.
            user: Some("0".to_owned()),
            stdin: Some(list.into()),
            ..ExecRequest::default()
        };
        match self.engine.execute(container, &request).await {
            Ok(ended) => Ok(ended.code != 0),
            // A container that stands still runs nothing.
            Err(EngineError::Refused { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Has a porter do it; gives whether it is done. What was done by halves can be done again.
    async fn carry(
        &self,
        container: &ContainerId,
        deleted: &[String],
        parcel: &Parcel,
    ) -> Result<bool, ReplaceError> {
        if deleted.is_empty() && parcel.files == 0 {
            return Ok(true);
        }
        if !Porter::understands(deleted) {
            return Ok(false);
        }
        let known = self.memory().take_porter(container);
        // One that was there before may have left with the process it came with.
        let is_known = known.is_some();
        let mut next = match known {
            Some(porter) => Some(porter),
            None => self.porter(container).await?,
        };
        let mut tries = if is_known { 2 } else { 1 };
        while let Some(mut porter) = next {
            if porter.carry(deleted, parcel).await == Carried::Wholly {
                self.memory().keep_porter(container, porter);
                return Ok(true);
            }
            tries -= 1;
            if tries == 0 {
                self.memory().admit_no_porter(container);
                return Ok(false);
            }
            next = self.porter(container).await?;
        }
        Ok(false)
    }

    /// A new porter in a container, where one can work.
    async fn porter(&self, container: &ContainerId) -> Result<Option<Porter>, ReplaceError> {
        if !self.memory().admits_porters(container) {
            return Ok(None);
        }
        match Porter::send(&*self.engine, container).await {
            Ok(Some(porter)) => Ok(Some(porter)),
            Ok(None) => {
                self.memory().admit_no_porter(container);
                Ok(None)
            }
            // A container that stands still takes files too, and runs nothing.
            Err(EngineError::Refused { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, container: &ContainerId, paths: &[String]) -> Result<(), ReplaceError> {
        if paths.is_empty() {
            return Ok(());
        }
        remover::remove(&*self.engine, container, paths).await
    }

    /// Brings into a new container all that was brought into the one before it.
    ///
    /// A container that is only restarted keeps its files: this is for one that took another's place.
    ///
    /// # Errors
    /// As [`sync`](Self::sync).
    pub async fn resync(
        &self,
        before: &ContainerId,
        now: &ContainerId,
    ) -> Result<Synced, ReplaceError> {
        let batch = self.memory().take_copied(before);
        if batch.is_empty() {
            return Ok(Synced::default());
        }
        self.sync(now, &batch).await
    }

    /// Whose a copy at `path` is to be; asked once for each container.
    ///
    /// An image without a shell can't say, and its files become root's.
    async fn owner(&self, container: &ContainerId, path: &str) -> Result<Owner, ReplaceError> {
        if let Some(owner) = self.memory().owner(container) {
            return Ok(owner);
        }
        let directory = path
            .rsplit_once('/')
            .map_or("/", |(directory, _)| directory);
        let words = [SHELL, "-c", OWNER, "owner", directory];
        let request = ExecRequest {
            command: words.map(str::to_owned).into(),
            ..ExecRequest::default()
        };
        let owner = match self.engine.execute(container, &request).await {
            Ok(ended) => owner_in(&ended).unwrap_or_default(),
            // A container that stands still takes files too, and runs nothing.
            Err(EngineError::Refused { .. }) => return Ok(Owner::default()),
            Err(error) => return Err(error.into()),
        };
        self.memory().keep_owner(container, owner);
        Ok(owner)
    }

    /// Runs a command in a container to its end.
    ///
    /// # Errors
    /// [`ReplaceError::Hook`] where it fails, and whatever the engine refuses.
    pub async fn exec(
        &self,
        container: &ContainerId,
        hook: &Hook,
    ) -> Result<Executed, ReplaceError> {
        let request = ExecRequest {
            command: hook.command.clone(),
            environment: hook.environment.clone(),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            privileged: hook.privileged,
            ..ExecRequest::default()
        };
        let ended = self.engine.execute(container, &request).await?;
        if ended.code == 0 {
            return Ok(ended);
        }
        let mut output = lines(&ended);
        Err(ReplaceError::Hook {
            command: hook.command.join(" "),
            code: ended.code,
            output: output.split_off(output.len().saturating_sub(SHOWN)),
        })
    }

    /// Runs a service's check on changed files, by their paths in the container.
    ///
    /// A service without a check passes, and so does one that doesn't run: there is nothing to protect.
    ///
    /// # Errors
    /// Whatever the engine refuses.
    pub async fn check(
        &self,
        service: &Service,
        container: &ContainerId,
        files: &[String],
    ) -> Result<Verdict, ReplaceError> {
        let Some(check) = &service.check else {
            return Ok(Verdict::Passed);
        };
        let runs = commands(check, files).into_iter().map(|command| async {
            let request = ExecRequest {
                command,
                ..ExecRequest::default()
            };
            self.engine.execute(container, &request).await
        });
        // In the files' order, as their failures are told in it.
        let ended: Result<Vec<Executed>, _> = stream::iter(runs)
            .buffered(CHECKS_AT_ONCE)
            .try_collect()
            .await;
        match ended {
            Ok(ended) => Ok(verdict(&ended)),
            Err(EngineError::Refused { .. }) if !self.runs(container).await? => Ok(Verdict::Passed),
            Err(error) => Err(error.into()),
        }
    }

    async fn runs(&self, container: &ContainerId) -> Result<bool, ReplaceError> {
        let found = self.engine.container(container.as_str()).await?;
        Ok(found.is_some_and(|found| found.is_running()))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The two numbers that `stat` wrote.
fn owner_in(ended: &Executed) -> Option<Owner> {
    let text = std::str::from_utf8(&ended.stdout).ok()?;
    let (uid, gid) = text.trim().split_once(' ')?;
    Some(Owner {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
    })
}
