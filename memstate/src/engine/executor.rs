//! The thread that applies what is durable, and answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    Shared,
    kernel::{Answer, Stuck, method_name, split_events},
    meters::{self, Stopwatch},
    outcomes::{Replied, Reply},
    queue::Call,
    record::{Payload, Record, Recorded},
    replay::why_broken,
    replies::Wakers,
    watchdog::Runner,
    writer::{Committed, Unrecorded},
};
use crate::{
    Error, Model, NotJournaled, Position,
    bugs::{self, Bug},
    model::Verdict,
    state,
    sync::{
        self, Instant,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
        thread,
    },
};

/// How long the exclusive lock is held before readers are let in, where none waits. After a slice its callers are answered.
const SLICE: Duration = Duration::from_micros(200);
/// The same where one waits.
const SLICE_WITH_READERS: Duration = Duration::from_micros(40);
/// What is said of a request that is older than those that are remembered.
const LOST: &str = "it has happened before, and its reply was written by another version of the code, whose type is not that of today";
const EXPIRED: &str =
    "the request is so old that its reply is forgotten; look at the state before you send it anew";
/// How many records are applied between two looks at the clock.
const RECORDS_BETWEEN_LOOKS: usize = sync::bound(16, 1);
#[cfg(not(any(memstate_loom, memstate_shuttle)))]
/// How long nobody may read before the lock is taken again.
const NOBODY_READS: Duration = Duration::from_micros(4);
#[cfg(any(memstate_loom, memstate_shuttle))]
/// How often a model of the engine gives way to readers that wait for the lock after a slice, for it has no clock.
const TURNS_FOR_READERS: usize = 2;

/// Applies the batches that the writer hands over.
pub(super) struct Executor<M: Model> {
    pub(super) applier: Arc<Applier<M>>,
    pub(super) batches: Receiver<Committed>,
    /// How many there were.
    pub(super) applied: Arc<AtomicU64>,
}

/// Applies batches, on one thread at a time.
pub(super) struct Applier<M: Model> {
    pub(super) shared: Arc<Shared<M>>,
    pub(super) unrecorded: Arc<Unrecorded>,
    pub(super) runner: Runner,
}

/// What a slice did, to be told after the lock is free.
#[derive(Default)]
struct Slice {
    answers: Vec<(Position, u16, Answer)>,
    outcomes: Vec<Recorded>,
    events: Vec<(Position, Box<[u8]>)>,
    wakers: Wakers,
}

impl<M: Model> Executor<M> {
    /// Applies until the writer ends.
    pub(super) fn run(self) {
        while let Ok(committed) = self.batches.recv() {
            if let Err(why) = self.applier.step(committed) {
                // What the writer still sends is durable and will be applied when the journal is opened again.
                while let Ok(committed) = self.batches.recv() {
                    for call in committed.calls {
                        call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                    }
                }
                return;
            }
            // Whoever sees it may apply the next one.
            self.applied.fetch_add(1, Ordering::Release);
        }
    }
}

impl<M: Model> Applier<M> {
    /// Applies a batch; after an error the engine is broken, and nothing more may be applied.
    pub(super) fn step(&self, committed: Committed) -> Result<(), Arc<str>> {
        let stopwatch = Stopwatch::start();
        let applied = catch_unwind(AssertUnwindSafe(|| self.apply(committed))).unwrap_or_else(|panic| {
            // The user's code is caught where it is called, so this is a mistake of memstate's own.
            Err(format!("memstate itself panicked: {}", state::message(panic)).into())
        });
        let took = stopwatch.read();
        self.shared.meters.applied(took);
        tracing::trace!(position = %self.shared.position(), ?took, "a batch was applied");
        applied.inspect_err(|why| {
            let _ = self.shared.broken.set(Arc::clone(why));
            self.shared.queue.break_off(Arc::clone(why));
            self.unrecorded.give_up();
            tracing::error!(location = self.shared.source.location, why = &**why, "the engine stopped");
        })
    }

    fn apply(&self, committed: Committed) -> Result<(), Arc<str>> {
        let Committed { proof, payload, calls } = committed;
        let unreadable = |error| format!("a batch that was just written cannot be read: {error}");
        let Payload::Records { shared, outcomes, mut records } =
            Payload::parse(&payload).map_err(unreadable)?
        else {
            return Err("a batch that was just written has no records".into());
        };
        let mut calls = calls.into_iter();
        let mut until_look_ahead = 0;
        let (mut slice, mut slice_is_first) = (Slice::default(), true);
        self.runner.begins();
        while !records.is_empty() {
            let mut stuck = None;
            let held = {
                let mut kernel = self.shared.kernel.write().unwrap_or_else(|poisoned| poisoned.into_inner());
                let began = Instant::now();
                if slice_is_first && proof.first() != kernel.position().next() {
                    let (first, position) = (proof.first(), kernel.position());
                    return Err(format!(
                        "a batch that begins with {first} is to be applied after {position}"
                    )
                    .into());
                }
                slice_is_first = false;
                while !records.is_empty() {
                    if until_look_ahead == 0 {
                        until_look_ahead = kernel.look_ahead(records);
                    }
                    until_look_ahead -= 1;
                    let record = records.take().map_err(unreadable)?;
                    self.runner.runs(kernel.position().next(), record.method);
                    match kernel.apply(&record, shared) {
                        Ok(applied) => {
                            let position = kernel.position();
                            slice.outcomes.push(applied.outcome);
                            split_events(&applied.events, |event| {
                                slice.events.push((position, event.into()))
                            });
                            slice.answers.push((position, record.method, applied.answer));
                        }
                        Err(error) => {
                            stuck = Some(why_stuck::<M>(kernel.position(), &record, &error));
                            // Nobody may see this state, so it is marked before the lock is free.
                            let _ = self.shared.broken.set(stuck.clone().expect("set above"));
                            break;
                        }
                    }
                    let looks =
                        slice.answers.len().is_multiple_of(RECORDS_BETWEEN_LOOKS) || record.is_atomic_batch();
                    if looks && began.elapsed() > self.slice() {
                        break;
                    }
                }
                self.runner.rests();
                self.shared.readers.wait().then(|| began.elapsed())
            };
            self.tell(&mut slice, &proof, &mut calls);
            if let Some(why) = stuck {
                for call in calls {
                    call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                }
                return Err(why);
            }
            if let Some(held) = held {
                self.let_readers_in(held);
            }
        }
        // The outcomes through here are durable, in this very batch.
        self.shared.snapshot_if_due(Position::new(outcomes.next().get().saturating_sub(1)));
        Ok(())
    }

    /// Makes a slice known, and empties it: first to those who look at the state, then to the callers.
    fn tell(
        &self,
        slice: &mut Slice,
        proof: &super::outcomes::Durable,
        calls: &mut impl Iterator<Item = Call>,
    ) {
        let Some((last, ..)) = slice.answers.last() else { return };
        let last = *last;
        self.shared.meters.did(meters::Outcomes::count(&slice.outcomes), slice.events.len());
        self.shared.events.publish(last, slice.events.drain(..));
        self.shared.applied.send_replace(last);
        self.unrecorded.add(&mut slice.outcomes);
        if bugs::on(Bug::RepliesSwapped) && slice.answers.len() > 1 {
            let (first, rest) = slice.answers.split_at_mut(1);
            std::mem::swap(&mut first[0].2, &mut rest[0].2);
        }
        let mut weight = 0;
        for ((position, method, answer), call) in slice.answers.drain(..).zip(calls) {
            weight += call.weight as usize;
            let replied: Replied = match answer {
                Answer::Accepted(bytes) => Ok(Reply::new(proof, position, Verdict::Accepted, bytes)),
                Answer::Rejected(bytes) => Ok(Reply::new(proof, position, Verdict::Rejected, bytes)),
                Answer::Panicked(message) => Err(Error::Panicked {
                    method: method_name::<M>(method),
                    position: Some(position),
                    message,
                }),
                Answer::Lost => Err(Error::OutcomeUnknown(LOST.into())),
                Answer::Expired => Err(Error::OutcomeUnknown(EXPIRED.into())),
                Answer::Reused => Err(Error::NotJournaled(NotJournaled::RequestReused)),
            };
            // Nobody waits if the caller dropped the call.
            if let Some(waker) = call.reply.leave(replied) {
                slice.wakers.add(waker);
            }
        }
        slice.wakers.wake();
        self.shared.queue.release(weight);
    }

    fn slice(&self) -> Duration {
        if self.shared.readers.wait() { SLICE_WITH_READERS } else { SLICE }
    }

    #[cfg(any(memstate_loom, memstate_shuttle))]
    fn let_readers_in(&self, _: Duration) {
        (0..TURNS_FOR_READERS).take_while(|_| self.shared.readers.wait()).for_each(|_| thread::yield_now());
    }

    /// Leaves the lock to readers, of whom one had to wait while it was held for so long: for as long again, if they read on. Otherwise
    /// one that reads all the time would come to a read or two a slice, and wait for the rest.
    #[cfg(not(any(memstate_loom, memstate_shuttle)))]
    fn let_readers_in(&self, held: Duration) {
        let began = Instant::now();
        let (mut seen, mut read_at) = (self.shared.readers.seen(), began);
        loop {
            thread::yield_now();
            let now = Instant::now();
            if now - began >= held.min(SLICE) {
                return;
            }
            let seen_now = self.shared.readers.seen();
            if seen_now != seen || self.shared.readers.wait() {
                (seen, read_at) = (seen_now, now);
            } else if now - read_at >= NOBODY_READS {
                return;
            }
        }
    }
}

fn why_stuck<M: Model>(position: Position, record: &Record<'_>, stuck: &Stuck) -> Arc<str> {
    let name = method_name::<M>(record.method);
    match stuck {
        Stuck::Unreadable(error) => {
            format!("the arguments of `{name}` at position {position} could not be read back: {error}").into()
        }
        Stuck::Broken(broken) => format!(
            "the failed command `{name}` at position {position} could not be undone: {}",
            why_broken(*broken)
        )
        .into(),
    }
}
