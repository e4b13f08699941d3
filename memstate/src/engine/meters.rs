//! What the engine's threads measure as they go: counts and times, to be looked at by anybody at any time.
//!
//! It is paid for by the batch and not by the command, and nothing depends on it: the atomics are those of `std` also where a model
//! of the engine has its own, because no thread learns anything from them.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;

use super::record::Recorded;
use crate::{
    Position, Timestamp,
    metrics::{Commands, Distribution, Metrics, Recovery, Snapshots},
};

/// The bounds of times, in nanoseconds: 1, 2.5 and 5 of each power of ten, from a microsecond to ten seconds.
pub(crate) const TIMES: &[u64] = &[
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// The bounds of how many commands a batch has.
const COUNTS: &[u64] =
    &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
/// The bounds of how many bytes a batch has.
const SIZES: &[u64] =
    &[64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];
/// There was no snapshot.
const NEVER: i64 = i64::MIN;

/// A number that one thread at a time adds to, and everybody looks at. So it takes no atomic addition, which costs some nanoseconds.
#[derive(Debug, Default)]
struct Tally(AtomicU64);

impl Tally {
    fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something came to how much. One thread at a time adds to it.
#[derive(Debug)]
struct Histogram {
    bounds: &'static [u64],
    /// One more than bounds: the last is for what is above them all.
    counts: Box<[Tally]>,
    sum: Tally,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        Histogram {
            bounds,
            counts: (0..=bounds.len()).map(|_| Tally::default()).collect(),
            sum: Tally::default(),
        }
    }

    fn add(&self, value: u64) {
        self.counts[place(self.bounds, value)].add(1);
        self.sum.add(value);
    }

    fn add_time(&self, took: Duration) {
        self.add(nanoseconds(took));
    }

    fn distribution(&self, unit: f64) -> Distribution {
        distribution(self.bounds, self.counts.iter().map(Tally::get), self.sum.get(), unit)
    }
}

/// In which of the buckets with these bounds, which are in them, something is.
#[inline]
pub(crate) fn place(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

pub(crate) fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// What numbers mean that were counted in whole parts of `unit`.
pub(crate) fn distribution(
    bounds: &[u64],
    counts: impl Iterator<Item = u64>,
    sum: u64,
    unit: f64,
) -> Distribution {
    // Divided, because 2,500 / 1e9 is the number that is written as 0.0000025, and 2,500 * 1e-9 is one beside it.
    let in_units = |number: u64| number as f64 / unit;
    let bounds = bounds.iter().copied().map(in_units).chain([f64::INFINITY]);
    Distribution { buckets: bounds.zip(counts).collect(), sum: in_units(sum) }
}

/// How many nanoseconds a second has.
pub(crate) const NANOSECONDS: f64 = 1e9;

/// Measures from when it is made.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    pub(crate) fn read(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What an engine has measured since it was opened.
#[derive(Debug)]
pub(crate) struct Meters {
    /// Of who writes the journal.
    written: CachePadded<Written>,
    /// Of who applies.
    applied: CachePadded<Applied>,
    rare: CachePadded<Rare>,
}

#[derive(Debug)]
struct Written {
    commands: Histogram,
    bytes: Histogram,
    append: Histogram,
    /// The position of the last record in the journal.
    position: Tally,
}

#[derive(Debug)]
struct Applied {
    outcomes: [Tally; 5],
    events: Tally,
    time: Histogram,
}

/// What any thread may add to.
#[derive(Debug)]
struct Rare {
    queries_panicked: AtomicU64,
    subscribers_behind: AtomicU64,
    snapshots_written: AtomicU64,
    snapshots_failed: AtomicU64,
    snapshot_nanoseconds: AtomicU64,
    snapshot_bytes: AtomicU64,
    snapshot_position: AtomicU64,
    /// In microseconds since 1970.
    snapshot_time: AtomicI64,
    recovery_done: AtomicU64,
    recovery_total: AtomicU64,
    recovery_nanoseconds: AtomicU64,
}

/// What a batch, or a slice of one, did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcomes([u64; 5]);

impl Outcomes {
    pub(crate) fn count(outcomes: &[Recorded]) -> Self {
        let mut counted = [0; 5];
        for outcome in outcomes {
            let kind = match outcome {
                Recorded::Accepted(_) => 0,
                Recorded::Rejected(_) => 1,
                Recorded::Panicked => 2,
                Recorded::Repeated => 3,
                // Only a recovery leaves one out.
                Recorded::Refused | Recorded::Poisoned => 4,
            };
            counted[kind] += 1;
        }
        Outcomes(counted)
    }
}

impl Meters {
    pub(crate) fn new() -> Self {
        let written = Written {
            commands: Histogram::new(COUNTS),
            bytes: Histogram::new(SIZES),
            append: Histogram::new(TIMES),
            position: Tally::default(),
        };
        let applied =
            Applied { outcomes: Default::default(), events: Tally::default(), time: Histogram::new(TIMES) };
        let rare = Rare {
            queries_panicked: 0.into(),
            subscribers_behind: 0.into(),
            snapshots_written: 0.into(),
            snapshots_failed: 0.into(),
            snapshot_nanoseconds: 0.into(),
            snapshot_bytes: 0.into(),
            snapshot_position: 0.into(),
            snapshot_time: NEVER.into(),
            recovery_done: 0.into(),
            recovery_total: 0.into(),
            recovery_nanoseconds: 0.into(),
        };
        Meters { written: written.into(), applied: applied.into(), rare: rare.into() }
    }

    /// A batch is in the journal. One without commands confirms what was before it.
    pub(crate) fn appended(&self, commands: u32, bytes: usize, took: Duration, end: Position) {
        let written = &*self.written;
        if commands > 0 {
            written.commands.add(commands.into());
        }
        written.bytes.add(bytes as u64);
        written.append.add_time(took);
        written.position.set(end.get());
    }

    /// A batch was applied.
    pub(crate) fn applied(&self, took: Duration) {
        self.applied.time.add_time(took);
    }

    /// A slice of a batch did this.
    pub(crate) fn did(&self, outcomes: Outcomes, events: usize) {
        for (tally, more) in self.applied.outcomes.iter().zip(outcomes.0).filter(|(_, more)| *more > 0) {
            tally.add(more);
        }
        if events > 0 {
            self.applied.events.add(events as u64);
        }
    }

    pub(crate) fn query_panicked(&self) {
        self.rare.queries_panicked.fetch_add(1, Ordering::Relaxed);
    }

    /// A subscriber wants events again that are not in memory any more, after it had all that there were.
    pub(crate) fn subscriber_fell_behind(&self) {
        self.rare.subscribers_behind.fetch_add(1, Ordering::Relaxed);
    }

    /// A snapshot was written.
    pub(crate) fn snapshot_written(&self, position: Position, bytes: u64, took: Duration) {
        self.rare.snapshots_written.fetch_add(1, Ordering::Relaxed);
        self.rare.snapshot_nanoseconds.fetch_add(nanoseconds(took), Ordering::Relaxed);
        self.rare.snapshot_bytes.store(bytes, Ordering::Relaxed);
        self.snapshot_is_there(position, Timestamp::of_the_clock());
    }

    /// There is a snapshot from `time`.
    pub(crate) fn snapshot_is_there(&self, position: Position, time: Timestamp) {
        self.rare.snapshot_position.store(position.get(), Ordering::Relaxed);
        self.rare.snapshot_time.store(time.as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn snapshot_failed(&self) {
        self.rare.snapshots_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The recovery has read so many of the journal's bytes.
    pub(crate) fn recovering(&self, done: u64, total: u64, took: Duration) {
        self.rare.recovery_done.store(done, Ordering::Relaxed);
        self.rare.recovery_total.store(total, Ordering::Relaxed);
        self.rare.recovery_nanoseconds.store(nanoseconds(took), Ordering::Relaxed);
    }

    /// The recovery is done, and the journal ends at `end`.
    pub(crate) fn recovered(&self, end: Position, took: Duration) {
        let total = self.rare.recovery_total.load(Ordering::Relaxed);
        self.recovering(total, total, took);
        self.written.position.set(end.get());
    }

    /// All of it, with what the engine knows besides: the state's position, and how many calls are and may be in flight.
    pub(crate) fn metrics(
        &self,
        position: Position,
        in_flight: usize,
        in_flight_max: usize,
        stopped: bool,
    ) -> Metrics {
        let rare = &*self.rare;
        let rarely = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let [accepted, rejected, panicked, repeated, refused] =
            [0, 1, 2, 3, 4].map(|kind: usize| self.applied.outcomes[kind].get());
        let snapshot_time = match rare.snapshot_time.load(Ordering::Relaxed) {
            NEVER => None,
            micros => Some(Timestamp::from_micros(micros)),
        };
        Metrics {
            position,
            // What is read later is not to be behind what was read before.
            journal_position: Position::new(self.written.position.get()).max(position),
            commands: Commands { accepted, rejected, panicked, repeated, refused },
            batch_commands: self.written.commands.distribution(1.0),
            batch_bytes: self.written.bytes.distribution(1.0),
            append_seconds: self.written.append.distribution(NANOSECONDS),
            apply_seconds: self.applied.time.distribution(NANOSECONDS),
            in_flight,
            in_flight_max,
            events: self.applied.events.get(),
            subscribers_behind: rarely(&rare.subscribers_behind),
            queries_panicked: rarely(&rare.queries_panicked),
            snapshots: Snapshots {
                written: rarely(&rare.snapshots_written),
                failed: rarely(&rare.snapshots_failed),
                seconds: rarely(&rare.snapshot_nanoseconds) as f64 / NANOSECONDS,
                last_bytes: rarely(&rare.snapshot_bytes),
                last_position: Position::new(rarely(&rare.snapshot_position)),
                last_time: snapshot_time,
            },
            recovery: Recovery {
                done_bytes: rarely(&rare.recovery_done),
                total_bytes: rarely(&rare.recovery_total),
                seconds: rarely(&rare.recovery_nanoseconds) as f64 / NANOSECONDS,
            },
            stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_own_bucket() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, u64::MAX - 100] {
            histogram.add(value);
        }
        let seen = histogram.distribution(1.0);
        assert_eq!(seen.buckets, [(1.0, 2), (10.0, 2), (f64::INFINITY, 2)]);
        assert_eq!(seen.count(), 6);
    }

    #[test]
    fn bounds_of_times_are_round_numbers_of_seconds() {
        let seen = Histogram::new(TIMES).distribution(NANOSECONDS);
        assert_eq!(seen.buckets[1].0.to_string(), "0.0000025");
        assert_eq!(seen.buckets[TIMES.len() - 1].0.to_string(), "10");
    }
}
