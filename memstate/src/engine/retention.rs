//! [`Retention`]: which snapshots are kept.

use std::collections::BTreeSet;

use crate::{Position, Timestamp, calendar};

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// Which snapshots are kept, beside the newest two: those are what a restart begins with and falls back to, and are
/// never removed.
///
/// Snapshots are shortcuts. A state of the past ([`Client::at`](crate::Client::at)) costs a replay from the last snapshot before
/// it, so that spaced ones bound the cost at the price of a file for each. None of them is needed: the journal alone
/// brings every state back.
///
/// ```
/// use memstate::Retention;
///
/// // The newest three, the last one of each of the last seven days, and of each of the last twelve months.
/// let retention = Retention::newest(3).daily(7).monthly(12);
/// assert_ne!(retention, Retention::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    all: bool,
    newest: usize,
    hourly: usize,
    daily: usize,
    monthly: usize,
}

/// How many are always kept: the newest, and one to fall back to.
const NEWEST_MIN: usize = 2;

impl Default for Retention {
    /// The newest two.
    fn default() -> Self {
        Retention::newest(NEWEST_MIN)
    }
}

impl Retention {
    /// Keeps the newest `count`, and never fewer than two.
    pub const fn newest(count: usize) -> Self {
        let newest = if count < NEWEST_MIN { NEWEST_MIN } else { count };
        Retention { all: false, newest, hourly: 0, daily: 0, monthly: 0 }
    }

    /// Keeps all.
    pub const fn all() -> Self {
        Retention { all: true, ..Retention::newest(NEWEST_MIN) }
    }

    /// Keeps the last one of each of the last `count` hours that have any, too.
    ///
    /// Hours, days and months are those of UTC, and a snapshot belongs to that of its last record's time.
    pub const fn hourly(self, count: usize) -> Self {
        Retention { hourly: count, ..self }
    }

    /// Keeps the last one of each of the last `count` days that have any, too.
    pub const fn daily(self, count: usize) -> Self {
        Retention { daily: count, ..self }
    }

    /// Keeps the last one of each of the last `count` months that have any, too.
    pub const fn monthly(self, count: usize) -> Self {
        Retention { monthly: count, ..self }
    }

    /// Those of the snapshots that are kept.
    pub(crate) fn kept(&self, snapshots: &[(Position, Timestamp)]) -> BTreeSet<Position> {
        let mut newest_first = snapshots.to_vec();
        newest_first.sort_unstable_by(|a, b| b.cmp(a));
        let newest = if self.all { usize::MAX } else { self.newest };
        let mut kept: BTreeSet<_> = newest_first.iter().take(newest).map(|(position, _)| *position).collect();
        let spans: [(usize, SpanOf); 3] = [(self.hourly, hour), (self.daily, day), (self.monthly, month)];
        for (count, span_of) in spans {
            let mut seen = BTreeSet::new();
            for (position, time) in &newest_first {
                let span = span_of(*time);
                if seen.contains(&span) {
                    continue;
                }
                if seen.len() == count {
                    break;
                }
                seen.insert(span);
                kept.insert(*position);
            }
        }
        kept
    }
}

/// The number of the span that a time is in.
type SpanOf = fn(Timestamp) -> i64;

fn hour(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(MICROS_PER_HOUR)
}

fn day(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(MICROS_PER_DAY)
}

fn month(time: Timestamp) -> i64 {
    let (year, month, _) = calendar::civil_from_days(day(time));
    year * 12 + month - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshots(times: &[&str]) -> Vec<(Position, Timestamp)> {
        (1..)
            .map(|number| Position::new(number * 10))
            .zip(times.iter().map(|time| time.parse().unwrap()))
            .collect()
    }

    fn kept(retention: Retention, times: &[&str]) -> Vec<u64> {
        retention.kept(&snapshots(times)).into_iter().map(Position::get).collect()
    }

    #[test]
    fn the_newest_are_kept_and_never_fewer_than_two() {
        let times = ["2013-01-01", "2013-01-02", "2013-01-03", "2013-01-04"];
        assert_eq!(kept(Retention::default(), &times), [30, 40]);
        assert_eq!(kept(Retention::newest(0), &times), [30, 40]);
        assert_eq!(kept(Retention::newest(3), &times), [20, 30, 40]);
        assert_eq!(kept(Retention::all(), &times), [10, 20, 30, 40]);
    }

    #[test]
    fn of_each_span_the_last_is_kept() {
        let times = [
            "2012-12-30",
            "2012-12-31 23:59",
            "2013-01-01",
            "2013-01-15 08:00",
            "2013-01-15 08:59:59",
            "2013-01-15 09:00",
            "2013-02-01",
            "2013-02-01 00:10",
            "2013-02-01 00:20",
            "2013-02-01 00:30",
        ];
        assert_eq!(kept(Retention::newest(2).monthly(3), &times), [20, 60, 90, 100]);
        assert_eq!(kept(Retention::newest(2).monthly(2), &times), [60, 90, 100]);
        assert_eq!(kept(Retention::newest(2).daily(3), &times), [30, 60, 90, 100]);
        assert_eq!(kept(Retention::newest(2).hourly(3), &times), [50, 60, 90, 100]);
    }

    fn retention() -> impl Strategy<Value = Retention> {
        (0..5usize, 0..5usize, 0..5usize, 0..5usize).prop_map(|(newest, hourly, daily, monthly)| {
            Retention::newest(newest).hourly(hourly).daily(daily).monthly(monthly)
        })
    }

    /// Snapshots in the order of time, an hour or so to weeks apart.
    fn history() -> impl Strategy<Value = Vec<(Position, Timestamp)>> {
        prop::collection::vec(prop_oneof![0..2 * MICROS_PER_HOUR, 0..40 * MICROS_PER_DAY], 0..60).prop_map(
            |steps| {
                let mut time = 1_360_000_000_000_000;
                let mut snapshots = Vec::new();
                for (number, step) in (1..).zip(steps) {
                    time += step;
                    snapshots.push((Position::new(number), Timestamp::from_micros(time)));
                }
                snapshots
            },
        )
    }

    proptest! {
        #[test]
        fn the_newest_two_are_never_removed(retention in retention(), snapshots in history()) {
            let kept = retention.kept(&snapshots);
            for (position, _) in snapshots.iter().rev().take(2) {
                prop_assert!(kept.contains(position));
            }
        }

        #[test]
        fn there_are_never_more_than_asked_for(retention in retention(), snapshots in history()) {
            let most = retention.newest + retention.hourly + retention.daily + retention.monthly;
            prop_assert!(retention.kept(&snapshots).len() <= most);
        }

        #[test]
        fn who_asks_for_more_keeps_what_was_kept(
            less in retention(),
            (newest, hourly, daily, monthly) in (0..3usize, 0..3usize, 0..3usize, 0..3usize),
            snapshots in history(),
        ) {
            let more = Retention {
                all: false,
                newest: less.newest + newest,
                hourly: less.hourly + hourly,
                daily: less.daily + daily,
                monthly: less.monthly + monthly,
            };
            prop_assert!(less.kept(&snapshots).is_subset(&more.kept(&snapshots)));
            prop_assert_eq!(Retention::all().kept(&snapshots).len(), snapshots.len());
        }

        /// So it makes no difference whether old ones are removed after each new one or all at once.
        #[test]
        fn what_is_removed_would_not_be_missed_later(retention in retention(), snapshots in history()) {
            let mut there = Vec::new();
            for snapshot in &snapshots {
                there.push(*snapshot);
                let kept = retention.kept(&there);
                there.retain(|(position, _)| kept.contains(position));
            }
            let step_by_step: BTreeSet<_> = there.iter().map(|(position, _)| *position).collect();
            prop_assert_eq!(step_by_step, retention.kept(&snapshots));
        }
    }
}
