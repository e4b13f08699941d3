//! [`MemoryJournal`]: a journal of which nothing survives, for tests and for models that need not last.

use std::sync::Arc;

use super::{BATCH_BYTES_MAX, Batch, Entry, Journal, JournalError, ReadJournal, Recovered, Visit};
use crate::{Position, sync::RwLock};

/// A journal in memory. It keeps the contract in everything but that its batches last only as long as it, or a
/// reader of it, does.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    batches: Arc<MemoryReader>,
    phase: Phase,
    end: Position,
    preamble: Arc<[u8]>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Opened,
    Recovered,
    Writing,
    Stopped(Arc<str>),
}

#[derive(Debug, Clone)]
struct Stored {
    first: Position,
    count: u32,
    payload: Arc<[u8]>,
    preamble: Arc<[u8]>,
}

#[derive(Debug, Default)]
struct MemoryReader(RwLock<Vec<Stored>>);

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> MemoryJournal {
        MemoryJournal::default()
    }

    fn out_of_order(&self, what: &str) -> JournalError {
        JournalError::Stopped(match &self.phase {
            Phase::Stopped(why) => why.clone(),
            _ => what.into(),
        })
    }
}

impl Journal for MemoryJournal {
    fn recover(&mut self, _: &mut Visit<'_>) -> Result<Option<Recovered>, JournalError> {
        match self.phase {
            Phase::Opened | Phase::Recovered => {
                self.phase = Phase::Recovered;
                Ok(Some(Recovered { end: self.end, clean: true, repairs: Vec::new() }))
            }
            Phase::Writing | Phase::Stopped(_) => Err(self.out_of_order("it was started already")),
        }
    }

    fn start(&mut self, preamble: &[u8]) -> Result<(), JournalError> {
        if self.phase != Phase::Recovered {
            return Err(self.out_of_order("it was not read to its end, or was started already"));
        }
        self.preamble = preamble.into();
        self.phase = Phase::Writing;
        Ok(())
    }

    fn append(&mut self, batch: Batch<'_>) -> Result<(), JournalError> {
        if self.phase != Phase::Writing {
            return Err(self.out_of_order("it was not started"));
        }
        let Batch { first, count, payload } = batch;
        let last = first.get().checked_add(u64::from(count)).and_then(|next| next.checked_sub(1));
        let (Some(last), true) =
            (last.map(Position::new), first == self.end.next() && payload.len() <= BATCH_BYTES_MAX)
        else {
            let why: Arc<str> = format!(
                "the batch for position {first} has {} bytes; it must be for {} and have at most {BATCH_BYTES_MAX}",
                payload.len(),
                self.end.next(),
            )
            .into();
            self.phase = Phase::Stopped(why.clone());
            return Err(JournalError::Stopped(why));
        };
        let stored = Stored { first, count, payload: payload.into(), preamble: self.preamble.clone() };
        self.batches.0.write().push(stored);
        self.end = last;
        Ok(())
    }

    fn end(&self) -> Position {
        self.end
    }

    fn reader(&self) -> Arc<dyn ReadJournal> {
        self.batches.clone()
    }

    fn close(&mut self) -> Result<(), JournalError> {
        if self.phase != Phase::Writing {
            return Err(self.out_of_order("it was not started"));
        }
        self.phase = Phase::Stopped("it was closed".into());
        Ok(())
    }
}

impl ReadJournal for MemoryReader {
    fn read(&self, from: Position, visit: &mut Visit<'_>) -> Result<(), JournalError> {
        // The lock is not held during a visit: the visitor may take its time, or append.
        let get = |index: usize| self.0.read().get(index).cloned();
        let (start, end) = {
            let batches = self.0.read();
            let start = batches.partition_point(|it| it.first.get() + u64::from(it.count) <= from.get());
            (start, batches.len())
        };
        for Stored { first, count, payload, preamble } in (start..end).map_while(get) {
            if visit(Entry { first, count, payload: &payload, preamble: &preamble }).is_err() {
                break;
            }
        }
        Ok(())
    }
}
