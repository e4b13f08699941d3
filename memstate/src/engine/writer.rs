//! The thread that writes the journal: it makes batches of what the queue has, appends them one at a time, and hands
//! each to the kernel once it is durable. While one batch is applied the next is synced, and a third fills.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    meters::{Meters, Stopwatch},
    outcomes::Durable,
    queue::{Call, Calls, Queue, Work},
    record::{self, Outcomes, Shared},
};
use crate::{
    Error, Position, Timestamp,
    bugs::{self, Bug},
    journal::{Journal, JournalError},
    open::{Clock, Entropy},
    state,
    sync::{
        self, Condvar, Instant, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::SyncSender,
    },
};

/// How long nothing may happen before the last batch is confirmed by an empty one after it.
const CONFIRM_AFTER: Duration = Duration::from_millis(100);
/// The most records in a batch.
const BATCH_RECORDS_MAX: usize = sync::bound(65_536, 2);
/// The most that the calls of a batch may weigh which is applied by who has written it: a command weighs one, and what is large more.
const HERE_WEIGHT_MAX: u32 = sync::bound(16, 1) as u32;
/// What takes longer than this to be applied is not for there, and what comes after it probably neither: something can be written meanwhile.
const HERE_LONG: Duration = Duration::from_micros(100);
/// How many batches are handed over then, before it is tried again.
const HERE_RESTS: u32 = 100;
/// A batch is closed when its records take this much, so that the kernel can start on it.
const BATCH_BYTES_AIM: usize = 1 << 20;

/// A batch that is durable and has to be applied.
pub(crate) struct Committed {
    pub(crate) proof: Durable,
    pub(crate) payload: Vec<u8>,
    pub(crate) calls: Vec<Call>,
}

/// The way to apply a batch on the thread that has written it. Where few calls are in flight nothing is won by doing both at once, and to
/// wake the other thread takes longer than to apply a few commands.
pub(crate) struct Here {
    apply: Box<dyn Fn(Committed) -> Result<(), Arc<str>> + Send>,
    /// How many batches were applied of those that were handed over, and how many were.
    applied: Arc<AtomicU64>,
    handed_over: u64,
    /// How many more are handed over in any case.
    rests: u32,
}

impl Here {
    pub(crate) fn new(
        apply: Box<dyn Fn(Committed) -> Result<(), Arc<str>> + Send>,
        applied: Arc<AtomicU64>,
    ) -> Self {
        Here { apply, applied, handed_over: 0, rests: 0 }
    }

    /// Whether a batch is for here: only one that comes after nothing else, for they are applied in their order.
    fn takes(&mut self, batch: &Committed) -> bool {
        if let Some(rests) = self.rests.checked_sub(1) {
            self.rests = rests;
            return false;
        }
        batch.calls.len() <= HERE_WEIGHT_MAX as usize
            && batch.calls.iter().map(|call| call.weight).sum::<u32>() <= HERE_WEIGHT_MAX
            && self.applied.load(Ordering::Acquire) == self.handed_over
    }

    fn apply(&mut self, batch: Committed) -> Result<(), Arc<str>> {
        let began = Instant::now();
        let applied = (self.apply)(batch);
        if began.elapsed() > HERE_LONG {
            self.rests = HERE_RESTS;
        }
        applied
    }
}

/// Outcomes on their way from the kernel into the journal.
#[derive(Default)]
pub(crate) struct Unrecorded {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    outcomes: Outcomes,
    /// No more will come.
    is_over: bool,
}

impl Unrecorded {
    /// Starts with the outcomes of an unconfirmed tail.
    pub(crate) fn new(outcomes: Outcomes) -> Self {
        Unrecorded { state: Mutex::new(State { outcomes, is_over: false }), changed: Condvar::new() }
    }

    /// Adds the outcomes of what was applied now.
    pub(crate) fn add(&self, list: &mut Vec<record::Recorded>) {
        self.state.lock().outcomes.list.append(list);
        self.changed.notify_all();
    }

    /// Says that no more outcomes will come: the kernel cannot go on.
    pub(crate) fn give_up(&self) {
        self.state.lock().is_over = true;
        self.changed.notify_all();
    }

    fn take(&self) -> Outcomes {
        let outcomes = &mut self.state.lock().outcomes;
        let taken = std::mem::take(outcomes);
        outcomes.first = taken.next();
        taken
    }

    /// Waits until the outcomes of everything through `last` are there, or will not come.
    fn wait_for(&self, last: Position) {
        let mut state = self.state.lock();
        while state.outcomes.next() <= last && !state.is_over {
            self.changed.wait(&mut state);
        }
    }
}

pub(crate) struct Writer {
    pub(crate) journal: Box<dyn Journal>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) unrecorded: Arc<Unrecorded>,
    pub(crate) kernel: SyncSender<Committed>,
    /// Set where small batches may be applied on this thread.
    pub(crate) here: Option<Here>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) meters: Arc<Meters>,
    pub(crate) last_time: Timestamp,
    /// Whether there is something that an empty batch would confirm.
    pub(crate) unconfirmed: bool,
}

impl Writer {
    /// Writes until the queue is closed and empty. Gives back the journal, still open.
    pub(crate) fn run(mut self) -> Result<Box<dyn Journal>, Arc<str>> {
        let result = self.work();
        self.finish(&result);
        result.map(|()| self.journal)
    }

    /// Answers what will not be taken any more.
    pub(crate) fn finish(&mut self, result: &Result<(), Arc<str>>) {
        if let Err(why) = result {
            self.queue.close(Arc::clone(why));
        }
        for entry in self.queue.drain() {
            entry.reply.send(Err(Error::Stopped(self.queue.why_closed())));
        }
    }

    fn work(&mut self) -> Result<(), Arc<str>> {
        loop {
            let patience = self.unconfirmed.then_some(CONFIRM_AFTER);
            let work = self.queue.take(patience);
            let is_last = matches!(work, Work::Closed);
            self.step(work)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Does what the queue gave.
    pub(crate) fn step(&mut self, work: Work) -> Result<(), Arc<str>> {
        match work {
            Work::Calls(calls) => self.append_all(calls),
            Work::Idle | Work::Closed => self.confirm(),
            Work::Confirm(waiting) => {
                self.confirm()?;
                for done in waiting {
                    let _ = done.send(self.journal.end());
                }
                Ok(())
            }
        }
    }

    fn append_all(&mut self, calls: Calls) -> Result<(), Arc<str>> {
        if self.queue.is_broken() {
            let why = self.queue.why_closed();
            for call in calls.list {
                call.reply.send(Err(Error::Stopped(Arc::clone(&why))));
            }
            return Err(why);
        }
        let Calls { records, list: mut calls } = calls;
        let mut rest = &records[..];
        while !calls.is_empty() {
            let mut payload = self.begin_batch();
            let (count, bytes) = first_batch(&calls, payload.len());
            let (taken, after) = rest.split_at(bytes);
            rest = after;
            payload.extend_from_slice(taken);
            let later = calls.split_off(count);
            let taken = std::mem::replace(&mut calls, later);
            if let Err(why) = self.append(payload, taken) {
                for call in calls {
                    call.reply.send(Err(Error::Stopped(Arc::clone(&why))));
                }
                return Err(why);
            }
        }
        self.queue.recycle(records);
        Ok(())
    }

    fn begin_batch(&mut self) -> Vec<u8> {
        let seed = (self.entropy)();
        self.last_time = self.last_time.max(self.now());
        let mut payload = Vec::new();
        record::begin(Shared { time: self.last_time, seed }, &self.unrecorded.take(), &mut payload);
        payload
    }

    /// What the clock says. It may be the user's code, which must not end this thread.
    fn now(&mut self) -> Timestamp {
        catch_unwind(AssertUnwindSafe(&mut self.clock)).unwrap_or_else(|panic| {
            let why = state::message(panic);
            tracing::error!(why, "the clock panicked; the time stands still");
            match self.last_time {
                Timestamp::BEFORE_ALL => Timestamp::default(),
                last_time => last_time,
            }
        })
    }

    fn append(&mut self, payload: Vec<u8>, calls: Vec<Call>) -> Result<(), Arc<str>> {
        let count = u32::try_from(calls.len()).expect("bounded by BATCH_RECORDS_MAX");
        #[cfg(memstate_bugs)]
        if bugs::on(Bug::AcknowledgeEarly) && count > 0 {
            let proof = Durable::early(self.journal.as_ref(), count);
            let _ = self.kernel.send(Committed { proof, payload: payload.clone(), calls });
            std::thread::sleep(Duration::from_micros(50));
            self.unconfirmed = true;
            return Durable::append(self.journal.as_mut(), count, &payload)
                .map(drop)
                .map_err(|error| stopped(&error));
        }
        let stopwatch = Stopwatch::start();
        match Durable::append(self.journal.as_mut(), count, &payload) {
            Ok(proof) => {
                let (took, first) = (stopwatch.read(), proof.first());
                self.meters.appended(count, payload.len(), took, self.journal.end());
                tracing::trace!(%first, commands = count, bytes = payload.len(), ?took, "a batch is durable");
                self.unconfirmed = count > 0;
                if count == 0 {
                    return Ok(());
                }
                let committed = Committed { proof, payload, calls };
                if let Some(here) = &mut self.here {
                    if here.takes(&committed) {
                        return here.apply(committed);
                    }
                    here.handed_over += 1;
                }
                // The kernel ends early only when it cannot go on; then nobody can be answered.
                if let Err(unsent) = self.kernel.send(committed) {
                    let why = self.queue.why_closed();
                    for call in unsent.0.calls {
                        call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                    }
                    return Err(why);
                }
                Ok(())
            }
            Err(error) => {
                let why = stopped(&error);
                for call in calls {
                    call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                }
                if bugs::on(Bug::DeadJournalLives) { Ok(()) } else { Err(why) }
            }
        }
    }

    /// Appends an empty batch with the outcomes of everything so far. It also proves the batch before it durable, so
    /// that damage to that one can never be taken for a torn tail.
    fn confirm(&mut self) -> Result<(), Arc<str>> {
        if !self.unconfirmed || bugs::on(Bug::ConfirmSkipped) {
            return Ok(());
        }
        self.unrecorded.wait_for(self.journal.end());
        let payload = self.begin_batch();
        self.append(payload, Vec::new())
    }
}

/// How many of the calls, at least one, go into a batch whose payload has so many bytes already, and how long their records are.
fn first_batch(calls: &[Call], begun: usize) -> (usize, usize) {
    let mut bytes = 0;
    let fits = |call: &&Call| {
        let size = begun + bytes + call.bytes;
        let fits = bytes == 0 || size <= BATCH_BYTES_AIM;
        bytes += if fits { call.bytes } else { 0 };
        fits
    };
    let count = calls.iter().take(BATCH_RECORDS_MAX).take_while(fits).count();
    (count, bytes)
}

fn stopped(error: &JournalError) -> Arc<str> {
    // Trying again in this process would prove nothing: after a failed sync the system believes that it has succeeded.
    format!(
        "the journal cannot be written: {error}. Nothing more is written now, and reads go on; when the cause is gone, open it \
         again: what was acknowledged is there"
    )
    .into()
}

#[cfg(all(test, not(any(memstate_loom, memstate_shuttle))))]
mod tests {
    use super::*;
    use crate::journal::memory::MemoryJournal;

    #[test]
    fn after_a_long_batch_as_many_are_handed_over_as_are_said_to_be() {
        let apply = |_| {
            std::thread::sleep(2 * HERE_LONG);
            Ok(())
        };
        let mut here = Here::new(Box::new(apply), Arc::default());
        let mut journal = MemoryJournal::default();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(b"").unwrap();
        let mut batch = || {
            let proof = Durable::append(&mut journal, 1, b"").unwrap();
            Committed { proof, payload: Vec::new(), calls: Vec::new() }
        };
        assert!(here.takes(&batch()));
        here.apply(batch()).unwrap();
        assert_eq!((0..1_000).position(|_| here.takes(&batch())), Some(HERE_RESTS as usize));
    }
}
