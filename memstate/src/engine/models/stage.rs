//! What the models of the engine stand on: a domain model of one collection, a journal that tells what was appended to it, and
//! an engine on both.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::wait::block_on;
use crate::{
    Error, Position,
    engine::{
        Engine, Pending,
        outcomes::Replied,
        record::{Payload, Record, Recorded},
        recovery,
    },
    journal::{Batch, Journal, JournalError, ReadJournal, Recovered, Visit},
    sync::Step,
};

/// Who has come, in order.
#[crate::model]
#[derive(Default)]
pub struct Line {
    arrived: crate::collections::Vec<u8>,
}

#[crate::model]
impl Line {
    /// Joins the line; the answer is how many are in it, which is the command's position too.
    pub fn come(&mut self, who: u8) -> u64 {
        self.arrived.push(who);
        self.arrived.len() as u64
    }
}

const COME: u16 = 0;

/// What was written to a journal.
#[derive(Default)]
pub(super) struct Tape {
    written: Mutex<Written>,
    step: Step,
}

#[derive(Default)]
struct Written {
    /// Who came, by position.
    records: Vec<u8>,
    /// The outcomes of the records from the first on.
    outcomes: u64,
    appends: usize,
    has_failed: bool,
    is_closed: bool,
}

impl Tape {
    /// Who has a durable record, by position.
    pub(super) fn records(&self) -> Vec<u8> {
        self.written.lock().expect("not poisoned").records.clone()
    }

    /// The same as a step of its own, which loom tries before and after each append. In a model of one call that is worth it.
    pub(super) fn look(&self) -> Vec<u8> {
        self.step.take();
        self.written.lock().expect("not poisoned").records.clone()
    }

    /// Of how many records the outcomes are durable.
    pub(super) fn outcomes(&self) -> u64 {
        self.written.lock().expect("not poisoned").outcomes
    }
}

/// The journal that writes on a tape.
struct TapeJournal {
    tape: Arc<Tape>,
    /// The number of the append that fails, from 1.
    fails_at: Option<usize>,
}

impl Journal for TapeJournal {
    fn recover(&mut self, _: &mut Visit<'_>) -> Result<Option<Recovered>, JournalError> {
        Ok(Some(Recovered { end: Position::START, clean: true, repairs: Vec::new() }))
    }

    fn start(&mut self, _: &[u8]) -> Result<(), JournalError> {
        Ok(())
    }

    fn append(&mut self, batch: Batch<'_>) -> Result<(), JournalError> {
        self.tape.step.take();
        let mut written = self.tape.written.lock().expect("not poisoned");
        assert!(!written.has_failed, "nothing is appended after an error");
        assert!(!written.is_closed, "nothing is appended to a closed journal");
        written.appends += 1;
        if self.fails_at == Some(written.appends) {
            written.has_failed = true;
            return Err(JournalError::Stopped("the tape tore".into()));
        }
        assert_eq!(batch.first.get(), written.records.len() as u64 + 1, "positions have no gaps");
        let Payload::Records { outcomes, mut records, .. } = Payload::parse(batch.payload).expect("whole")
        else {
            panic!("the writer appends records");
        };
        assert_eq!(outcomes.first.get(), written.outcomes + 1, "outcomes have no gaps");
        written.outcomes += outcomes.list.len() as u64;
        assert!(written.outcomes <= written.records.len() as u64, "what has an outcome was durable before");
        assert!(outcomes.list.iter().all(|outcome| matches!(outcome, Recorded::Accepted(_))));
        let mut count = 0;
        while !records.is_empty() {
            let record = records.take().expect("whole");
            written.records.push(record.arguments.first().copied().unwrap_or_default());
            count += 1;
        }
        assert_eq!(count, batch.count);
        Ok(())
    }

    fn end(&self) -> Position {
        Position::new(self.tape.written.lock().expect("not poisoned").records.len() as u64)
    }

    fn reader(&self) -> Arc<dyn ReadJournal> {
        Arc::new(Unread)
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.tape.step.take();
        self.tape.written.lock().expect("not poisoned").is_closed = true;
        Ok(())
    }
}

struct Unread;

impl ReadJournal for Unread {
    fn read(&self, _: Position, _: &mut Visit<'_>) -> Result<(), JournalError> {
        unreachable!("no model reads the past")
    }
}

/// An engine on a tape.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) engine: Arc<Engine<Line>>,
    pub(super) tape: Arc<Tape>,
    /// The last position that a reply told.
    told: Arc<AtomicU64>,
}

/// What became of a call that was let in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done(u64),
    /// It is certain that it did not happen.
    Refused,
    /// It has no room.
    Overloaded,
    /// It may have happened.
    Unknown,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::failing_at(None)
    }

    /// An engine whose journal fails at this append, from 1.
    pub(super) fn failing_at(fails_at: Option<usize>) -> Self {
        let tape = Arc::new(Tape::default());
        let journal = TapeJournal { tape: Arc::clone(&tape), fails_at };
        let engine = Arc::new(recovery::start_on(Box::new(journal), Line::default()));
        Stage { engine, tape, told: Arc::default() }
    }

    /// Sends a call and does not wait.
    pub(super) fn send(&self, who: u8) -> Sent<'_> {
        let floor = self.told.load(Ordering::SeqCst);
        Sent { stage: self, who, floor, pending: self.enter(&[who]) }
    }

    /// Sends a call that the kernel cannot read, which nobody can do who goes by the client.
    pub(super) fn send_unreadable(&self) -> Pending {
        self.enter(&[])
    }

    fn enter(&self, arguments: &[u8]) -> Pending {
        self.engine.enter(Record { method: COME, caller: None, request: None, arguments }, 1)
    }

    /// Sends a call and waits for what becomes of it.
    pub(super) fn call(&self, who: u8) -> End {
        self.send(who).end()
    }

    /// Closes the engine, which must succeed, and looks whether everything is as it has to be.
    pub(super) fn close(&self) {
        self.close_with_calls();
        assert_eq!(self.engine.shared.queue.in_flight(), 0, "all room was given back");
    }

    /// The same while there are calls that come too late.
    pub(super) fn close_with_calls(&self) {
        block_on(self.engine.close()).expect("nothing failed");
        let records = self.tape.records();
        let count = records.len() as u64;
        assert_eq!(self.tape.outcomes(), count, "all outcomes are in the journal when it is closed");
        assert!(self.tape.written.lock().expect("not poisoned").is_closed);
        assert_eq!(self.engine.position().get(), count);
        assert_eq!(self.state(), records, "the model is what the journal says");
        assert_eq!(self.call(99), End::Refused, "it is closed");
    }

    /// Closes an engine that had to stop.
    pub(super) fn close_stopped(&self) {
        let closed = block_on(self.engine.close());
        assert!(matches!(closed, Err(Error::Stopped(_))), "it stopped before: {closed:?}");
        assert_eq!(self.call(99), End::Refused, "it stopped");
    }

    /// Who is in the line, as a reader sees it.
    pub(super) fn state(&self) -> Vec<u8> {
        self.engine.read(|line| line.arrived.iter().copied().collect())
    }
}

/// A call that was sent.
pub(super) struct Sent<'a> {
    stage: &'a Stage,
    who: u8,
    /// The last position that was told when it was sent.
    floor: u64,
    pending: Pending,
}

impl Sent<'_> {
    /// Waits for the answer, and looks whether it may be so.
    pub(super) fn end(self) -> End {
        let Sent { stage, who, floor, pending } = self;
        match end_of(block_on(pending)) {
            End::Done(position) => {
                let records = stage.tape.records();
                let record = records.get(position as usize - 1);
                assert_eq!(
                    record,
                    Some(&who),
                    "its record is durable before its reply, at the position told"
                );
                assert!(position > floor, "{position} came after {floor} was answered");
                stage.told.fetch_max(position, Ordering::SeqCst);
                End::Done(position)
            }
            other => other,
        }
    }
}

pub(super) fn end_of(replied: Replied) -> End {
    match replied {
        Ok(reply) => {
            let told = reply.position().get();
            assert_eq!(reply.bytes(), [told as u8], "the reply is the one of the command at its position");
            End::Done(told)
        }
        Err(Error::Stopped(_)) => End::Refused,
        Err(Error::NotJournaled(crate::NotJournaled::Overloaded { waiting, limit })) => {
            assert!(waiting <= limit, "no more are in flight than may be");
            End::Overloaded
        }
        Err(Error::OutcomeUnknown(why)) => {
            assert_ne!(&*why, "it ended unexpectedly", "somebody has the call and answers it");
            End::Unknown
        }
        Err(error) => panic!("nothing else can happen: {error}"),
    }
}
