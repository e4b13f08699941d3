//! Models of the hand-off between callers, queue, journal and kernel, for loom: each is a few calls on the engine's own
//! types, run in all interleavings.
//!
//! They are built under `--cfg memstate_loom` alone, and `tests/concurrency/run` runs them. In `queue` are those of the
//! queue alone, in `engine` those of the writer, the kernel's thread, clients and readers; `stage` and `wait` are what these stand on.

mod engine;
mod queue;
mod stage;
mod wait;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::sync::time::{Expiry, course};

/// How many decisions of the scheduler an execution may have. More is an error, not the end of the search.
const BRANCHES_MAX: usize = 20_000;

/// A model.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// What it shows, as a sentence.
    pub name: &'static str,
    /// How many waits with a time limit are tried as ones that expire, the first of an execution. The others never do.
    timed_waits: usize,
    /// How they expire, beside never.
    expiries: &'static [Expiry],
    /// Whether looks at the clock show that much time has passed, tried for each.
    is_slow: &'static [bool],
    run: fn(),
}

/// What running a model took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ran {
    /// How many interleavings there were.
    pub executions: u64,
    /// In how many courses of time.
    pub courses: u64,
}

/// All models.
pub fn all() -> Vec<Trial> {
    queue::TRIALS.iter().chain(engine::TRIALS).copied().collect()
}

impl Trial {
    /// Runs it in every interleaving with at most this many preemptions.
    ///
    /// # Panics
    ///
    /// If something that has to hold does not, or the search cannot be finished.
    pub fn run(&self, preemptions: usize) -> Ran {
        let mut ran = Ran::default();
        for &is_slow in self.is_slow {
            self.explore(&mut Vec::new(), is_slow, preemptions, &mut ran);
        }
        ran
    }

    /// Runs all courses of time that begin with this row of waits.
    fn explore(&self, row: &mut Vec<Expiry>, is_slow: bool, preemptions: usize, ran: &mut Ran) {
        let waits = self.check(row, is_slow, preemptions, ran).min(self.timed_waits);
        let length = row.len();
        while row.len() < waits {
            for &expiry in self.expiries {
                row.push(expiry);
                self.explore(row, is_slow, preemptions, ran);
                row.pop();
            }
            // The row with one wait more that never expires is what was run.
            row.push(Expiry::Never);
        }
        row.truncate(length);
    }

    /// Runs one course of time; says how many waits it had at most.
    fn check(&self, row: &[Expiry], is_slow: bool, preemptions: usize, ran: &mut Ran) -> usize {
        course::set(row, is_slow);
        let executions = Arc::new(AtomicU64::new(0));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.max_branches = BRANCHES_MAX;
        // Nothing from outside may cut the search short.
        builder.max_permutations = None;
        builder.max_duration = None;
        builder.checkpoint_file = None;
        let (counted, run) = (Arc::clone(&executions), self.run);
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            course::begin();
            run();
        });
        ran.executions += executions.load(Ordering::Relaxed);
        ran.courses += 1;
        course::waits_max()
    }
}
