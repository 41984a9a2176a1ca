//! What a set-up begins with: a template of the stores as an earlier run left them, or nothing; and the keeping of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::set_up::{seeding, services};
use crate::app::hands::images_of;
use crate::app::project::Project;
use crate::app::session::Session;
use crate::app::up;
use crate::data::{
    Cupboard, DataContext, DataError, Glance, Inputs, Origin, Template, Wanted, fill, save_template,
};
use crate::domain::{
    CiRequest, ContainerId, Failure, ImageId, ImageRef, MountSource, Phase, Secret, ServiceName,
    Stack,
};
use crate::engine::Engine;
use crate::event::Event;
use crate::plan::{self, Action, Step};
use crate::report::words;
use crate::run::{Done, Perform};

/// The templates of this user.
pub(in crate::app) fn cupboard(session: &Session) -> Cupboard {
    Cupboard::of(session.locks().with_file_name("templates"))
}

/// What a set-up begins with.
pub(in crate::app) struct Base {
    /// The template, where there is one.
    pub template: Option<Arc<Template>>,
    /// The stack as its files say it; `None` where no template is wanted.
    original: Option<Stack>,
    names: BTreeSet<ServiceName>,
    generated: BTreeMap<String, Secret>,
}

impl Base {
    /// Nothing.
    pub fn nothing() -> Self {
        Self {
            template: None,
            original: None,
            names: BTreeSet::new(),
            generated: BTreeMap::new(),
        }
    }

    /// The best that there is for what `request` asks of the stack; `generated` are values that each stack has of its own.
    ///
    /// # Errors
    /// Where a service is asked for that isn't there.
    pub async fn find(
        session: &Session,
        engine: &dyn Engine,
        request: &CiRequest,
        original: &Stack,
        generated: BTreeMap<String, Secret>,
    ) -> Result<Self, Failure> {
        let names = plan::select(original, &services(request));
        let names = names.map_err(|error| up::unknown(&error))?;
        let mut base = Self {
            template: None,
            original: Some(original.clone()),
            names,
            generated,
        };
        // What can't be told now is found out by the set-up, which says it better.
        if let Ok(Some(inputs)) = base.inputs(engine, request).await {
            base.template = cupboard(session).find(&inputs).await.map(Arc::new);
        }
        if let Some(template) = &base.template {
            let text = match template.behind {
                0 => "the stores begin with the template of an earlier run".to_owned(),
                1 => "the stores begin with a template that lacks one migration".to_owned(),
                count => format!("the stores begin with a template that lacks {count} migrations"),
            };
            session.events.tell(Event::Notice { text });
        }
        Ok(base)
    }

    /// The volumes of `stack` that are filled take nothing from their images.
    pub fn make_room(&self, stack: &mut Stack) {
        let Some(template) = &self.template else {
            return;
        };
        for (service, target) in template.places() {
            let found = stack.services.values_mut();
            let mut found = found.filter(|found| found.name.as_str() == service);
            let mounts = found.next().map(|found| &mut found.container.mounts);
            for mount in mounts.into_iter().flatten() {
                if mount.target == target
                    && let MountSource::Named { no_copy, .. } | MountSource::Anonymous { no_copy } =
                        &mut mount.source
                {
                    *no_copy = true;
                }
            }
        }
    }

    /// Throws away a template that a set-up failed with, if it was one of exactly what is asked for.
    pub fn discard(&self, session: &Session) {
        if let Some(template) = self.template.as_ref().filter(|found| found.behind == 0) {
            cupboard(session).discard(template);
        }
    }

    /// Keeps what was set up from nothing, for the next run; a failure to do so is told and is no failure of this run.
    ///
    /// # Errors
    /// Where the stack, which stood still meanwhile, can't go on.
    pub async fn keep(
        &self,
        session: &Session,
        engine: &Arc<dyn Engine>,
        request: &CiRequest,
        project: &Project,
        boots: &BTreeMap<ServiceName, Duration>,
    ) -> Result<(), Failure> {
        if self.template.is_some() {
            return Ok(());
        }
        let began = session.events.elapsed();
        let kept = match self.inputs(&**engine, request).await {
            Ok(Some(inputs)) if !cupboard(session).has(&inputs) => {
                self.save(session, engine, project, &inputs, boots).await
            }
            Ok(_) => return Ok(()),
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => {
                let took = session.events.elapsed().saturating_sub(began);
                let text = format!(
                    "kept the stores as a template for the next run, in {}",
                    words::duration(took)
                );
                session.events.tell(Event::Notice { text });
                Ok(())
            }
            Err(error @ DataError::Engine(_)) => Err(error.into()),
            Err(error) => {
                let text = format!("no template is kept: {error}");
                session.events.tell(Event::Warning { text });
                Ok(())
            }
        }
    }

    async fn save(
        &self,
        session: &Session,
        engine: &Arc<dyn Engine>,
        project: &Project,
        inputs: &Inputs,
        boots: &BTreeMap<ServiceName, Duration>,
    ) -> Result<(), DataError> {
        let stack = &project.stack;
        let context = DataContext {
            engine: Arc::clone(engine),
            facts: engine.facts().await?,
            stack: Arc::clone(stack),
            containers: up::containers(stack),
            events: session.events.clone(),
            glance: Glance::default(),
        };
        let origin = Origin {
            values: &self.generated,
            boots,
        };
        save_template(&context, &cupboard(session), inputs, &origin).await
    }

    async fn inputs(
        &self,
        engine: &dyn Engine,
        request: &CiRequest,
    ) -> Result<Option<Inputs>, DataError> {
        let Some(stack) = &self.original else {
            return Ok(None);
        };
        let images: BTreeMap<ImageRef, ImageId> = engine
            .observe(&stack.project, &images_of(stack))
            .await?
            .images;
        Inputs::of(&Wanted {
            stack,
            names: &self.names,
            images: &images,
            generated: &self.generated,
            migrate: request.migrate,
            seed: if seeding(stack, &self.names, request).is_ok() {
                request.seed
            } else {
                Phase::Skip
            },
        })
    }
}

/// Hands that fill the volumes of each container that they make from a template.
pub(super) struct Filling {
    pub hands: Arc<dyn Perform>,
    pub engine: Arc<dyn Engine>,
    pub template: Arc<Template>,
}

#[async_trait]
impl Perform for Filling {
    async fn perform(&self, step: &Step) -> Result<Done, Failure> {
        let done = self.hands.perform(step).await?;
        if let (Action::CreateContainer(spec), Some(service)) = (&step.action, &step.service) {
            let container = ContainerId::new(&spec.name);
            let filled = fill(&*self.engine, &self.template, service, &container);
            filled.await.map_err(Failure::from)?;
        }
        Ok(done)
    }
}
