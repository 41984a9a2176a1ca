//! Networks removed, and what an engine's own bookkeeping does to that.

use std::time::Duration;

use bollard::query_parameters::InspectNetworkOptions;
use tokio::time::sleep;

use super::client::{ASK, DockerEngine, SHORT};
use super::fault::Subject;
use super::observe::absent_is_none;
use crate::domain::NetworkId;
use crate::engine::EngineError;

/// A container that somebody removes at the moment is let go of within this.
const LETS_GO: Duration = Duration::from_millis(500);

impl DockerEngine {
    /// Removes a network; one that is gone is no error.
    ///
    /// An engine that has removed many of a network's containers at once may count one of them for ever: it refuses, and
    /// shows nobody. Its next start counts anew.
    pub(super) async fn drop_network(&self, network: &NetworkId) -> Result<(), EngineError> {
        let refused = match self.ask_to_drop(network).await {
            Err(refused @ EngineError::InUse { .. }) => refused,
            answer => return answer,
        };
        let subject = Subject::new("inspect", "network", network.as_str());
        let options = None::<InspectNetworkOptions>;
        let inspect = self.docker.inspect_network(network.as_str(), options);
        let found = absent_is_none(self.within(ASK, &subject, inspect).await)?;
        let Some(found) = found else { return Ok(()) };
        if found.containers.is_some_and(|users| !users.is_empty()) {
            return Err(refused);
        }
        sleep(LETS_GO).await;
        match self.ask_to_drop(network).await {
            Err(EngineError::InUse { .. }) => Err(EngineError::Miscounted {
                name: found.name.unwrap_or_default(),
            }),
            answer => answer,
        }
    }

    async fn ask_to_drop(&self, network: &NetworkId) -> Result<(), EngineError> {
        let subject = Subject::new("remove network", "network", network.as_str());
        let call = self.docker.remove_network(network.as_str());
        absent_is_none(self.within(SHORT, &subject, call).await).map(drop)
    }
}
