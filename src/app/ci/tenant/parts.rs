//! A tenant's parts of the stores: made, kept as a template for the next one, and begun with such a one.

use std::sync::{Arc, OnceLock};

use futures_util::future::try_join_all;

use crate::app::ci::keeper;
use crate::app::faults;
use crate::app::session::Session;
use crate::data::{self, DataContext, Inputs, SharedTemplate};
use crate::domain::{Failure, FailureKind, ProjectName, Readiness, Service};
use crate::engine::Engine;
use crate::event::Event;
use crate::report::words;

/// A tenant of this run.
pub(in crate::app) struct Tenant {
    keeper: ProjectName,
    own: Vec<Service>,
    /// What a template must be made of; `None` where none is wanted.
    inputs: Option<Inputs>,
    template: OnceLock<SharedTemplate>,
}

impl Tenant {
    /// One whose `own` services are parts of the stores of `keeper`, and that nothing is made of yet.
    pub(super) const fn new(
        keeper: ProjectName,
        own: Vec<Service>,
        inputs: Option<Inputs>,
    ) -> Self {
        Self {
            keeper,
            own,
            inputs,
            template: OnceLock::new(),
        }
    }

    /// Makes its parts of the stores, from a template where there is one.
    ///
    /// # Errors
    /// Where a store refuses.
    pub async fn make(&self, session: &Session, engine: &Arc<dyn Engine>) -> Result<(), Failure> {
        let context = self.context(session, engine).await?;
        if let (Some(inputs), Some(database)) = (&self.inputs, self.database())
            && let Some(found) = data::find_template(&context, database, inputs)
                .await
                .map_err(Failure::from)?
        {
            let text = match found.behind {
                0 => "the stores begin with the template of an earlier tenant".to_owned(),
                1 => "the stores begin with a template that lacks one migration".to_owned(),
                count => format!("the stores begin with a template that lacks {count} migrations"),
            };
            session.events.tell(Event::Notice { text });
            self.template.set(found).expect("it is made once");
        }
        let template = self.template.get();
        let made = self
            .own
            .iter()
            .map(|own| data::make_part(&context, own, template));
        try_join_all(made).await.map_err(Failure::from)?;
        Ok(())
    }

    /// Whether it began with a template.
    pub fn has_template(&self) -> bool {
        self.template.get().is_some()
    }

    /// Throws a template away that a set-up failed with, if it was one of exactly what is asked for.
    pub async fn discard(&self, session: &Session, engine: &Arc<dyn Engine>) {
        let template = self.template.get().filter(|found| found.behind == 0);
        if let (Some(template), Some(database), Ok(context)) = (
            template,
            self.database(),
            self.context(session, engine).await,
        ) {
            // One that stays is found by the next failure.
            let thrown = data::discard_template(&context, database, template);
            thrown.await.ok();
        }
    }

    /// Keeps what was set up, for the next tenant; a failure to do so is told and is no failure of this run.
    pub async fn keep(&self, session: &Session, engine: &Arc<dyn Engine>) {
        let is_exact = self.template.get().is_some_and(|found| found.behind == 0);
        let Some(inputs) = self.inputs.as_ref().filter(|_| !is_exact) else {
            return;
        };
        let began = session.events.elapsed();
        let kept = match self.context(session, engine).await {
            Ok(context) => data::keep_template(&context, &self.own, inputs).await,
            Err(_) => return,
        };
        let took = session.events.elapsed().saturating_sub(began);
        match kept {
            Ok(true) => {
                let text = format!(
                    "kept the stores as a template for the next tenant, in {}",
                    words::duration(took)
                );
                session.events.tell(Event::Notice { text });
            }
            Ok(false) => {}
            Err(error) => {
                let text = format!("no template is kept: {error}");
                session.events.tell(Event::Warning { text });
            }
        }
    }

    fn database(&self) -> Option<&Service> {
        let mut own = self.own.iter();
        own.find(|own| own.ready == Readiness::Postgres)
    }

    async fn context(
        &self,
        session: &Session,
        engine: &Arc<dyn Engine>,
    ) -> Result<DataContext, Failure> {
        let facts = engine.facts().await;
        let facts = facts.map_err(|error| faults::at("look at the engine", error))?;
        keeper::context(session, engine, facts, &self.keeper).ok_or_else(|| {
            let message = format!("the shared stores `{}` are gone", self.keeper);
            Failure::new(FailureKind::NotReady, message).hint("run it again")
        })
    }
}
