//! Watches over the commands that run: says in the log which one has been running for long, and ends the process if one
//! has run for longer than its limit.
//!
//! A command cannot be stopped from outside: it is a method of the user's, in the middle of changing the state, under
//! the kernel's lock. So all that can be done about one that never ends is what is done about a stack overflow: the
//! process ends, and [`attempts`](super::attempts) sees to it that the next one gets on.
//!
//! Who runs records has a [`Runner`] and stores in it what it runs: one relaxed store a record, and no look at a clock.
//! One thread for all engines of the process looks at all of them now and then, and counts how long it has seen the same.
//! It is there only while there is work: it ends when nothing has run for some seconds, and the next batch starts it again.
//!
//! It takes no lock that is held while a command runs.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::attempts::{Attempts, TRIES};
use crate::{
    Position,
    bugs::{self, Bug},
};

/// How long a command runs before the log mentions it; and again after twice as long, and so on.
const MENTIONED_AFTER: Duration = Duration::from_secs(10);
/// How often the watchdog looks, where there is no limit.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// How often it looks at the least, where there is one.
const LOOKS_EVERY_MAX: Duration = Duration::from_millis(250);
const LOOKS_EVERY_MIN: Duration = Duration::from_millis(1);
/// How many looks there are in a limit.
const LOOKS_IN_A_LIMIT: u32 = 10;
/// How long nothing may run before the watchdog ends.
const LINGERS: Duration = Duration::from_secs(5);
/// How long each of the last words may take: a loop may hold the locks of the log, and a pipe may be full.
const PATIENCE: Duration = Duration::from_secs(1);

/// The watchdog of one engine.
pub(crate) struct Watchdog {
    location: String,
    limit: Option<Duration>,
    name: fn(u16) -> &'static str,
    /// `None` where the journal ends with the process.
    attempts: Option<Arc<Attempts>>,
    watch: &'static Watch,
}

/// The thread, and those that it watches over.
struct Watch {
    watched: Mutex<Vec<Watched>>,
    /// Somebody came who wants it to look more often.
    hurry: Condvar,
    /// Counts what was begun.
    begun: AtomicU64,
    /// There is a thread.
    is_awake: AtomicBool,
    /// How long nothing may run before the thread ends.
    lingers: Duration,
}

/// That of this process.
static WATCH: Watch = Watch::new(LINGERS);

/// What runs records, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For callers.
    Serve,
    /// To open the journal: records whose outcomes are known.
    Recover,
    /// To open the journal: records of the unconfirmed tail.
    RecoverTail,
    /// For a snapshot or a state of the past. Who asked for it waits, and nobody else does.
    LookBack,
}

struct Watched {
    watchdog: Arc<Watchdog>,
    running: Arc<Running>,
    purpose: Purpose,
    /// What ran when it was looked at last, and for how long it was seen.
    seen: u64,
    ran: Duration,
    /// When the log mentions it.
    mention_at: Duration,
}

/// What a runner runs: the position and, in the last 16 bits, the number of the command; 0 for nothing. On a cache line of its
/// own, because it is written for each record.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Running(AtomicU64);

/// Who runs records, under the eyes of a watchdog.
pub(crate) struct Runner {
    watch: &'static Watch,
    running: Arc<Running>,
}

/// A command that runs for long.
struct Late {
    watchdog: Arc<Watchdog>,
    what: u64,
    purpose: Purpose,
    ran: Duration,
}

impl Watchdog {
    pub(crate) fn new(
        location: String,
        limit: Option<Duration>,
        name: fn(u16) -> &'static str,
        attempts: Option<Arc<Attempts>>,
    ) -> Arc<Self> {
        Arc::new(Watchdog { location, limit, name, attempts, watch: &WATCH })
    }

    /// Watches over a runner from now on, until it is dropped.
    pub(crate) fn over(self: &Arc<Self>, purpose: Purpose) -> Runner {
        let running = Arc::<Running>::default();
        self.watch.watched.lock().push(Watched {
            watchdog: Arc::clone(self),
            running: Arc::clone(&running),
            purpose,
            seen: 0,
            ran: Duration::ZERO,
            mention_at: MENTIONED_AFTER,
        });
        if self.limit.is_some() {
            self.watch.hurry.notify_all();
        }
        Runner { watch: self.watch, running }
    }

    fn looks_every(&self) -> Duration {
        self.limit
            .map_or(LOOKS_EVERY, |limit| (limit / LOOKS_IN_A_LIMIT).clamp(LOOKS_EVERY_MIN, LOOKS_EVERY_MAX))
    }

    fn tell(&self, late: &Late) {
        let over = self.limit.filter(|limit| late.ran >= *limit && late.purpose.ends_the_process());
        if let Some(limit) = over.filter(|_| !bugs::on(Bug::TimeLimitIgnored)) {
            self.end_the_process(late, limit);
        }
        tracing::warn!(
            location = self.location,
            command = (self.name)(late.method()),
            position = %late.position(),
            seconds = late.ran.as_secs(),
            "a command has been running for long {}",
            late.purpose.in_words()
        );
    }

    /// The loop may hold any lock of the process but the attempts', so nothing is waited for in vain.
    fn end_the_process(&self, late: &Late, limit: Duration) -> ! {
        let words = self.last_words(late, limit);
        let text = format!("\n{words}\n\n");
        within(PATIENCE, move || drop(write_to_stderr(text.as_bytes())));
        if let Some(attempts) = self.attempts.clone() {
            let position = late.position();
            within(PATIENCE, move || {
                if let Err(error) = attempts.blame(position) {
                    let _ = write_to_stderr(format!("memstate: it could not be noted: {error}\n").as_bytes());
                }
            });
        }
        within(PATIENCE, move || tracing::error!("{words}"));
        process::abort()
    }

    fn last_words(&self, late: &Late, limit: Duration) -> String {
        let name = (self.name)(late.method());
        let (position, how) = (late.position(), late.purpose.in_words());
        let next = match (&self.attempts, late.purpose) {
            (None, _) => "The journal is in memory and ends with it.".to_owned(),
            (_, Purpose::Recover) => format!(
                "Its outcome is in the journal, so it cannot be left out: when it has ended {TRIES} processes in a row \
                 that opened the journal, opening is refused with an error."
            ),
            _ => format!(
                "The next process that opens the journal tries it again. When it has ended {TRIES} of them in a row, it \
                 is left out, with the outcome `poisoned`; every other command is kept."
            ),
        };
        format!(
            "memstate: {}: the command `{name}` at position {position} has been running for {} s {how}, longer than \
             the limit of {} s. It cannot be stopped, so this process ends now, by abort(): the stack of a thread \
             \"memstate-…\" in the core dump shows where it is.\n{next}\nIf it needs the time, raise the limit: \
             `memstate::open(…).command_time_limit(…)`.",
            self.location,
            seconds(late.ran),
            seconds(limit),
        )
    }
}

impl Watch {
    const fn new(lingers: Duration) -> Self {
        Watch {
            watched: Mutex::new(Vec::new()),
            hurry: Condvar::new(),
            begun: AtomicU64::new(0),
            is_awake: AtomicBool::new(false),
            lingers,
        }
    }

    fn wake(&'static self) {
        if self.is_awake.swap(true, Ordering::SeqCst) {
            return;
        }
        let spawned = std::thread::Builder::new().name("memstate-watchdog".to_owned()).spawn(|| self.run());
        if let Err(error) = spawned {
            // The next batch tries again.
            self.is_awake.store(false, Ordering::SeqCst);
            tracing::error!(%error, "no thread to watch over the time that commands take");
        }
    }

    /// Looks until there is nothing to look at.
    fn run(&self) {
        let (mut idle, mut begun) = (Duration::ZERO, 0);
        loop {
            let (passed, late) = self.look();
            late.iter().for_each(|late| late.watchdog.tell(late));
            let begun_now = self.begun.load(Ordering::SeqCst);
            let runs = || self.watched.lock().iter().any(|watched| watched.seen != 0);
            match begun_now != begun || runs() {
                true => (idle, begun) = (Duration::ZERO, begun_now),
                false => idle += passed,
            }
            if idle >= self.lingers {
                self.is_awake.store(false, Ordering::SeqCst);
                // Who began something before that may have counted on this thread.
                if self.begun.load(Ordering::SeqCst) == begun || self.is_awake.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
        }
    }

    /// Waits a while and looks. Gives the time that has passed, and what has been running for long.
    fn look(&self) -> (Duration, Vec<Late>) {
        let mut watched = self.watched.lock();
        let every = watched.iter().map(|it| it.watchdog.looks_every()).min().unwrap_or(LOOKS_EVERY);
        let began = Instant::now();
        self.hurry.wait_for(&mut watched, every);
        // If the whole process stood still, no command has run.
        let passed = began.elapsed().min(2 * every);
        (passed, watched.iter_mut().filter_map(|watched| watched.look(passed)).collect())
    }
}

impl Purpose {
    fn ends_the_process(self) -> bool {
        self != Purpose::LookBack
    }

    fn in_words(self) -> &'static str {
        match self {
            Purpose::Serve => "for its caller",
            Purpose::Recover | Purpose::RecoverTail => "while the journal was being opened",
            Purpose::LookBack => "in a replay for a snapshot or a state of the past",
        }
    }
}

impl Watched {
    /// What ran all the time since the last look, if that is worth a word.
    fn look(&mut self, passed: Duration) -> Option<Late> {
        let what = self.running.0.load(Ordering::Relaxed);
        if what != self.seen || what == 0 {
            (self.seen, self.ran, self.mention_at) = (what, Duration::ZERO, MENTIONED_AFTER);
            return None;
        }
        self.ran += passed;
        let limit = self.watchdog.limit.filter(|_| self.purpose.ends_the_process());
        let is_due = self.ran >= self.mention_at;
        if is_due {
            self.mention_at = 2 * self.ran;
        }
        let (watchdog, purpose, ran) = (Arc::clone(&self.watchdog), self.purpose, self.ran);
        (is_due || limit.is_some_and(|limit| ran >= limit)).then_some(Late { watchdog, what, purpose, ran })
    }
}

impl Late {
    fn position(&self) -> Position {
        Position::new(self.what >> 16)
    }

    fn method(&self) -> u16 {
        (self.what & 0xffff) as u16
    }
}

impl Runner {
    /// There is work now. Once for each batch, before the first of its records.
    pub(crate) fn begins(&self) {
        self.watch.begun.fetch_add(1, Ordering::SeqCst);
        if !self.watch.is_awake.load(Ordering::SeqCst) {
            self.watch.wake();
        }
    }

    /// The record at `position` runs from now on, instead of what ran before.
    pub(crate) fn runs(&self, position: Position, method: u16) {
        // No journal has more than 2^48 records: at a million a second that takes nine years.
        self.running.0.store(position.get() << 16 | u64::from(method), Ordering::Relaxed);
    }

    /// Nothing runs from now on.
    pub(crate) fn rests(&self) {
        self.running.0.store(0, Ordering::Relaxed);
    }

    /// What it runs is for something else from now on.
    pub(crate) fn turns_to(&self, purpose: Purpose) {
        let mut watched = self.watch.watched.lock();
        let own = watched.iter_mut().find(|watched| Arc::ptr_eq(&watched.running, &self.running));
        own.expect("it is watched until it is dropped").purpose = purpose;
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.watch.watched.lock().retain(|watched| !Arc::ptr_eq(&watched.running, &self.running));
    }
}

/// Does it on a thread of its own, and goes on after `patience` whether it was done or not.
fn within(patience: Duration, work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let spawned = std::thread::Builder::new().spawn(move || {
        work();
        let _ = done.send(());
    });
    if spawned.is_ok() {
        let _ = is_done.recv_timeout(patience);
    }
}

/// Without the lock that `eprintln!` takes, which the loop may hold.
fn write_to_stderr(bytes: &[u8]) -> io::Result<()> {
    File::from(io::stderr().as_fd().try_clone_to_owned()?).write_all(bytes)
}

fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
