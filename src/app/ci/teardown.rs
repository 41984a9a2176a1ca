//! The end of a disposable stack: killed and removed, all at once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::memory::holder;
use crate::domain::{ObservedContainer, ProjectName};
use crate::engine::{Engine, EngineError, Removal};

/// A call of a process that was killed may go on at the engine for a while: looks are this far apart.
const PAUSE: Duration = Duration::from_millis(200);
/// Looks before the last refusal is taken for the answer.
const LOOKS: u32 = 25;

/// Removes all that carries the project's label, and looks again until a look finds nothing.
///
/// # Errors
/// Where the engine fails, or still refuses after five seconds.
pub(in crate::app) async fn remove(
    engine: &dyn Engine,
    project: &ProjectName,
) -> Result<(), EngineError> {
    let mut refused = None;
    let mut miscounted = BTreeSet::new();
    for look in 0..LOOKS {
        if look > 1 {
            tokio::time::sleep(PAUSE).await;
        }
        let name = holder(project);
        let (found, holder) =
            tokio::try_join!(engine.observe(project, &[]), engine.container(&name))?;
        let is_gone = holder.is_none() && found.containers.is_empty();
        let mut networks = found.networks.iter();
        // What the engine miscounts goes after its restart.
        let are_gone = networks.all(|network| miscounted.contains(&network.id));
        if is_gone && are_gone && found.volumes.is_empty() {
            return Ok(());
        }
        // Nobody reads what these would still write, so nothing is asked to stop. A volume goes with its container, since
        // that takes the longest: while others are still being ended.
        let held = holder.iter().flat_map(|holder| holder.volumes.values());
        let named: BTreeSet<&str> = found
            .volumes
            .iter()
            .map(|found| &found.name)
            .chain(held)
            .map(String::as_str)
            .collect();
        let containers = join_all(
            found
                .containers
                .iter()
                .chain(&holder)
                .map(|container| end(engine, container, &named)),
        );
        let containers = containers.await;
        let networks = found
            .networks
            .iter()
            .map(|network| engine.remove_network(&network.id));
        let volumes = found
            .volumes
            .iter()
            .map(|volume| engine.remove_volume(&volume.name));
        let (networks, volumes) = tokio::join!(join_all(networks), join_all(volumes));
        let is_miscounted = |removed: &Result<(), EngineError>| {
            matches!(removed, Err(EngineError::Miscounted { .. }))
        };
        let pairs = found.networks.iter().zip(&networks);
        let stuck = pairs.filter(|(_, removed)| is_miscounted(removed));
        miscounted.extend(stuck.map(|(network, _)| network.id.clone()));
        let networks = networks
            .into_iter()
            .filter(|removed| !is_miscounted(removed));
        refused = containers
            .into_iter()
            .chain(networks)
            .chain(volumes)
            .find_map(Result::err);
    }
    refused.map_or(Ok(()), Err)
}

async fn end(
    engine: &dyn Engine,
    container: &ObservedContainer,
    named: &BTreeSet<&str>,
) -> Result<(), EngineError> {
    engine
        .remove_container(&container.id, Removal::WithVolumes)
        .await?;
    let own = container.volumes.values();
    let own = own.filter(|volume| named.contains(volume.as_str()));
    // One that another container still uses goes after that one.
    join_all(own.map(|volume| engine.remove_volume(volume))).await;
    Ok(())
}
