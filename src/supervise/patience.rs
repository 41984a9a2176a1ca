//! How often a service that boots is asked, and how long it may show no sign of life.

use std::time::Duration;

use crate::domain::{Readiness, RestartPolicy, Service};

/// The limits of one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Longest time without any progress.
    pub quiet: Duration,
    /// Longest time in all, progress or not.
    pub total: Duration,
    /// How long a service that is ready by running must run.
    pub settle: Duration,
    /// How many ends of its main process make a crash loop.
    pub deaths: u32,
}

/// A service that listens after 45 s of silence is slow; one that says nothing for longer than this is stuck.
const QUIET: Duration = Duration::from_mins(1);
/// Chatter and busy loops count as progress, so something must end them.
const TOTAL: Duration = Duration::from_mins(15);
const SETTLE: Duration = Duration::from_millis(100);
const DEATHS: u32 = 3;

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// The knowing lags behind readiness by half of this at the median.
const LONGEST_PAUSE: Duration = Duration::from_millis(80);
/// Where asking itself is dear (a command in the container), the pause is as long as the asking, up to this.
const LONGEST_PAUSE_OF_DEAR_PROBES: Duration = Duration::from_secs(1);
/// The pause is this fraction of the time waited so far.
const BACKOFF: u32 = 32;

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: QUIET,
            total: TOTAL,
            settle: SETTLE,
            deaths: DEATHS,
        }
    }
}

impl Patience {
    /// The patience that a service's own settings ask for.
    #[must_use]
    pub fn with(service: &Service) -> Self {
        let mut patience = Self::default();
        if service.ready == Readiness::Healthcheck
            && let Some(check) = &service.container.healthcheck
        {
            let period = check.start_period.unwrap_or_default();
            let interval = check.interval.unwrap_or_default();
            let rounds = interval * check.retries.unwrap_or(3);
            patience.quiet = patience.quiet.max(period + rounds);
        }
        if let RestartPolicy::OnFailure {
            retries: Some(retries),
        } = service.container.restart
        {
            patience.deaths = patience.deaths.min(retries.saturating_add(1));
        }
        patience.total = patience.total.max(patience.quiet * 2);
        patience
    }

    /// The same, with a hard limit given by the person.
    #[must_use]
    pub fn at_most(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }
}

/// The pause before the next question, after `waited` in all and an answer that took `asking`.
#[must_use]
pub fn pause(waited: Duration, asking: Duration) -> Duration {
    let gentle = (waited / BACKOFF).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    gentle.max(asking.min(LONGEST_PAUSE_OF_DEAR_PROBES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_the_waiting_from_10_to_80_ms() {
        let quick = Duration::from_millis(1);

        assert_eq!(pause(Duration::ZERO, quick).as_millis(), 10);
        assert_eq!(pause(Duration::from_secs(1), quick).as_millis(), 31);
        assert_eq!(pause(Duration::from_mins(1), quick).as_millis(), 80);
    }

    #[test]
    fn a_dear_probe_rests_as_long_as_it_ran() {
        let dear = Duration::from_millis(250);

        assert_eq!(pause(Duration::ZERO, dear), dear);
        assert_eq!(
            pause(Duration::ZERO, Duration::from_secs(30)),
            Duration::from_secs(1)
        );
    }
}
