//! The thread that applies what is durable, and answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    Shared,
    kernel::{Answer, Stuck, method_name, split_events},
    outcomes::{Replied, Reply},
    queue::Call,
    record::{Payload, Record, Recorded},
    replay::why_broken,
    watchdog::Runner,
    writer::{Committed, Unrecorded},
};
use crate::{
    Error, Model, NotJournaled, Position,
    bugs::{self, Bug},
    model::Verdict,
    state,
    sync::{self, Instant, atomic::Ordering, mpsc::Receiver, thread},
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
/// How often readers that wait for the lock are given way to after a slice.
const TURNS_FOR_READERS: usize = sync::bound(64, 2);

pub(super) struct Executor<M: Model> {
    pub(super) shared: Arc<Shared<M>>,
    pub(super) batches: Receiver<Committed>,
    pub(super) unrecorded: Arc<Unrecorded>,
    pub(super) runner: Runner,
}

/// What a slice did, to be told after the lock is free.
#[derive(Default)]
struct Slice {
    answers: Vec<(Position, u16, Answer)>,
    outcomes: Vec<Recorded>,
    events: Vec<(Position, Box<[u8]>)>,
}

impl<M: Model> Executor<M> {
    /// Applies until the writer ends.
    pub(super) fn run(self) {
        while let Ok(committed) = self.batches.recv() {
            if let Err(why) = self.step(committed) {
                // What the writer still sends is durable and will be applied when the journal is opened again.
                while let Ok(committed) = self.batches.recv() {
                    for call in committed.calls {
                        call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                    }
                }
                return;
            }
        }
    }

    /// Applies a batch; after an error the engine is broken, and nothing more may be applied.
    pub(super) fn step(&self, committed: Committed) -> Result<(), Arc<str>> {
        let applied = catch_unwind(AssertUnwindSafe(|| self.apply(committed))).unwrap_or_else(|panic| {
            // The user's code is caught where it is called, so this is a mistake of memstate's own.
            Err(format!("memstate itself panicked: {}", state::message(panic)).into())
        });
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
        let mut slice = Slice::default();
        self.runner.begins();
        while !records.is_empty() {
            let mut stuck = None;
            {
                let mut kernel = self.shared.kernel.write().unwrap_or_else(|poisoned| poisoned.into_inner());
                let began = Instant::now();
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
            }
            self.tell(&mut slice, &proof, &mut calls);
            if let Some(why) = stuck {
                for call in calls {
                    call.reply.send(Err(Error::OutcomeUnknown(Arc::clone(&why))));
                }
                return Err(why);
            }
            self.let_readers_in();
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
            call.reply.send(replied);
        }
        self.shared.queue.release(weight);
    }

    fn slice(&self) -> Duration {
        if self.readers_wait() { SLICE_WITH_READERS } else { SLICE }
    }

    fn readers_wait(&self) -> bool {
        self.shared.readers_waiting.load(Ordering::Relaxed) > 0
    }

    /// Gives readers that wait for the lock a moment to get it.
    fn let_readers_in(&self) {
        for _ in 0..TURNS_FOR_READERS {
            if !self.readers_wait() {
                return;
            }
            thread::yield_now();
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
