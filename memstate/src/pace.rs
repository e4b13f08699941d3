//! The pace of work in the background: while commands come, it rests longer than it works.
//!
//! A snapshot takes as much of a processor as a restart does. Where there are few of them, or where two of them share a core,
//! the commands would pay for all of it. Whoever works in the background asks the pace in between, wherever there is a
//! place for it: the replay between two records, the codec between two elements of a long list, who reads or writes a large file
//! between two pieces of it. On every other thread that question is answered at once.
//!
//! It only rests: what is done, and in which order, is the same at any pace.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

/// How long it works before it rests.
const WORKS: Duration = Duration::from_millis(1);
/// How many times as long it rests.
const RESTS: u32 = 3;
/// It never rests longer at once, however long it had no place to rest.
const RESTS_MAX: Duration = Duration::from_millis(20);

/// Says whether anything came since it was asked last.
type IsBusy = Box<dyn FnMut() -> bool>;

struct Pace {
    is_busy: IsBusy,
    /// Since when it has worked.
    since: Instant,
}

thread_local! {
    static PACE: RefCell<Option<Pace>> = const { RefCell::new(None) };
}

/// Does `work` on this thread, at this pace while `is_busy` says that somebody else is to go first.
pub(crate) fn paced<T>(is_busy: impl FnMut() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    /// Ends it, also when `work` panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            PACE.set(None);
        }
    }
    PACE.set(Some(Pace { is_busy: Box::new(is_busy), since: Instant::now() }));
    let _end = End;
    work()
}

/// A place to rest, if this thread keeps a pace.
#[inline]
pub(crate) fn rest() {
    if cfg!(any(memstate_loom, memstate_shuttle)) {
        // There the runner says who goes first, and no clock may have a say in it.
        return;
    }
    // When the thread ends there is nothing left to pace.
    let _ = PACE.try_with(|pace| {
        if let Some(pace) = &mut *pace.borrow_mut() {
            pace.rest();
        }
    });
}

impl Pace {
    fn rest(&mut self) {
        let worked = self.since.elapsed();
        if worked < WORKS {
            return;
        }
        if (self.is_busy)() {
            std::thread::sleep((worked * RESTS).min(RESTS_MAX));
        }
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    /// Works for this long, with a place to rest after every tenth of a millisecond, and says how often it was asked.
    fn work(long: Duration) {
        let mut worked = Duration::ZERO;
        while worked < long {
            let began = Instant::now();
            while began.elapsed() < WORKS / 10 {}
            worked += began.elapsed();
            rest();
        }
    }

    #[test]
    fn who_keeps_no_pace_never_rests_and_who_does_rests_while_others_are_busy() {
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        work(3 * WORKS);
        let began = Instant::now();
        paced(
            move || {
                count.set(count.get() + 1);
                true
            },
            || work(5 * WORKS),
        );
        // Asked again only after it has worked for long enough, and it has rested each time.
        assert!((1..=5).contains(&asked.get()), "{}", asked.get());
        assert!(began.elapsed() >= WORKS * RESTS * asked.get());
        work(3 * WORKS);
        assert!(PACE.with_borrow(Option::is_none));
    }

    #[test]
    fn a_panic_ends_it() {
        let ran = std::panic::catch_unwind(|| paced(|| true, || panic!("boom")));
        assert!(ran.is_err());
        assert!(PACE.with_borrow(Option::is_none));
    }
}
