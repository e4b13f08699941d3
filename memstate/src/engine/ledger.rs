//! Reads the records of a journal with their outcomes, and applies nothing: no model is needed, and no snapshot.

use std::{collections::VecDeque, sync::Arc};

use super::{
    amendments::Amended,
    preamble::Preamble,
    record::{Outcomes, Payload, Record, Recorded},
};
use crate::{
    OpenError, Position, Timestamp,
    codec::Unreadable,
    journal::{Entry, ReadJournal, Stop},
};

/// A record, as it was written.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) position: Position,
    pub(crate) time: Timestamp,
    pub(crate) writer: &'a Preamble,
    pub(crate) record: Record<'a>,
    /// The outcome that holds; `None` if none was journaled.
    pub(crate) outcome: Option<Recorded>,
    /// Whether another one was recorded first.
    pub(crate) amended: Option<Amended>,
}

/// Is told of each record, and says whether to go on.
pub(crate) type Each<'a> = dyn FnMut(&Line<'_>) -> bool + 'a;

/// Tells `each` of the records from `first` through `last`, each after its outcome was found in a later batch.
pub(crate) fn read(
    location: &str,
    reader: &dyn ReadJournal,
    first: Position,
    last: Position,
    each: &mut Each<'_>,
) -> Result<(), OpenError> {
    let mut ledger = Ledger {
        next: first,
        last,
        writer: None,
        held: VecDeque::new(),
        outcomes: Outcomes { first, list: Vec::new() },
        each,
    };
    let mut failed = None;
    let unreadable = |position, error: &Unreadable| OpenError::Unreadable {
        location: location.to_owned(),
        what: "a batch".to_owned(),
        position,
        why: error.to_string(),
    };
    reader.read(first, &mut |entry| {
        if let Err(error) = ledger.visit(&entry) {
            failed = Some(unreadable(entry.first, &error));
            return Err(Stop);
        }
        if ledger.next > last { Err(Stop) } else { Ok(()) }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    ledger.tell_held(|_, _| true).map_err(|error| unreadable(ledger.next, &error))
}

struct Ledger<'a> {
    /// The position that is told of next.
    next: Position,
    last: Position,
    /// Who wrote the latest batch.
    writer: Option<(Arc<[u8]>, Arc<Preamble>)>,
    held: VecDeque<Held>,
    /// The outcomes of what is held.
    outcomes: Outcomes,
    each: &'a mut Each<'a>,
}

/// A batch that waits for its outcomes.
struct Held {
    first: Position,
    count: u32,
    writer: Arc<Preamble>,
    payload: Vec<u8>,
}

impl Held {
    fn end(&self) -> Position {
        self.first.plus(self.count.into())
    }
}

impl Ledger<'_> {
    fn visit(&mut self, entry: &Entry<'_>) -> Result<(), Unreadable> {
        let writer = self.writer_of(entry)?;
        let Payload::Records { outcomes, .. } = Payload::parse(entry.payload)? else { return Ok(()) };
        self.take_outcomes(&outcomes)?;
        if entry.count > 0 && entry.first <= self.last {
            let (first, count, payload) = (entry.first, entry.count, entry.payload.to_vec());
            self.held.push_back(Held { first, count, writer, payload });
        }
        self.tell_held(|held, outcomes| held.end() <= outcomes.next())
    }

    fn writer_of(&mut self, entry: &Entry<'_>) -> Result<Arc<Preamble>, Unreadable> {
        match &self.writer {
            Some((bytes, writer)) if Arc::ptr_eq(bytes, entry.preamble) => Ok(Arc::clone(writer)),
            _ => {
                let writer = Arc::new(Preamble::decode(entry.preamble)?);
                self.writer = Some((Arc::clone(entry.preamble), Arc::clone(&writer)));
                Ok(writer)
            }
        }
    }

    fn take_outcomes(&mut self, outcomes: &Outcomes) -> Result<(), Unreadable> {
        let known = self.outcomes.next();
        if outcomes.next() <= known {
            return Ok(());
        }
        let skip = known.get().checked_sub(outcomes.first.get()).ok_or_else(|| {
            Unreadable::new(format!("the outcomes from {known} to {} are missing", outcomes.first))
        })?;
        self.outcomes.list.extend(&outcomes.list[skip as usize..]);
        Ok(())
    }

    /// Tells of the batches that are `ready`, in order.
    fn tell_held(&mut self, ready: impl Fn(&Held, &Outcomes) -> bool) -> Result<(), Unreadable> {
        while self.held.front().is_some_and(|held| ready(held, &self.outcomes))
            && let Some(held) = self.held.pop_front()
        {
            self.tell(&held)?;
            let told = held.end().get().saturating_sub(self.outcomes.first.get());
            let told = usize::try_from(told).unwrap_or(usize::MAX).min(self.outcomes.list.len());
            self.outcomes.list.drain(..told);
            self.outcomes.first = self.outcomes.first.plus(told as u64);
        }
        Ok(())
    }

    fn tell(&mut self, held: &Held) -> Result<(), Unreadable> {
        let Payload::Records { shared, mut records, .. } = Payload::parse(&held.payload)? else {
            return Ok(());
        };
        for index in 0..held.count {
            let position = held.first.plus(index.into());
            let record = records.take()?;
            if position < self.next {
                continue;
            }
            if position > self.last {
                break;
            }
            let number = position.get() - self.outcomes.first.get();
            let outcome = self.outcomes.list.get(number as usize).copied();
            let line =
                Line { position, time: shared.time, writer: &held.writer, record, outcome, amended: None };
            self.next = match (self.each)(&line) {
                true => position.next(),
                // Nothing after the last is told.
                false => self.last.next(),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::record::{Shared, begin, put_record},
        journal::{Batch, Journal, memory::MemoryJournal},
    };

    /// A journal of six records in three batches; the outcomes of the first four were journaled.
    fn journal() -> MemoryJournal {
        let mut journal = MemoryJournal::new();
        journal.recover(&mut |_| Ok(())).unwrap();
        journal.start(&Preamble::for_test().encode()).unwrap();
        let accepted = |first, digests: &[u32]| Outcomes {
            first: Position::new(first),
            list: digests.iter().map(|digest| Recorded::Accepted(*digest)).collect(),
        };
        for (outcomes, count) in [
            (accepted(1, &[]), 2),
            (accepted(1, &[11]), 2),
            (accepted(2, &[12, 13, 14]), 0),
            (accepted(5, &[]), 2),
        ] {
            let mut payload = Vec::new();
            let time = Timestamp::from_micros(journal.end().get() as i64);
            begin(Shared { time, seed: [0; 16] }, &outcomes, &mut payload);
            for _ in 0..count {
                put_record(Record { method: 7, caller: None, request: None, arguments: &[] }, &mut payload);
            }
            journal.append(Batch { first: journal.end().next(), count, payload: &payload }).unwrap();
        }
        journal
    }

    fn told(first: u64, last: u64, most: usize) -> Vec<(u64, Option<Recorded>)> {
        let journal = journal();
        let mut told = Vec::new();
        read("here", &*journal.reader(), Position::new(first), Position::new(last), &mut |line| {
            told.push((line.position.get(), line.outcome));
            told.len() < most
        })
        .unwrap();
        told
    }

    #[test]
    fn each_record_comes_with_its_outcome_wherever_it_stands() {
        let accepted = |digest| Some(Recorded::Accepted(digest));
        let all = [
            (1, accepted(11)),
            (2, accepted(12)),
            (3, accepted(13)),
            (4, accepted(14)),
            (5, None),
            (6, None),
        ];
        for first in 1..=7 {
            for last in 0..=8 {
                let expected: Vec<_> =
                    all.iter().copied().filter(|(position, _)| (first..=last).contains(position)).collect();
                assert_eq!(told(first, last, 10), expected, "from {first} through {last}");
            }
        }
        assert_eq!(told(2, 6, 2), all[1..3], "no more than is wanted");
    }
}
