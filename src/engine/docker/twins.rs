//! Networks of one name: an engine makes a second one without a word, and then refuses every call that names them.
//!
//! They come of a run that was killed: its call goes on at the engine while the next run looks and finds none.

use std::cmp::Reverse;
use std::collections::HashMap;

use bollard::query_parameters::ListNetworksOptionsBuilder;

use super::client::{ASK, DockerEngine, SHORT};
use super::fault::Subject;
use super::observe::absent_is_none;
use crate::domain::NetworkId;
use crate::engine::EngineError;

/// Only networks with this label are removed: a person's own is left alone.
const COMPOSE_PROJECT: &str = "com.docker.compose.project";

impl DockerEngine {
    /// Every network of this very name, the youngest first; the engine's own filter takes parts of names too.
    pub(super) async fn network_twins(&self, name: &str) -> Result<Vec<NetworkId>, EngineError> {
        let subject = Subject::new("list", "network", name);
        let filter = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let call = self.docker.list_networks(Some(options));
        let mut found = self.within(ASK, &subject, call).await?;
        found.retain(|network| {
            let is_ours = network
                .labels
                .as_ref()
                .is_some_and(|labels| labels.contains_key(COMPOSE_PROJECT));
            network.name.as_deref() == Some(name) && is_ours
        });
        found.sort_by_key(|network| Reverse(network.created));
        let ids = found.into_iter().filter_map(|network| network.id);
        Ok(ids.map(NetworkId::new).collect())
    }

    /// Whether a call was refused for a network's name that stands for several, of which one is left now.
    pub(super) async fn parted_twins(&self, refusal: &EngineError) -> Result<bool, EngineError> {
        let EngineError::Refused { reason, .. } = refusal else {
            return Ok(false);
        };
        let Some(name) = ambiguous(reason) else {
            return Ok(false);
        };
        let twins = self.network_twins(name).await?;
        let mut left = twins.len();
        for network in twins {
            if left < 2 {
                break;
            }
            let subject = Subject::new("remove network", "network", network.as_str());
            let call = self.docker.remove_network(network.as_str());
            // One with containers running in it is refused: it is the one that stays.
            if absent_is_none(self.within(SHORT, &subject, call).await).is_ok() {
                left -= 1;
            }
        }
        Ok(left < 2)
    }
}

/// The network's name in `network NAME is ambiguous (2 matches found on name)`.
fn ambiguous(reason: &str) -> Option<&str> {
    let (before, _) = reason.split_once(" is ambiguous (")?;
    let (_, name) = before.rsplit_once("network ")?;
    Some(name.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_stands_for_several_is_found_in_the_refusal() {
        let told = "network shop_default is ambiguous (2 matches found on name)";
        assert_eq!(ambiguous(told), Some("shop_default"));
        assert_eq!(ambiguous("network shop_default not found"), None);
    }
}
