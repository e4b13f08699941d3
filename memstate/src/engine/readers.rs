//! Who reads, so that whoever applies commands gives as much way as is needed, and no more.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use crossbeam_utils::CachePadded;

/// Counts are kept apart by thread, so that readers do not take a line of the cache from each other.
const COUNTS: usize = 16;

/// What is known of the readers of an engine. Nothing depends on its being exact.
#[derive(Default)]
pub(super) struct Readers {
    waiting: CachePadded<AtomicUsize>,
    counts: [CachePadded<AtomicUsize>; COUNTS],
}

impl Readers {
    /// A read begins, on the thread that has this mark.
    #[inline(always)]
    pub(super) fn reads(&self, mark: &Cell<usize>) {
        // The memory of threads is far apart, so any address in it tells them apart, mostly.
        let thread = std::ptr::from_ref(mark).addr().wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize);
        let count = &self.counts[thread >> (usize::BITS - COUNTS.ilog2())];
        // Two threads that share a count may lose one, and an addition that cannot would cost more than the rest of a read.
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// What differs as long as somebody reads.
    #[cfg_attr(any(memstate_loom, memstate_shuttle), allow(dead_code, reason = "a model has no clock"))]
    pub(super) fn seen(&self) -> usize {
        self.counts.iter().fold(0, |sum, count| sum.wrapping_add(count.load(Ordering::Relaxed)))
    }

    /// Whether somebody waits for the lock.
    #[inline]
    pub(super) fn wait(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Waits for the lock in `lock`.
    pub(super) fn waiting<R>(&self, lock: impl FnOnce() -> R) -> R {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let locked = lock();
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        locked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_seen_and_so_is_who_waits() {
        let readers = Readers::default();
        let mark = Cell::new(0);
        let before = readers.seen();
        readers.reads(&mark);
        let after = readers.seen();
        assert_ne!(before, after);
        assert_eq!(readers.seen(), after);
        assert!(!readers.wait());
        assert!(readers.waiting(|| readers.wait()));
        assert!(!readers.wait());
    }

    #[test]
    fn threads_are_told_apart_mostly() {
        let (readers, barrier) = (Readers::default(), std::sync::Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    // The next may have the same memory if this one has ended.
                    barrier.wait();
                    thread_local! { static MARK: Cell<usize> = const { Cell::new(0) } }
                    MARK.with(|mark| readers.reads(mark));
                    barrier.wait();
                });
            }
        });
        let used = readers.counts.iter().filter(|count| count.load(Ordering::Relaxed) > 0).count();
        assert!(used > 1, "{used}");
    }
}
