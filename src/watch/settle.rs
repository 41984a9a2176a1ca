//! When a burst of changes has come to rest: at once where a save is whole, after a short quiet elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::change::{Change, Sight};

/// More files than this at once are no save by hand but a checkout, a formatter or a generator.
const CROWD: usize = 16;

/// How long changes are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After a save that is whole: long enough to see the second file of a "save all".
    pub brief: Duration,
    /// After a change that may go on.
    pub quiet: Duration,
    /// After a change of many files.
    pub crowd: Duration,
    /// From the first change on, whatever still comes.
    pub longest: Duration,
    /// The same where many files change: a checkout on a slow disk is one change all the same.
    pub longest_crowd: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            brief: Duration::from_millis(8),
            quiet: Duration::from_millis(30),
            crowd: Duration::from_millis(150),
            longest: Duration::from_secs(3),
            longest_crowd: Duration::from_secs(15),
        }
    }
}

impl Pace {
    /// The same with another limit to all waiting.
    #[must_use]
    pub fn with_longest(self, longest: Duration) -> Self {
        Self {
            longest,
            longest_crowd: longest,
            ..self
        }
    }

    /// The same with another quiet time. A shorter one shortens what follows a whole save too, and a longer one
    /// lengthens it: who asks for patience wants a formatter that runs after each save to be waited for.
    #[must_use]
    pub fn with_quiet(self, quiet: Duration) -> Self {
        let brief = if quiet > self.quiet {
            quiet
        } else {
            self.brief.min(quiet)
        };
        Self {
            brief,
            quiet,
            ..self
        }
    }
}

/// A burst that has come to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What was seen last of each file.
    pub changes: BTreeMap<PathBuf, Sight>,
    /// When the first change came.
    pub began: Instant,
}

/// Gathers changes until they rest.
#[derive(Debug, Clone)]
pub struct Settle {
    pace: Pace,
    gathering: Option<Gathering>,
}

#[derive(Debug, Clone)]
struct Gathering {
    changes: BTreeMap<PathBuf, Sight>,
    began: Instant,
    latest: Instant,
}

impl Settle {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            gathering: None,
        }
    }

    /// Takes in what was seen.
    pub fn see(&mut self, change: Change, now: Instant) {
        let gathering = self.gathering.get_or_insert_with(|| Gathering {
            changes: BTreeMap::new(),
            began: now,
            latest: now,
        });
        gathering.latest = now;
        let before = gathering.changes.get(&change.path);
        let sight = match change.sight {
            // An editor's own file that came and went within one save: nothing more is to come of it.
            Sight::Removed if before.is_some_and(|before| *before != Sight::Removed) => {
                Sight::Written
            }
            sight => sight,
        };
        gathering.changes.insert(change.path, sight);
    }

    /// When [`Self::take`] will give something; `None` while nothing was seen.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let gathering = self.gathering.as_ref()?;
        let (pause, longest) = self.patience(gathering);
        let rest = gathering.latest + pause;
        Some(rest.min(gathering.began + longest))
    }

    /// The burst, if it has come to rest by now.
    pub fn take(&mut self, now: Instant) -> Option<Batch> {
        if self.due()? > now {
            return None;
        }
        let Gathering { changes, began, .. } = self.gathering.take()?;
        Some(Batch { changes, began })
    }

    /// The pause that ends the burst, and the longest time that it may take.
    fn patience(&self, gathering: &Gathering) -> (Duration, Duration) {
        let Pace { brief, quiet, .. } = self.pace;
        if gathering.changes.len() > CROWD {
            return (self.pace.crowd.max(quiet), self.pace.longest_crowd);
        }
        let is_whole = |sight: &Sight| *sight == Sight::Written;
        let is_whole = gathering.changes.values().all(is_whole);
        (if is_whole { brief } else { quiet }, self.pace.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Burst {
        settle: Settle,
        began: Instant,
    }

    impl Burst {
        fn new() -> Self {
            Self {
                settle: Settle::new(Pace::default()),
                began: Instant::now(),
            }
        }

        fn at(&self, millis: u64) -> Instant {
            self.began + Duration::from_millis(millis)
        }

        fn see(&mut self, millis: u64, path: &str, sight: Sight) {
            let path = PathBuf::from(path);
            self.settle.see(Change { path, sight }, self.at(millis));
        }

        /// The millisecond at which the burst is taken.
        fn due(&self) -> u128 {
            let due = self.settle.due().expect("something was seen");
            (due - self.began).as_millis()
        }
    }

    #[test]
    fn nothing_is_due_while_nothing_was_seen() {
        let mut burst = Burst::new();

        assert_eq!(burst.settle.due(), None);
        assert_eq!(burst.settle.take(burst.at(1_000)), None);
    }

    #[test]
    fn a_save_that_is_whole_is_taken_almost_at_once() {
        let mut burst = Burst::new();

        burst.see(0, "a.js", Sight::Touched);
        assert_eq!(burst.due(), 30);
        burst.see(1, "a.js", Sight::Written);

        assert_eq!(burst.due(), 9);
        assert_eq!(burst.settle.take(burst.at(8)), None);
        let batch = burst.settle.take(burst.at(9)).expect("it rests");
        assert_eq!(batch.began, burst.began);
        assert_eq!(batch.changes[&PathBuf::from("a.js")], Sight::Written);
        assert_eq!(burst.settle.due(), None);
    }

    #[test]
    fn a_file_that_is_moved_away_may_come_back_as_editors_do_it() {
        let mut burst = Burst::new();

        burst.see(0, "a.js", Sight::Removed);
        burst.see(0, "a.js~", Sight::Written);
        assert_eq!(burst.due(), 30);
        burst.see(5, "a.js", Sight::Written);

        assert_eq!(burst.due(), 13);
    }

    #[test]
    fn each_change_of_a_burst_puts_its_end_off() {
        let mut burst = Burst::new();

        for millis in (0..100).step_by(20) {
            burst.see(millis, "a.js", Sight::Touched);
        }

        assert_eq!(burst.due(), 80 + 30);
    }

    #[test]
    fn a_checkout_of_many_files_is_one_batch_although_each_file_is_whole() {
        let mut burst = Burst::new();

        for file in 0..5_000 {
            burst.see(file / 10, &format!("{file}.js"), Sight::Written);
            // The pauses of a busy disk within it don't end it.
            let pause = burst.settle.take(burst.at(file / 10 + 7));
            assert_eq!(pause, None, "after file {file}");
        }

        assert_eq!(burst.due(), 499 + 150);
        let batch = burst.settle.take(burst.at(649)).expect("it rests");
        assert_eq!(batch.changes.len(), 5_000);
    }

    #[test]
    fn a_file_that_comes_and_goes_within_a_save_is_not_waited_for() {
        let mut burst = Burst::new();

        burst.see(0, "sedXYZ", Sight::Touched);
        burst.see(1, "sedXYZ", Sight::Written);
        burst.see(2, "sedXYZ", Sight::Removed);
        burst.see(2, "a.js", Sight::Written);

        assert_eq!(burst.due(), 2 + 8);
    }

    #[test]
    fn a_checkout_on_a_slow_disk_is_waited_for_longer_but_not_for_ever() {
        let mut burst = Burst::new();

        for file in 0..1_000 {
            let millis = file * 100;
            burst.see(millis, &format!("{file}.js"), Sight::Written);
            if burst.settle.take(burst.at(millis)).is_some() {
                assert_eq!(millis, 15_000);
                return;
            }
        }
        panic!("it was waited for all the time");
    }

    #[test]
    fn an_endless_writer_is_not_waited_for_for_ever() {
        let mut burst = Burst::new();

        for millis in (0..10_000).step_by(10) {
            burst.see(millis, "a.log", Sight::Touched);
            if let Some(batch) = burst.settle.take(burst.at(millis)) {
                assert_eq!(batch.began, burst.began);
                assert_eq!(millis, 3_000);
                return;
            }
        }
        panic!("it was waited for all the time");
    }

    #[test]
    fn another_quiet_time_holds_for_the_pause_after_a_whole_save_too() {
        let brief = |quiet| {
            let pace = Pace::default().with_quiet(Duration::from_millis(quiet));
            pace.brief.as_millis()
        };

        assert_eq!([2, 8, 20, 30, 200].map(brief), [2, 8, 8, 8, 200]);
    }
}
