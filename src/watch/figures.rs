//! How long saves took until they were seen in the running process: the last ones of each service.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::ServiceName;

/// Enough for a day; older ones tell of other code.
const KEPT: usize = 200;

/// The times of the last changes.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    times: BTreeMap<ServiceName, VecDeque<Duration>>,
}

/// What the times of a service say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// How many there are.
    pub count: usize,
    /// Half of them were shorter.
    pub p50: Duration,
    /// Nineteen of twenty were shorter.
    pub p95: Duration,
}

impl Figures {
    /// Takes in how long a change took.
    pub fn add(&mut self, service: &ServiceName, took: Duration) {
        let times = self.times.entry(service.clone()).or_default();
        if times.len() == KEPT {
            times.pop_front();
        }
        times.push_back(took);
    }

    /// What there is to say of each service.
    #[must_use]
    pub fn all(&self) -> BTreeMap<ServiceName, Figure> {
        let figure = |times: &VecDeque<Duration>| {
            let mut sorted: Vec<Duration> = times.iter().copied().collect();
            sorted.sort_unstable();
            let at = |percent: usize| {
                let rank = (sorted.len() * percent).div_ceil(100).max(1);
                sorted.get(rank - 1).copied().unwrap_or_default()
            };
            Figure {
                count: sorted.len(),
                p50: at(50),
                p95: at(95),
            }
        };
        self.times
            .iter()
            .map(|(service, times)| (service.clone(), figure(times)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(millis: impl IntoIterator<Item = u64>) -> Figure {
        let service = ServiceName::new("api").expect("a valid name");
        let mut figures = Figures::default();
        for millis in millis {
            figures.add(&service, Duration::from_millis(millis));
        }
        figures.all()[&service]
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let one = figure([40]);
        let many = figure((1..=100).rev());

        assert_eq!((one.p50.as_millis(), one.p95.as_millis()), (40, 40));
        assert_eq!((many.p50.as_millis(), many.p95.as_millis()), (50, 95));
    }

    #[test]
    fn only_the_last_ones_count() {
        let figure = figure((0..50).map(|_| 9_000).chain((0..200).map(|_| 10)));

        assert_eq!(figure.count, 200);
        assert_eq!(figure.p95.as_millis(), 10);
    }
}
