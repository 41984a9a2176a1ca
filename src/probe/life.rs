//! Signs of life of a container while it is waited for: its log lines and its CPU time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::time::sleep;

use super::log::since;
use crate::domain::{ContainerId, ObservedContainer};
use crate::engine::{Engine, LogRequest};
use crate::supervise::readiness::Sign;

/// Most services are ready before anybody would doubt that they live.
const DOUBT_AFTER: Duration = Duration::from_secs(3);
const CPU_EVERY: Duration = Duration::from_secs(5);

/// Who needs the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eagerness {
    /// The probe itself reads it.
    FromTheStart,
    /// It only shows that something goes on.
    Later,
}

/// Log lines and CPU times as they come; ends with the container's run.
pub(super) fn signs(
    engine: Arc<dyn Engine>,
    container: &ObservedContainer,
    eagerness: Eagerness,
) -> BoxStream<'static, Sign> {
    let lines = log_lines(engine.clone(), container, eagerness);
    let times = cpu_times(engine, container.id.clone());
    stream::select(lines, times).boxed()
}

fn log_lines(
    engine: Arc<dyn Engine>,
    container: &ObservedContainer,
    eagerness: Eagerness,
) -> impl Stream<Item = Sign> + use<> {
    let id = container.id.clone();
    let request = LogRequest {
        follow: true,
        since: since(container),
        ..LogRequest::default()
    };
    stream::once(async move {
        if eagerness == Eagerness::Later {
            sleep(DOUBT_AFTER).await;
        }
        engine.logs(&id, &request).await
    })
    .filter_map(|reader| async { reader.ok() })
    .flatten()
    .filter_map(|line| async { line.ok().map(|line| Sign::Logged(line.text)) })
}

fn cpu_times(engine: Arc<dyn Engine>, id: ContainerId) -> impl Stream<Item = Sign> + use<> {
    stream::unfold((engine, id), |(engine, id)| async move {
        sleep(CPU_EVERY).await;
        let usage = engine.usage(&id).await.ok()?;
        let sign = Sign::Cpu(Duration::from_nanos(usage.cpu));
        Some((sign, (engine, id)))
    })
}
