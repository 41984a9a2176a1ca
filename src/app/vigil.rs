//! Who was ready and ends while others still come up: told at once, waited for again, and a failure where it stays down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use super::hands::{Hands, images_of};
use crate::domain::{
    ContainerId, ExitCause, Failure, Observed, Readiness, RestartPolicy, Service, ServiceName,
};
use crate::engine::{EngineEvent, EngineEventKind};
use crate::event::{Event, Events};
use crate::probe::{Until, Wait};
use crate::run::Pulse;
use crate::supervise::patience::Patience;
use crate::supervise::readiness::Why;

/// So long one that fell over must stand before it is believed again.
const STEADY: Duration = Duration::from_secs(1);

/// The containers that were seen ready.
pub(super) type Standing = Arc<Mutex<BTreeMap<ContainerId, Stander>>>;

/// A service that was seen ready.
#[derive(Debug, Clone)]
pub(super) struct Stander {
    service: ServiceName,
    readiness: Readiness,
}

impl Stander {
    /// This service.
    pub fn of(service: &Service) -> Self {
        Self {
            service: service.name.clone(),
            readiness: service.ready.clone(),
        }
    }

    /// Whether an end like this is a fall: what is ready by running alone may have done its work.
    fn falls_by(&self, end: ExitCause) -> bool {
        end.code != 0 || self.readiness != Readiness::Started
    }
}

/// One that was ready and ended.
#[derive(Debug, Clone)]
struct Lapse {
    service: ServiceName,
    deaths: u32,
    last: ExitCause,
}

/// A look-out for the time of a run.
pub(super) struct Vigil {
    relieve: oneshot::Sender<()>,
    watch: JoinHandle<BTreeMap<ContainerId, Lapse>>,
}

impl Vigil {
    /// Begins to look out for the ends of those that stand in `standing`.
    pub fn begin(
        heard: broadcast::Receiver<EngineEvent>,
        standing: Standing,
        events: Events,
    ) -> Self {
        let (relieve, relieved) = oneshot::channel();
        let watch = tokio::spawn(keep(heard, standing, events, relieved));
        Self { relieve, watch }
    }

    async fn end(self) -> BTreeMap<ContainerId, Lapse> {
        // Where it ended by itself, the engine's stream did too: what is known by then counts.
        self.relieve.send(()).ok();
        self.watch.await.expect("looking out doesn't panic")
    }
}

/// What a look-out hears.
enum Heard {
    Engine(Result<EngineEvent, broadcast::error::RecvError>),
    Relief,
}

async fn keep(
    mut heard: broadcast::Receiver<EngineEvent>,
    standing: Standing,
    events: Events,
    mut relieved: oneshot::Receiver<()>,
) -> BTreeMap<ContainerId, Lapse> {
    let mut lapses: BTreeMap<ContainerId, Lapse> = BTreeMap::new();
    loop {
        let input = tokio::select! {
            biased;
            event = heard.recv() => Heard::Engine(event),
            _ = &mut relieved => Heard::Relief,
        };
        let event = match input {
            Heard::Engine(Ok(event)) => event,
            // What was missed is seen by the look at the end.
            Heard::Engine(Err(broadcast::error::RecvError::Lagged(_))) => continue,
            Heard::Engine(Err(broadcast::error::RecvError::Closed)) | Heard::Relief => {
                return lapses;
            }
        };
        let EngineEventKind::Died { code } = event.kind else {
            continue;
        };
        let found = {
            let standing = standing.lock().unwrap_or_else(PoisonError::into_inner);
            standing.get(&event.container).cloned()
        };
        let last = ExitCause {
            code,
            out_of_memory: false,
        };
        let Some(Stander { service, .. }) = found.filter(|found| found.falls_by(last)) else {
            continue;
        };
        let text = format!("`{service}` was ready, and ended: {last}");
        events.tell(Event::Warning { text });
        lapses
            .entry(event.container)
            .and_modify(|lapse| {
                lapse.deaths += 1;
                lapse.last = last;
            })
            .or_insert(Lapse {
                service,
                deaths: 1,
                last,
            });
    }
}

impl Hands {
    /// Waits again for all that `vigil` saw fall, and says who stays down; where nobody fell, says what the look for it saw.
    pub async fn after(
        &self,
        vigil: Vigil,
        pulse: &Pulse,
    ) -> (Vec<(ServiceName, Failure)>, Option<Observed>) {
        let mut fallen = vigil.end().await;
        // Where the engine is gone by now, the look that follows says so.
        let images = images_of(&self.stack);
        let observed = self.engine.observe(&self.stack.project, &images).await;
        if let Ok(observed) = &observed {
            self.add_unseen(&mut fallen, observed);
        }
        if fallen.is_empty() {
            return (Vec::new(), observed.ok());
        }
        let looks = fallen.into_iter().map(|(container, lapse)| async move {
            let service = lapse.service.clone();
            let failure = self.stand_again(&container, lapse, pulse.subscribe()).await;
            failure.err().map(|failure| (service, failure))
        });
        let failures = join_all(looks).await.into_iter().flatten().collect();
        (failures, None)
    }

    /// Those that are down though nothing was heard of it yet.
    fn add_unseen(&self, fallen: &mut BTreeMap<ContainerId, Lapse>, observed: &Observed) {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        for container in observed
            .containers
            .iter()
            .filter(|found| !found.is_running())
        {
            let (Some(stander), Some(last)) = (standing.get(&container.id), container.end()) else {
                continue;
            };
            if stander.falls_by(last) {
                fallen.entry(container.id.clone()).or_insert(Lapse {
                    service: stander.service.clone(),
                    deaths: 1,
                    last,
                });
            }
        }
    }

    async fn stand_again(
        &self,
        container: &ContainerId,
        mut lapse: Lapse,
        mut heard: broadcast::Receiver<EngineEvent>,
    ) -> Result<(), Failure> {
        let Some(service) = self.stack.service(&lapse.service) else {
            return Ok(());
        };
        let most = Patience::with(service).deaths;
        loop {
            let why = if lapse.deaths >= most {
                Some(Why::CrashLoop {
                    deaths: lapse.deaths,
                    last: lapse.last,
                })
            } else if service.container.restart == RestartPolicy::No {
                Some(Why::Exited(lapse.last))
            } else {
                None
            };
            if let Some(why) = why {
                return Err(self.prober.failure(service, container, &why).await);
            }
            let wait = Wait {
                service,
                container,
                until: Until::Ready,
                limit: self
                    .limit
                    .map(|limit| limit.saturating_sub(self.events.elapsed())),
                engine_events: heard.resubscribe(),
                events: &self.events,
            };
            self.prober.wait(wait).await?;
            let Some(last) = next_end(&mut heard, container).await else {
                return Ok(());
            };
            lapse.deaths += 1;
            lapse.last = last;
        }
    }
}

/// How the container ends, if it does within the time that makes it steady.
async fn next_end(
    heard: &mut broadcast::Receiver<EngineEvent>,
    container: &ContainerId,
) -> Option<ExitCause> {
    let ending = async {
        loop {
            match heard.recv().await {
                Ok(event) if event.container == *container => {
                    if let EngineEventKind::Died { code } = event.kind {
                        return Some(ExitCause {
                            code,
                            out_of_memory: false,
                        });
                    }
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    };
    tokio::time::timeout(STEADY, ending).await.ok().flatten()
}
