//! How many records there were when, in little memory, and the drawing of it.

use crate::Timestamp;

/// The most parts that time is divided into; when there are more, each two become one.
const PARTS_MAX: usize = 4096;
/// How long a part is at first, in microseconds.
const PART_MICROS: i64 = 1000;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Counts over time.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    first: Option<i64>,
    last: i64,
    part_micros: i64,
    parts: Vec<u64>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Timeline { first: None, last: 0, part_micros: PART_MICROS, parts: Vec::new() }
    }

    /// Counts one at this time, which is not before the last one.
    pub(super) fn add(&mut self, time: Timestamp) {
        let time = time.as_micros();
        let first = *self.first.get_or_insert(time);
        self.last = self.last.max(time);
        let passed = time.saturating_sub(first).max(0);
        while passed / self.part_micros >= PARTS_MAX as i64 {
            self.halve();
        }
        let part = (passed / self.part_micros) as usize;
        if self.parts.len() <= part {
            self.parts.resize(part + 1, 0);
        }
        self.parts[part] += 1;
    }

    fn halve(&mut self) {
        self.part_micros = self.part_micros.saturating_mul(2);
        self.parts = self.parts.chunks(2).map(|two| two.iter().sum()).collect();
    }

    /// The time of the first and of the last.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.map(|first| (Timestamp::from_micros(first), Timestamp::from_micros(self.last)))
    }

    /// The counts in this many parts of equal length from the first to the last, or in fewer, if time was not divided
    /// that finely.
    pub(super) fn columns(&self, wanted: usize) -> Vec<u64> {
        if self.parts.is_empty() || wanted == 0 {
            return Vec::new();
        }
        let wanted = wanted.min(self.parts.len());
        let mut columns = vec![0; wanted];
        for (at, count) in self.parts.iter().enumerate() {
            columns[at * wanted / self.parts.len()] += count;
        }
        columns
    }

    /// How long a column of [`Timeline::columns`] is, in microseconds.
    pub(super) fn column_micros(&self, columns: usize) -> i64 {
        self.part_micros.saturating_mul(self.parts.len() as i64) / columns.max(1) as i64
    }
}

/// Bars of `rows` lines, the uppermost line first. A count that is not 0 is always seen.
pub(super) fn bars(counts: &[u64], rows: usize) -> Vec<String> {
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: u64| {
        let eighths = (u128::from(count) * (rows as u128 * 8)).div_ceil(u128::from(max));
        eighths as usize
    };
    (0..rows)
        .rev()
        .map(|row| {
            counts.iter().map(|count| EIGHTHS[height(*count).saturating_sub(row * 8).min(8)]).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_time_gets_long() {
        let mut timeline = Timeline::new();
        for second in 0..100_000 {
            timeline.add(Timestamp::from_micros(second * 1_000_000));
        }
        for columns in [1, 7, 60, 200] {
            let counts = timeline.columns(columns);
            assert_eq!((counts.len(), counts.iter().sum::<u64>()), (columns, 100_000));
            let (min, max) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(max - min <= max / 5, "a steady rate looks steady: {counts:?}");
        }
        assert_eq!(timeline.span().unwrap().1.as_secs(), 99_999);
    }

    #[test]
    fn bars_stand_for_their_counts() {
        assert_eq!(bars(&[0, 1, 4, 8, 16], 2), ["   ▁█".replace('▁', " "), " ▁▄██".to_owned()]);
        assert_eq!(bars(&[1, 1_000_000], 1), ["▁█"]);
        assert_eq!(bars(&[], 1), [""]);
    }
}
