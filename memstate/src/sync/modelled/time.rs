//! Time: how long anything takes is not known, so whatever time decides may go either way.

use std::time::Duration;

/// When a wait with a time limit ends, if nothing notifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Somebody notifies it before.
    Never,
    /// At once, if no other thread is given preference.
    Soon,
    /// When another thread had its turn.
    Late,
}

/// A moment, since when nothing or much time may have passed.
pub(crate) struct Instant;

impl Instant {
    pub(crate) fn now() -> Self {
        Instant
    }

    pub(crate) fn elapsed(&self) -> Duration {
        match has_much_time_passed() {
            true => Duration::from_secs(1),
            false => Duration::ZERO,
        }
    }
}

#[cfg(memstate_shuttle)]
mod chance {
    use shuttle::rand::{Rng, thread_rng};

    use super::Expiry;

    /// As shuttle's scheduler wants it, so that a replay of its schedule has the same.
    pub(crate) fn expiry() -> Expiry {
        match thread_rng().gen_range(0..4) {
            0 => Expiry::Soon,
            1 => Expiry::Late,
            _ => Expiry::Never,
        }
    }

    pub(super) fn has_much_time_passed() -> bool {
        thread_rng().gen_range(0..2) == 0
    }
}

/// loom tries all interleavings of one course of time. So a model is run once for each course: a row that says how the
/// first waits end, and whether each look at a clock shows that much time has passed.
#[cfg(memstate_loom)]
pub(crate) mod course {
    use std::cell::{Cell, RefCell};

    use super::Expiry;

    // loom's threads all run on this one thread of the system.
    std::thread_local! {
        static EXPIRIES: RefCell<Vec<Expiry>> = const { RefCell::new(Vec::new()) };
        static WAITS: Cell<usize> = const { Cell::new(0) };
        static WAITS_MAX: Cell<usize> = const { Cell::new(0) };
        static IS_SLOW: Cell<bool> = const { Cell::new(false) };
    }

    /// Says how the waits of the executions to come end, the first by the first; those after the row never expire.
    pub(crate) fn set(expiries: &[Expiry], is_slow: bool) {
        EXPIRIES.with_borrow_mut(|row| expiries.clone_into(row));
        IS_SLOW.set(is_slow);
        WAITS_MAX.set(0);
    }

    /// An execution begins.
    pub(crate) fn begin() {
        WAITS.set(0);
    }

    /// How many waits with a time limit an execution has had at most since [`set`].
    pub(crate) fn waits_max() -> usize {
        WAITS_MAX.get()
    }

    pub(crate) fn expiry() -> Expiry {
        let wait = WAITS.replace(WAITS.get() + 1);
        WAITS_MAX.set(WAITS_MAX.get().max(wait + 1));
        EXPIRIES.with_borrow(|row| row.get(wait).copied().unwrap_or(Expiry::Never))
    }

    pub(super) fn has_much_time_passed() -> bool {
        IS_SLOW.get()
    }
}

#[cfg(memstate_shuttle)]
pub(crate) use chance::expiry;
#[cfg(memstate_shuttle)]
use chance::has_much_time_passed;
#[cfg(memstate_loom)]
pub(crate) use course::expiry;
#[cfg(memstate_loom)]
use course::has_much_time_passed;
