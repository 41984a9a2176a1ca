//! One service's turn: work that comes while other work is done waits, and becomes one.

use super::work::Work;

/// What a service is at.
#[derive(Debug, Clone, Default)]
pub enum Lane {
    /// Nothing.
    #[default]
    Free,
    /// Some work.
    Busy {
        /// What has come meanwhile.
        next: Option<Box<Work>>,
    },
}

impl Lane {
    /// Takes work in, and gives back what is to begin now.
    #[must_use]
    pub fn offer(&mut self, work: Work) -> Option<Work> {
        match self {
            Self::Free => {
                *self = Self::Busy { next: None };
                Some(work)
            }
            Self::Busy { next: Some(next) } => {
                next.absorb(work);
                None
            }
            Self::Busy { next } => {
                *next = Some(Box::new(work));
                None
            }
        }
    }

    /// Takes the turn for something besides work, where nothing is being done; [`Self::finish`] ends it.
    #[must_use]
    pub fn occupy(&mut self) -> bool {
        let was_free = self.is_free();
        if was_free {
            *self = Self::Busy { next: None };
        }
        was_free
    }

    /// The work at hand is done: what is to begin now.
    #[must_use]
    pub fn finish(&mut self) -> Option<Work> {
        match self {
            Self::Busy { next: Some(_) } => {
                let Self::Busy { next } = std::mem::replace(self, Self::Busy { next: None }) else {
                    return None;
                };
                next.map(|work| *work)
            }
            Self::Busy { next: None } | Self::Free => {
                *self = Self::Free;
                None
            }
        }
    }

    /// Whether nothing is being done.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn work(file: &str) -> Work {
        let now = Instant::now();
        let mut work = Work::new(now, now);
        work.files.insert(file.into());
        work
    }

    fn files(work: Option<Work>) -> Vec<String> {
        let files = work.map(|work| work.files).unwrap_or_default();
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    }

    #[test]
    fn the_first_change_begins_at_once() {
        let mut lane = Lane::default();

        assert_eq!(files(lane.offer(work("a"))), ["a"]);
        assert_eq!(files(lane.finish()), [""; 0]);
        assert!(lane.is_free());
    }

    #[test]
    fn what_is_no_work_waits_for_nobody_and_work_waits_for_it() {
        let mut lane = Lane::default();

        assert!(lane.occupy());
        assert!(!lane.occupy());
        assert_eq!(lane.offer(work("a")), None);
        assert_eq!(files(lane.finish()), ["a"]);
        assert!(!lane.occupy());
    }

    #[test]
    fn changes_during_a_restart_cause_exactly_one_more() {
        let mut lane = Lane::default();
        drop(lane.offer(work("a")));

        for file in ["b", "c", "a"] {
            assert_eq!(lane.offer(work(file)), None);
        }

        assert_eq!(files(lane.finish()), ["a", "b", "c"]);
        assert!(!lane.is_free(), "the one more is being done");
        assert_eq!(lane.finish(), None);
        assert!(lane.is_free());
    }
}
