//! What it takes to bring a change to a service: files copied, checked, run; and the time that each took.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::super::project::Project;
use super::super::session::Session;
use super::super::{faults, hands::images_of, up};
use crate::data::{self, Again, DataContext, Glance, SeedOptions};
use crate::domain::{
    Consent, ContainerId, Failure, Hook, Phase, PullPolicy, ReplaceMode, Service, ServiceName,
};
use crate::engine::{Engine, EngineFacts};
use crate::event::{ChangeWay, Event, Events, Phases};
use crate::images::{Acquirer, ImageError};
use crate::plan::{self, UpOptions};
use crate::probe::{Prober, Until, Wait};
use crate::replace::{Batch, Obedience, Replacer, Verdict};
use crate::run::Pulse;
use crate::watch::{Errand, Replacement, Work};

/// What all changes need.
#[derive(Clone)]
pub(super) struct Bench<'a> {
    pub session: &'a Session,
    pub engine: Arc<dyn Engine>,
    pub facts: EngineFacts,
    pub replacer: Replacer,
    pub pulse: Arc<Pulse>,
    /// Whether new migrations and seeds run, or are only told of.
    pub migrate: Phase,
    pub consent: Consent,
}

/// One change on its way to one service.
pub(super) struct Job {
    pub project: Arc<Project>,
    pub service: Service,
    pub work: Work,
    /// Told when further work for the service has come: waiting for this one's end is then over.
    pub superseded: Arc<Notify>,
}

/// How far a change came.
enum Outcome {
    /// To its end, in this way.
    Done(ChangeWay),
    /// The check failed; it said this.
    Refused(Vec<String>),
    /// Another change came while the service booted.
    Superseded,
    /// Only data was worked on, which tells of itself.
    Silent,
}

impl Bench<'_> {
    /// Carries a change out and tells of it; gives the time that it took where it came to its end.
    pub async fn carry_out(&self, job: &Job) -> Option<Duration> {
        let mut phases = Phases {
            settle: job.work.settling(),
            queue: job.work.settled.elapsed(),
            ..Phases::default()
        };
        let outcome = self.bring(job, &mut phases).await;
        let service = job.service.name.clone();
        let files = job.work.files.len();
        let file = job.named();
        let took = job.work.began.elapsed();
        let (event, took) = match outcome {
            Ok(Outcome::Done(way)) => {
                let event = Event::Changed {
                    service,
                    file,
                    files,
                    way,
                    phases: Box::new(phases),
                    took,
                };
                (event, Some(took))
            }
            Ok(Outcome::Refused(output)) => {
                let event = Event::CheckFailed {
                    service,
                    file,
                    files,
                    output,
                };
                (event, None)
            }
            Ok(Outcome::Superseded | Outcome::Silent) => return None,
            Err(failure) => {
                let event = Event::ChangeFailed {
                    service,
                    file,
                    files,
                    failure,
                };
                (event, None)
            }
        };
        self.session.events.tell(event);
        took
    }

    async fn bring(&self, job: &Job, phases: &mut Phases) -> Result<Outcome, Failure> {
        let work = &job.work;
        if work.replacement >= Replacement::Rebuild {
            let way = self.rebuild(job, phases).await?;
            self.errands(job).await?;
            return Ok(Outcome::Done(way));
        }
        let containers = self.containers(job).await?;
        let restarts = self.restarts(work, &containers).await?;
        let mut way = None;
        if !work.copies.is_empty() || !work.deletions.is_empty() {
            let began = Instant::now();
            for container in &containers {
                self.sync(work, container).await?;
            }
            way = Some(ChangeWay::Synced);
            for hook in &work.hooks {
                for container in &containers {
                    self.run(container, hook).await?;
                }
                way = Some(ChangeWay::SyncedAndRan);
            }
            phases.sync = Some(began.elapsed());
        }
        self.errands(job).await?;
        if !restarts {
            return Ok(way.map_or(Outcome::Silent, Outcome::Done));
        }
        if let Some(output) = self.check(job, &containers, phases).await? {
            return Ok(Outcome::Refused(output));
        }
        let mut in_place = true;
        for container in &containers {
            match self.restart(job, container, phases).await? {
                None => return Ok(Outcome::Superseded),
                Some(mode) => in_place &= mode == ReplaceMode::Process,
            }
        }
        Ok(Outcome::Done(if in_place {
            ChangeWay::RestartedInPlace
        } else {
            ChangeWay::Restarted
        }))
    }

    /// The service's containers; one that is missing is made again.
    async fn containers(&self, job: &Job) -> Result<Vec<ContainerId>, Failure> {
        let (stack, service) = (&job.project.stack, &job.service);
        let mut containers = Vec::new();
        for number in 1..=service.replicas {
            let name = plan::container_name(stack, service, number);
            let looking = |error| faults::at("look at the service", error);
            let found = self.engine.container(&name).await.map_err(looking)?;
            let found = if let Some(found) = found {
                found
            } else {
                self.converge(&job.project, &service.name, Renewal::Keep)
                    .await?;
                let found = self.engine.container(&name).await.map_err(looking)?;
                found.ok_or_else(|| faults::vanished(service))?
            };
            containers.push(found.id);
        }
        Ok(containers)
    }

    /// Whether the work asks for a restart: work of the start does where a container lacks what is to be copied.
    async fn restarts(&self, work: &Work, containers: &[ContainerId]) -> Result<bool, Failure> {
        if work.replacement != Replacement::RestartWhereNew {
            return Ok(work.replacement > Replacement::Keep);
        }
        let batch = batch(work);
        for container in containers {
            let lacks = self.replacer.lacks(container, &batch).await;
            if lacks.map_err(crate::replace::ReplaceError::into_failure)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn sync(&self, work: &Work, container: &ContainerId) -> Result<(), Failure> {
        let synced = self.replacer.sync(container, &batch(work)).await;
        synced
            .map(drop)
            .map_err(crate::replace::ReplaceError::into_failure)
    }

    async fn run(&self, container: &ContainerId, hook: &Hook) -> Result<(), Failure> {
        let ran = self.replacer.exec(container, hook).await;
        ran.map(drop)
            .map_err(crate::replace::ReplaceError::into_failure)
    }

    /// What the service's check says where it fails; broken code must not end a healthy process.
    async fn check(
        &self,
        job: &Job,
        containers: &[ContainerId],
        phases: &mut Phases,
    ) -> Result<Option<Vec<String>>, Failure> {
        let (Some(_), Some(container)) = (&job.service.check, containers.first()) else {
            return Ok(None);
        };
        let files = job.in_container();
        if files.is_empty() {
            return Ok(None);
        }
        let began = Instant::now();
        let verdict = self.replacer.check(&job.service, container, &files).await;
        phases.check = Some(began.elapsed());
        match verdict.map_err(crate::replace::ReplaceError::into_failure)? {
            Verdict::Passed => Ok(None),
            Verdict::Failed { output } => Ok(Some(output)),
        }
    }

    /// Restarts one container's code and waits until it is ready; `None` where other work has come meanwhile.
    async fn restart(
        &self,
        job: &Job,
        container: &ContainerId,
        phases: &mut Phases,
    ) -> Result<Option<ReplaceMode>, Failure> {
        let service = &job.service;
        // Subscribed before, so that an end of the new process is not missed.
        let engine_events = self.pulse.subscribe();
        let (mode, stop, spawn) = if job.work.replacement == Replacement::RestartContainer {
            let began = Instant::now();
            let restarted = self
                .engine
                .restart_container(container, Some(service.grace))
                .await;
            restarted.map_err(|error| faults::at("restart the container", error))?;
            for hook in &service.post_start {
                self.run(container, hook).await?;
            }
            (ReplaceMode::Container, began.elapsed(), Duration::ZERO)
        } else {
            let restarted = self.replacer.restart(service, container).await;
            let restarted = restarted.map_err(crate::replace::ReplaceError::into_failure)?;
            // Who gives no time asks for no advice.
            if restarted.obedience == Obedience::Killed && !service.grace.is_zero() {
                self.session.events.tell(Event::Warning {
                    text: advice(service),
                });
            }
            (restarted.mode, restarted.stop, restarted.spawn)
        };
        phases.stop = Some(phases.stop.unwrap_or_default() + stop);
        // What each wait says of itself is said by the change's own line.
        let (mute, _) = Events::channel();
        let wait = Wait {
            service,
            container,
            until: Until::Ready,
            limit: None,
            engine_events,
            events: &mute,
        };
        let prober = Prober::new(Arc::clone(&self.engine), self.facts.clone());
        let waited = tokio::select! {
            waited = prober.wait_and_measure(wait) => waited?,
            () = job.superseded.notified() => return Ok(None),
        };
        let boot = spawn + waited.took.saturating_sub(waited.asking);
        phases.boot = Some(phases.boot.unwrap_or_default() + boot);
        phases.probe = Some(phases.probe.unwrap_or_default() + waited.asking);
        Ok(Some(mode))
    }

    /// Builds the image anew; a build that fails leaves all as it was.
    async fn rebuild(&self, job: &Job, phases: &mut Phases) -> Result<ChangeWay, Failure> {
        let (project, service) = (&job.project, &job.service);
        let looking = |error| faults::at("look at the image", error);
        let image = &service.image.reference;
        let before = self.engine.image(image).await.map_err(looking)?;
        let began = Instant::now();
        let mut source = service.image.clone();
        source.pull = PullPolicy::Build;
        let packages = super::super::engine::bootstrap_consent(
            None,
            &project.stack,
            &*self.engine,
            self.consent,
        )
        .await?;
        let acquirer = Acquirer::new(
            Arc::clone(&self.engine),
            &project.stack,
            project.loaded.environment.clone(),
        )
        .with_consent(packages);
        let platform = service.container.platform.as_deref();
        acquirer
            .ensure(&source, platform, &self.session.events)
            .await
            .map_err(ImageError::into_failure)?;
        phases.build = Some(began.elapsed());
        let after = self.engine.image(image).await.map_err(looking)?;
        if before == after {
            return Ok(ChangeWay::RebuiltTheSame);
        }
        let renewal = if job.work.replacement == Replacement::RebuildAndRenew {
            Renewal::Renew
        } else {
            Renewal::Keep
        };
        let began = Instant::now();
        self.converge(project, &service.name, renewal).await?;
        phases.boot = Some(began.elapsed());
        Ok(ChangeWay::Rebuilt)
    }

    /// Brings one service, and what it depends on, to what the files say.
    async fn converge(
        &self,
        project: &Project,
        service: &ServiceName,
        renewal: Renewal,
    ) -> Result<(), Failure> {
        let options = UpOptions {
            services: vec![service.to_string()],
            migrate: self.migrate,
            seed: self.migrate,
            renew: match renewal {
                Renewal::Keep => BTreeSet::new(),
                Renewal::Renew => [service.clone()].into(),
            },
            ..UpOptions::default()
        };
        self.walk(project, &options).await.map(drop)
    }

    /// Plans and carries out; gives whether there was anything to do.
    ///
    /// # Errors
    /// The first failure.
    pub async fn walk(&self, project: &Project, options: &UpOptions) -> Result<bool, Failure> {
        let stack = &project.stack;
        let _lock = up::lock(self.session, project).await?;
        let observed = self
            .engine
            .observe(&stack.project, &images_of(stack))
            .await
            .map_err(|error| faults::at("look at the project", error))?;
        let plan = plan::up(stack, &observed, options).map_err(|error| up::unknown(&error))?;
        if !plan.alters() {
            return Ok(false);
        }
        let plan = Arc::new(plan);
        self.session.events.tell(Event::Planned {
            steps: plan.summaries(),
        });
        let walked = up::walk(
            self.session,
            project,
            &self.engine,
            &plan,
            None,
            self.consent,
        )
        .await?;
        self.session.events.tell(Event::Walked);
        match walked.outcome.failures.into_iter().next() {
            Some((_, failure)) => Err(failure),
            None => Ok(walked.outcome.changed),
        }
    }

    /// Migrations and seeds that the change made due.
    async fn errands(&self, job: &Job) -> Result<(), Failure> {
        let service = &job.service;
        let events = &self.session.events;
        for errand in &job.work.errands {
            let (what, verb) = match errand {
                Errand::Migrate => ("migration", "migrate"),
                Errand::Seed | Errand::SeedStore => ("seed", "seed"),
            };
            // Without a file it was a person who asked.
            if self.migrate == Phase::Skip && !job.work.files.is_empty() {
                let file = job.named();
                let text = format!(
                    "`{file}` may make a {what} of `{}` due: `jobsprint-dev {verb}` runs it",
                    service.name
                );
                events.tell(Event::Notice { text });
                continue;
            }
            let context = DataContext {
                engine: Arc::clone(&self.engine),
                facts: self.facts.clone(),
                stack: Arc::clone(&job.project.stack),
                containers: up::containers(&job.project.stack),
                events: events.clone(),
                glance: Glance::default(),
            };
            let began = Instant::now();
            let outcome = match errand {
                Errand::Migrate => data::migrate(&context, service).await,
                Errand::Seed => data::seed_service(&context, service, Again::WhereChanged).await,
                Errand::SeedStore => {
                    data::seed_store(&context, service, &SeedOptions::default()).await
                }
            };
            if let data::DataOutcome::Ran(count) = outcome.map_err(Failure::from)? {
                let count = crate::report::words::count(count, what);
                let took = crate::report::words::duration(began.elapsed());
                let text = format!("{}: {} → ran {count} in {took}", service.name, job.named());
                events.tell(Event::Notice { text });
            }
        }
        Ok(())
    }
}

/// The files that the work copies and deletes.
fn batch(work: &Work) -> Batch {
    let copies = work.copies.iter();
    Batch {
        changed: copies
            .map(|(target, source)| (source.clone(), target.clone()))
            .collect(),
        deleted: work.deletions.iter().cloned().collect(),
    }
}

/// Whether a replaced container leaves its anonymous volumes to its successor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Keep,
    Renew,
}

impl Job {
    /// The first of the files, as the person would name it.
    fn named(&self) -> String {
        let Some(first) = self.work.files.first() else {
            return "asked for".to_owned();
        };
        let context = self.service.image.build.as_ref();
        let places = context
            .map(|build| build.context.as_path())
            .into_iter()
            .chain([self.project.root.as_path()]);
        name_in(first, places)
    }

    /// The changed files that are there, as the container knows them: copied, or mounted.
    fn in_container(&self) -> Vec<String> {
        let copied = self.work.copies.keys().cloned();
        let mounted = self.work.files.iter().filter_map(|file| {
            self.service.container.mounts.iter().find_map(|mount| {
                let crate::domain::MountSource::Bind { source, .. } = &mount.source else {
                    return None;
                };
                let below = file.strip_prefix(source).ok()?;
                file.is_file()
                    .then(|| format!("{}/{}", mount.target.trim_end_matches('/'), below.display()))
            })
        });
        let mut files: Vec<String> = copied.chain(mounted).collect();
        files.sort();
        files.dedup();
        files
    }
}

/// A file by its name below the first of these places that it lies in.
pub(super) fn name_in<'a>(file: &Path, places: impl IntoIterator<Item = &'a Path>) -> String {
    let inside = places
        .into_iter()
        .find_map(|place| file.strip_prefix(place).ok());
    inside.unwrap_or(file).display().to_string()
}

fn advice(service: &Service) -> String {
    format!(
        "`{}` does not end on SIGTERM and was killed after {}; let it handle the signal, or set \
         `x-jobsprint: {{ grace: 0s }}`",
        service.name,
        crate::report::words::duration(service.grace)
    )
}
