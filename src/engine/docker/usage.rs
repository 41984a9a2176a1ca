//! What a container takes of its machine.

use std::path::Path;

use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::stream::StreamExt;

use super::cgroup;
use super::client::{DockerEngine, SHORT};
use super::fault::Subject;
use crate::domain::ContainerId;
use crate::engine::{EngineError, Usage};

impl DockerEngine {
    /// A moment's look, without the engine's own wait for a second one.
    pub(super) async fn usage_of(&self, container: &ContainerId) -> Result<Usage, EngineError> {
        if self.facts.routable
            && let Some(usage) = cgroup::usage(Path::new(cgroup::ROOT), container.as_str())
        {
            return Ok(usage);
        }
        let subject = Subject::new("stats", "container", container.as_str());
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let mut answers = self.docker.stats(container.as_str(), Some(options));
        let call = async {
            match answers.next().await {
                Some(answer) => answer.map(Some),
                None => Ok(None),
            }
        };
        let stats = self
            .within(SHORT, &subject, call)
            .await?
            .unwrap_or_default();
        Ok(Usage {
            cpu: stats
                .cpu_stats
                .and_then(|cpu| cpu.cpu_usage)
                .and_then(|usage| usage.total_usage)
                .unwrap_or_default(),
            memory: stats
                .memory_stats
                .map(|memory| {
                    // Files that the kernel may forget at any time are no need; cgroup 2 and 1 name them so.
                    let stats = memory.stats.unwrap_or_default();
                    let names = ["inactive_file", "total_inactive_file"];
                    let files = names.iter().filter_map(|name| stats.get(*name)).max();
                    let files = files.copied().unwrap_or_default();
                    memory.usage.unwrap_or_default().saturating_sub(files)
                })
                .unwrap_or_default(),
        })
    }
}
