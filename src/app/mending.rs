//! A store whose volume keeps another password than its settings have: found by its refusal, and told the new one.

use super::hands::Hands;
use crate::data;
use crate::domain::{ContainerId, Failure, Service, first_start_secrets};
use crate::event::Event;
use crate::probe::{Answer, Target};

impl Hands {
    /// Whether the volume of a store that runs keeps another password than the store's settings have.
    ///
    /// Its refusal of a login tells. Where no login can reach it from here, the fingerprint of its volume does.
    pub(super) async fn keeps_another(
        &self,
        service: &Service,
        name: &str,
        was_ready: bool,
    ) -> bool {
        let is_stale = self.stale.contains(&service.name);
        if first_start_secrets(service).is_empty() || (was_ready && !is_stale) {
            return false;
        }
        let Ok(Some(container)) = self.engine.container(name).await else {
            return false;
        };
        let target = Target::of(&*self.engine, &self.data.facts, service, container).await;
        if target.ways.is_empty() {
            return is_stale;
        }
        !was_ready && matches!(self.prober.once(&target).await, Answer::Impossible(_))
    }

    /// Tells a store the password of its settings.
    ///
    /// # Errors
    /// Why it can't be told (exit code 50), with the ways out.
    pub(super) async fn mend(
        &self,
        service: &Service,
        container: &ContainerId,
    ) -> Result<(), Failure> {
        data::mend(&*self.engine, service, container).await?;
        let text = format!(
            "`{}` kept an older password in its volume; it was given the one of `.env`, and kept its data",
            service.name
        );
        self.events.tell(Event::Notice { text });
        Ok(())
    }
}
