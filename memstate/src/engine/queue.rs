//! The way into the engine: calls from any thread, taken in batches by the thread that writes the journal.
//!
//! The bound is [`QUEUE_CALLS_MAX`] calls in flight, and a large call counts as several. It holds from the moment a
//! call enters until its reply is sent, so it bounds everything behind the queue as well.

use std::{sync::Arc, time::Duration};

use super::{
    record::{Record, put_record},
    replies::{Ended, Replier, Replies, Waiting, why},
};
use crate::{
    Position,
    bugs::{self, Bug},
    sync::{self, Condvar, Mutex, MutexGuard, Semaphore, oneshot},
};

/// How many calls may be in flight; one of more than [`CALL_BYTES`] counts once for each of these, and an atomic batch at least
/// once a command.
pub(crate) const QUEUE_CALLS_MAX: usize = sync::bound(65_536, 8);

/// How many bytes of arguments one of the [`QUEUE_CALLS_MAX`] has. A call takes some 650 bytes besides, so all that is in flight
/// takes less than 64 MiB, however slow the disk is.
const CALL_BYTES: usize = 256;

/// How many bytes of emptied room for records are kept for the next.
const ROOM_BYTES_KEPT: usize = 4 << 20;

/// A call that is on its way to the journal, or waits for its reply. Its record stands elsewhere.
pub(crate) struct Call {
    /// How long its record is.
    pub(crate) bytes: usize,
    /// How much of the bound it takes.
    pub(crate) weight: u32,
    pub(crate) reply: Replier,
}

/// How much of the bound a call takes that is so many commands, and has so many bytes of arguments. One of many commands takes
/// half of it at most, so that there is a time for it: who waits for room waits for half.
pub(crate) fn weight(commands: usize, arguments: &[u8]) -> u32 {
    let weight = (1 + arguments.len() / CALL_BYTES).max(commands).min(QUEUE_CALLS_MAX / 2);
    u32::try_from(weight).expect("bounded by QUEUE_CALLS_MAX")
}

/// Calls in the order in which they came, and their records one after another. Who calls writes the record here at once, so that
/// it needs no room of its own.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) records: Vec<u8>,
    pub(crate) list: Vec<Call>,
}

/// What the writer is to do next.
pub(crate) enum Work {
    /// Append these.
    Calls(Calls),
    /// Append the outcomes so far, then say how far the journal reaches.
    Confirm(Vec<oneshot::Sender<Position>>),
    /// Nothing came for a while.
    Idle,
    /// Nothing will come any more.
    Closed,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    room: Arc<Semaphore>,
    /// Why nothing is let in any more. Written while the state is locked.
    closed: Ended,
}

struct State {
    calls: Calls,
    replies: Replies,
    /// Empty, with room for the next records.
    room: Vec<u8>,
    confirmations: Vec<oneshot::Sender<Position>>,
    /// The calls that were there before the confirmations were asked for have been taken.
    confirm_next: bool,
    writer_sleeps: bool,
    broken: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let closed = Ended::default();
        let state = State {
            calls: Calls::default(),
            replies: Replies::new(Arc::clone(&closed)),
            room: Vec::new(),
            confirmations: Vec::new(),
            confirm_next: false,
            writer_sleeps: false,
            broken: false,
        };
        let room = Arc::new(Semaphore::new(QUEUE_CALLS_MAX));
        Queue { state: Mutex::new(state), arrived: Condvar::new(), room, closed }
    }

    /// What a call must acquire before it enters, and [`release`](Queue::release) gives back.
    pub(crate) fn room(&self) -> &Arc<Semaphore> {
        &self.room
    }

    /// Gives room back for calls that are done.
    pub(crate) fn release(&self, weight: usize) {
        self.room.add_permits(weight);
    }

    /// Gives the room back that records had which are no longer needed.
    pub(crate) fn recycle(&self, mut records: Vec<u8>) {
        records.clear();
        if records.capacity() <= ROOM_BYTES_KEPT {
            self.state.lock().room = records;
        }
    }

    /// How many calls are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        QUEUE_CALLS_MAX - self.room.available_permits().min(QUEUE_CALLS_MAX)
    }

    /// Adds a call that has its room, and gives where its reply will be; says why not if the queue is closed.
    pub(crate) fn push(&self, record: Record<'_>, weight: u32) -> Result<Waiting, Arc<str>> {
        let mut state = self.state.lock();
        if let Some(why) = self.closed.get() {
            return Err(Arc::clone(why));
        }
        let (reply, waiting) = state.replies.next();
        let calls = &mut state.calls;
        let before = calls.records.len();
        put_record(record, &mut calls.records);
        let bytes = calls.records.len() - before;
        calls.list.push(Call { bytes, weight, reply });
        self.wake(state);
        Ok(waiting)
    }

    /// Asks for everything so far to be confirmed in the journal.
    pub(crate) fn confirm(&self, done: oneshot::Sender<Position>) -> Result<(), Arc<str>> {
        let mut state = self.state.lock();
        if let Some(why) = self.closed.get() {
            return Err(Arc::clone(why));
        }
        state.confirmations.push(done);
        self.wake(state);
        Ok(())
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let sleeps = std::mem::take(&mut state.writer_sleeps);
        drop(state);
        if sleeps && !bugs::on(Bug::LostWakeUp) {
            self.arrived.notify_one();
        }
    }

    /// Lets nothing more in. What is in is still taken. The first reason stays.
    pub(crate) fn close(&self, why: Arc<str>) {
        let state = self.state.lock();
        // The first one stays.
        let _ = self.closed.set(why);
        self.wake(state);
        self.room.close();
    }

    /// Closes because the kernel cannot go on.
    pub(crate) fn break_off(&self, why: Arc<str>) {
        self.state.lock().broken = true;
        self.close(why);
    }

    /// Whether the kernel cannot go on.
    pub(crate) fn is_broken(&self) -> bool {
        self.state.lock().broken
    }

    /// Why nothing is let in.
    pub(crate) fn why_closed(&self) -> Arc<str> {
        why(&self.closed)
    }

    /// Takes what is there, waiting for something to come; at most `patience` if given.
    pub(crate) fn take(&self, patience: Option<Duration>) -> Work {
        let mut state = self.state.lock();
        loop {
            // A confirmation waits for the calls before it, and not for those that never stop coming.
            let confirms = !state.confirmations.is_empty();
            if !(state.calls.list.is_empty() || confirms && state.confirm_next) {
                state.confirm_next = confirms;
                let next = Calls {
                    records: std::mem::take(&mut state.room),
                    list: Vec::with_capacity(state.calls.list.len()),
                };
                return Work::Calls(std::mem::replace(&mut state.calls, next));
            }
            state.confirm_next = false;
            if confirms {
                return Work::Confirm(std::mem::take(&mut state.confirmations));
            }
            if self.closed.get().is_some() {
                return Work::Closed;
            }
            state.writer_sleeps = true;
            match patience {
                None => self.arrived.wait(&mut state),
                Some(patience) => {
                    if self.arrived.wait_for(&mut state, patience).timed_out() && state.writer_sleeps {
                        state.writer_sleeps = false;
                        return Work::Idle;
                    }
                }
            }
        }
    }

    /// Takes everything out that will not be taken any more.
    pub(crate) fn drain(&self) -> Vec<Call> {
        let mut state = self.state.lock();
        state.confirmations.clear();
        std::mem::take(&mut state.calls).list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Records;

    fn push(queue: &Queue, method: u16) {
        let record = Record { method, caller: None, request: None, arguments: b"arguments" };
        queue.push(record, 1).unwrap();
    }

    /// The methods of the calls that are taken, or nothing for a confirmation.
    fn take(queue: &Queue) -> Vec<u16> {
        match queue.take(None) {
            Work::Calls(calls) => {
                assert_eq!(calls.list.iter().map(|call| call.bytes).sum::<usize>(), calls.records.len());
                let mut records = Records::of(&calls.records);
                let methods = calls.list.iter().map(|_| records.take().unwrap().method).collect();
                assert!(records.is_empty());
                queue.recycle(calls.records);
                methods
            }
            Work::Confirm(_) => Vec::new(),
            Work::Idle | Work::Closed => panic!("there is something to do"),
        }
    }

    #[test]
    fn a_confirmation_waits_for_the_calls_before_it_and_not_for_those_after() {
        let queue = Queue::new();
        push(&queue, 1);
        queue.confirm(oneshot::channel().0).unwrap();
        push(&queue, 2);
        assert_eq!(take(&queue), [1, 2]);
        push(&queue, 3);
        assert_eq!(take(&queue), [0; 0], "the confirmation");
        queue.confirm(oneshot::channel().0).unwrap();
        assert_eq!(take(&queue), [3]);
        assert_eq!(take(&queue), [0; 0], "the confirmation");
    }
}
