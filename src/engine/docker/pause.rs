//! Containers halted and let go on.

use super::client::{DockerEngine, SHORT};
use super::fault::Subject;
use crate::domain::ContainerId;
use crate::engine::EngineError;

/// How often a pause is tried: on a busy machine the kernel may not halt every process in the runtime's time.
const TRIES: usize = 3;

impl DockerEngine {
    /// Halts every process of a container, where they aren't halted already.
    pub(super) async fn pause(&self, container: &ContainerId) -> Result<(), EngineError> {
        let subject = Subject::new("pause", "container", container.as_str());
        let mut tries = 1;
        loop {
            let call = self.docker.pause_container(container.as_str());
            match self.within(SHORT, &subject, call).await {
                Err(EngineError::Refused { reason, .. })
                    if tries < TRIES && reason.contains("unable to freeze") =>
                {
                    tries += 1;
                }
                answer => return unless_already(answer, "already paused"),
            }
        }
    }

    /// Lets them go on, where they are halted.
    pub(super) async fn unpause(&self, container: &ContainerId) -> Result<(), EngineError> {
        let subject = Subject::new("unpause", "container", container.as_str());
        let call = self.docker.unpause_container(container.as_str());
        unless_already(self.within(SHORT, &subject, call).await, "is not paused")
    }
}

/// For calls that an engine refuses where the container is so already, which it says in its own words alone.
fn unless_already(answer: Result<(), EngineError>, words: &str) -> Result<(), EngineError> {
    match answer {
        Err(EngineError::Refused { reason, .. }) if reason.contains(words) => Ok(()),
        answer => answer,
    }
}
