//! How large many things are, in little memory: smallest, median, 99 of 100, largest.

/// Sizes up to this are counted one by one; larger ones in groups whose ends are at most a 64th apart.
const EXACT: u64 = 128;
/// Groups for each doubling.
const STEPS: u64 = 64;

/// Counts of sizes.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Sizes {
    counts: Vec<u64>,
    count: u64,
    pub(in crate::cli) sum: u64,
    min: Option<u64>,
    max: u64,
}

impl Sizes {
    pub(in crate::cli) fn add(&mut self, size: u64) {
        let group = group_of(size);
        if self.counts.len() <= group {
            self.counts.resize(group + 1, 0);
        }
        self.counts[group] += 1;
        self.count += 1;
        self.sum += size;
        self.min = Some(self.min.map_or(size, |min| min.min(size)));
        self.max = self.max.max(size);
    }

    /// The smallest; 0 if there is none.
    pub(in crate::cli) fn min(&self) -> u64 {
        self.min.unwrap_or(0)
    }

    pub(in crate::cli) fn max(&self) -> u64 {
        self.max
    }

    /// A size that `of_100` of a hundred do not exceed, at most a 64th too large.
    pub(in crate::cli) fn percentile(&self, of_100: u64) -> u64 {
        let wanted = (self.count * of_100).div_ceil(100).max(1);
        let mut counted = 0;
        for (group, count) in self.counts.iter().enumerate() {
            counted += count;
            if counted >= wanted {
                return largest_of(group).min(self.max);
            }
        }
        self.max
    }
}

fn group_of(size: u64) -> usize {
    if size < EXACT {
        return size as usize;
    }
    let doublings = u64::from(size.ilog2() - EXACT.ilog2());
    let step = (size >> (doublings + 1)) - STEPS;
    (EXACT + doublings * STEPS + step) as usize
}

fn largest_of(group: usize) -> u64 {
    let group = group as u64;
    if group < EXACT {
        return group;
    }
    let (doublings, step) = ((group - EXACT) / STEPS, (group - EXACT) % STEPS);
    let next = u128::from(STEPS + step + 1) << (doublings + 1);
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_a_group_that_ends_at_most_a_64th_above_it() {
        for size in (0..100_000).chain([1 << 24, (1 << 40) + 7, u64::MAX]) {
            let end = largest_of(group_of(size));
            assert!(end >= size && end - size <= size / 64, "{size} is in a group up to {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_sizes() {
        let mut sizes = Sizes::default();
        assert_eq!((sizes.min(), sizes.percentile(50), sizes.max()), (0, 0, 0));
        for size in 1..=100 {
            sizes.add(size);
        }
        assert_eq!((sizes.min(), sizes.percentile(50), sizes.percentile(99), sizes.max()), (1, 50, 99, 100));
        sizes.add(1_000_000);
        assert_eq!((sizes.percentile(99), sizes.percentile(100)), (100, 1_000_000));
    }
}
