//! Which backups are kept: the newest of each of the last days, weeks and months.

use std::collections::BTreeSet;

use time::OffsetDateTime;

/// How many are kept of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub daily: usize,
    /// Weeks, as ISO 8601 counts them.
    pub weekly: usize,
    /// Months.
    pub monthly: usize,
}

impl Default for Retention {
    /// The architecture's own: 30 days, 12 weeks, 12 months.
    fn default() -> Self {
        Self {
            daily: 30,
            weekly: 12,
            monthly: 12,
        }
    }
}

impl Retention {
    /// The indices of those of `made` that are not kept; the newest always is.
    #[must_use]
    pub fn surplus(&self, made: &[OffsetDateTime]) -> BTreeSet<usize> {
        let mut newest_first: Vec<usize> = (0..made.len()).collect();
        newest_first.sort_by_key(|index| std::cmp::Reverse(made[*index]));
        let mut kept: BTreeSet<usize> = newest_first.first().copied().into_iter().collect();
        let mut keep = |limit: usize, period: &dyn Fn(OffsetDateTime) -> (i32, u16)| {
            let mut periods = BTreeSet::new();
            for index in &newest_first {
                if periods.len() < limit && periods.insert(period(made[*index])) {
                    kept.insert(*index);
                }
            }
        };
        keep(self.daily, &|at| (at.year(), at.ordinal()));
        keep(self.weekly, &|at| {
            let (year, week, _) = at.to_iso_week_date();
            (year, u16::from(week))
        });
        keep(self.monthly, &|at| {
            (at.year(), u16::from(u8::from(at.month())))
        });
        (0..made.len())
            .filter(|index| !kept.contains(index))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn the_newest_of_each_day_week_and_month_is_kept() {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let hourly: Vec<OffsetDateTime> = (0..24 * 400)
            .map(|hours| now - Duration::hours(hours))
            .collect();

        let kept = hourly.len() - Retention::default().surplus(&hourly).len();

        // 30 days; of 12 weeks and 12 months those that lie beyond them.
        assert!((45..=54).contains(&kept), "{kept}");
        assert!(!Retention::default().surplus(&hourly).contains(&0));
    }

    #[test]
    fn the_newest_is_kept_whatever_the_limits() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let none = Retention {
            daily: 0,
            weekly: 0,
            monthly: 0,
        };

        assert_eq!(none.surplus(&[now]), BTreeSet::new());
    }
}
