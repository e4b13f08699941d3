//! [`Metrics`]: what an open model has done and how long it took, in numbers.

use std::time::Duration;

use crate::{Position, Timestamp};

/// What an engine has done since it was opened, as of one moment. [`Client::metrics`](crate::Client::metrics) gives it.
///
/// Counts only grow, until the model is opened again. Each number is right by itself; those that belong together may be one
/// batch apart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// The position of the last command that was applied.
    pub position: Position,
    /// The position of the last command that is durable. What is between the two waits to be applied.
    pub journal_position: Position,
    /// Commands that were journaled, by what became of them. Those of a recovery are not counted; an atomic batch is one.
    pub commands: Commands,
    /// How many commands each batch of the journal had.
    pub batch_commands: Distribution,
    /// How many bytes each batch had, also those that only confirm what was before.
    pub batch_bytes: Distribution,
    /// How long it took to append each batch and to make it durable, in seconds.
    pub append_seconds: Distribution,
    /// How long it took to apply each batch and to answer, in seconds.
    pub apply_seconds: Distribution,
    /// How many calls are in flight; a large one counts as several, see [`ready`](crate::Client::ready).
    pub in_flight: usize,
    /// How many may be.
    pub in_flight_max: usize,
    /// Events that were announced.
    pub events: u64,
    /// How often a subscriber to events that had them all fell so far behind that they were no longer kept in memory.
    pub subscribers_behind: u64,
    /// Queries that panicked.
    pub queries_panicked: u64,
    /// Snapshots.
    pub snapshots: Snapshots,
    /// What the opening took.
    pub recovery: Recovery,
    /// Whether the engine has ended, for whatever reason.
    pub stopped: bool,
}

impl Metrics {
    /// How many batches were written, without those that only confirm what was before.
    pub fn batches(&self) -> u64 {
        self.batch_commands.count()
    }

    /// Commands whose changes were taken back: those that the model refused, and those that panicked.
    pub fn undone(&self) -> u64 {
        self.commands.rejected + self.commands.panicked
    }

    /// How many commands are durable and not applied yet.
    pub fn lag(&self) -> u64 {
        self.journal_position.get().saturating_sub(self.position.get())
    }
}

/// Commands, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Commands {
    /// They were carried out.
    pub accepted: u64,
    /// The model refused, and what they had changed was taken back.
    pub rejected: u64,
    /// They panicked, and what they had changed was taken back.
    pub panicked: u64,
    /// Their request had happened before, so they were answered as then.
    pub repeated: u64,
    /// Their request was too old to tell, or was used for something else before.
    pub refused: u64,
}

/// How often something came to how much.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Distribution {
    /// Upper bounds, which are included, each with how many were at most this and more than the bound before. The last is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// All added up.
    pub sum: f64,
}

impl Distribution {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// What they come to on average; 0 if there were none.
    pub fn mean(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum / count as f64,
        }
    }

    /// The bound that at least this share of them does not exceed, from 0 to 1: `0.99` for the 99th percentile. It is as exact as
    /// the bounds are; `None` if there were none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let wanted = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.buckets.iter().find_map(|(bound, count)| {
            seen += count;
            (seen >= wanted).then_some(*bound)
        })
    }
}

/// Snapshots.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Snapshots {
    /// How many were written.
    pub written: u64,
    /// How many could not be written.
    pub failed: u64,
    /// How long all of them took, in seconds.
    pub seconds: f64,
    /// How many bytes the last one has that was written; 0 before the first.
    pub last_bytes: u64,
    /// The position of the last one; the beginning if there is none.
    pub last_position: Position,
    /// When the last one was written. Of one that was there when the model was opened it is the time of the last command in it.
    pub last_time: Option<Timestamp>,
}

impl Snapshots {
    /// How old the last one is by this machine's clock, if there is one.
    pub fn age(&self) -> Option<Duration> {
        let micros = Timestamp::of_the_clock().as_micros().saturating_sub(self.last_time?.as_micros());
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    }
}

/// What an opening took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Recovery {
    /// Bytes of the journal that were read.
    pub done_bytes: u64,
    /// Bytes that there were to read.
    pub total_bytes: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds() {
        let seen = Distribution { buckets: vec![(1.0, 98), (2.0, 1), (f64::INFINITY, 1)], sum: 110.0 };
        assert_eq!([0.0, 0.5, 0.98, 0.99].map(|share| seen.quantile(share)), [1.0, 1.0, 1.0, 2.0].map(Some));
        assert_eq!(seen.quantile(1.0), Some(f64::INFINITY));
        assert_eq!((seen.count(), seen.mean()), (100, 1.1));
        assert_eq!((Distribution::default().quantile(0.5), Distribution::default().mean()), (None, 0.0));
    }
}
