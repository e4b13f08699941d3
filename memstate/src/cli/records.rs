//! The records of a journal, one after another, each with its outcome.
//!
//! An outcome stands in a later batch than its record, so a batch is held back until the outcomes of all its records
//! came: one batch, as a rule. At the end of a journal that was not closed there may be records without one.

use std::{collections::VecDeque, ops::ControlFlow, path::Path, sync::Arc};

use super::{
    Terminal,
    failure::{Code, Failure},
    progress::Progress,
};
use crate::{
    Position, Timestamp,
    codec::Unreadable,
    disk::RealDisk,
    engine::{
        Amended, Amendments,
        preamble::Preamble,
        record::{Outcomes, Payload, Record, Recorded},
    },
    journal::file::inspect::{Ending, Inspector, Kind, Seen, file_name},
};

/// Who wrote: what a segment's header says.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) preamble: Preamble,
    bytes: Arc<[u8]>,
    /// Where it began.
    pub(super) segment: u64,
    /// The position of its first record.
    pub(super) first: Position,
}

/// A record with all that is known of it.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) position: Position,
    pub(super) time: Timestamp,
    pub(super) record: &'a Record<'a>,
    /// The one that holds; `None` if nobody has written it down yet.
    pub(super) outcome: Option<Recorded>,
    /// Whether another one was recorded first. Only known after [`Records::know_amendments`].
    pub(super) amended: Option<Amended>,
    pub(super) writer: &'a Arc<Writer>,
}

impl Entry<'_> {
    /// The name of its command.
    pub(super) fn command(&self) -> &str {
        self.writer.preamble.name(self.record.method)
    }

    /// The number of its command, and of an atomic batch those of the commands in it.
    pub(super) fn methods(&self) -> impl Iterator<Item = u16> {
        let in_batch = self.record.is_atomic_batch().then(|| self.record.commands().unwrap_or_default());
        let numbers = in_batch.into_iter().flatten().map(|command| command.method);
        std::iter::once(self.record.method).chain(numbers)
    }
}

/// What is met in a journal.
pub(super) enum Item<'a> {
    /// A group, before what is in it.
    Group(&'a Seen<'a>),
    /// A writer that says something else of itself than the one before it.
    Writer(&'a Arc<Writer>),
    /// A part of the initial state.
    Genesis { index: u64, last: bool, part: &'a [u8], writer: &'a Arc<Writer> },
    /// A record; later than the group that it is in.
    Record(Entry<'a>),
}

/// What is done with what is met; it may want no more.
pub(super) type Visit<'a> = dyn FnMut(Item<'_>) -> Result<ControlFlow<()>, Failure> + 'a;

/// A batch whose outcomes are not all known.
struct Waiting {
    first: Position,
    count: u32,
    payload: Vec<u8>,
    writer: Arc<Writer>,
    place: Place,
}

/// Where a batch is, for what is wrong with it.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: u64,
    offset: u64,
    first: Position,
}

/// Reads the records of a journal.
pub(super) struct Records {
    inspector: Inspector,
    writer: Option<Arc<Writer>>,
    waiting: VecDeque<Waiting>,
    /// Outcomes of records that were not given yet.
    outcomes: VecDeque<Recorded>,
    /// The position of the first of them; `None` before the first group.
    next: Option<Position>,
    /// Those that hold instead of recorded ones.
    amendments: Amendments,
}

impl Records {
    /// Opens a journal to be read from about `from` on: what comes may begin before it.
    pub(super) fn open(dir: &Path, from: Position) -> Result<Self, Failure> {
        let inspector = Inspector::open(Arc::new(RealDisk), dir, from)?;
        Ok(Records {
            inspector,
            writer: None,
            waiting: VecDeque::new(),
            outcomes: VecDeque::new(),
            next: None,
            amendments: Amendments::default(),
        })
    }

    /// Opens a journal that is not empty.
    pub(super) fn of_journal(dir: &Path, from: Position) -> Result<Self, Failure> {
        let mut records = Self::open(dir, from)?;
        match records.inspector.listing()?.segments.is_empty() {
            true => Err(no_journal(dir)),
            false => Ok(records),
        }
    }

    /// Reads what comes from `from` on for outcomes that were accepted in place of recorded ones: they stand after the
    /// records that they are of.
    pub(super) fn know_amendments(&mut self, dir: &Path, from: Position) -> Result<(), Failure> {
        let mut inspector = Inspector::open(Arc::new(RealDisk), dir, from)?;
        // Damage is told when it is come to, after what is before it.
        while let Ok(Some(seen)) = inspector.next() {
            if seen.kind == Kind::Batch && seen.count == 0 {
                self.take_amendments(seen.payload, seen.preamble);
            }
        }
        Ok(())
    }

    fn take_amendments(&mut self, payload: &[u8], writer: &Arc<[u8]>) {
        if let Ok(Payload::Amended { time, outcomes }) = Payload::parse(payload) {
            self.amendments.add(&outcomes, time, writer);
        }
    }

    pub(super) fn inspector(&mut self) -> &mut Inspector {
        &mut self.inspector
    }

    /// Reads to the end, and what nobody knows the outcome of as well; says what comes there. `None` if the visitor
    /// wanted no more.
    pub(super) fn read_all(
        &mut self,
        terminal: &Terminal<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Option<Ending>, Failure> {
        let total = self.inspector.listing()?.segment_bytes;
        let progress = Progress::new(terminal, total);
        let mut visit_and_tell = |item: Item<'_>| {
            if let Item::Group(seen) = &item {
                progress.add(seen.bytes);
            }
            visit(item)
        };
        let read = self.read(&mut visit_and_tell);
        if matches!(read, Ok(ControlFlow::Break(()))) {
            return Ok(None);
        }
        // Also before damage: the outcomes of the last whole batch may be in what is damaged.
        let flushed = self.flush(&mut visit_and_tell);
        match (read?, flushed?) {
            (ControlFlow::Continue(()), ControlFlow::Continue(())) => Ok(Some(self.inspector.ending()?)),
            _ => Ok(None),
        }
    }

    /// Reads what is there now, as far as the outcomes are known.
    pub(super) fn read(&mut self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>, Failure> {
        loop {
            let Some(seen) = self.inspector.next()? else { return Ok(ControlFlow::Continue(())) };
            self.next.get_or_insert(seen.first);
            if visit(Item::Group(&seen))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let place = Place { segment: seen.segment, offset: seen.offset, first: seen.first };
            let known = self.writer.as_ref().filter(|writer| Arc::ptr_eq(&writer.bytes, seen.preamble));
            let writer = match known {
                Some(writer) => Arc::clone(writer),
                None => {
                    let preamble = Preamble::decode(seen.preamble)
                        .map_err(|error| place.unreadable("what the writer says of itself", &error))?;
                    let (bytes, segment, first) = (Arc::clone(seen.preamble), seen.segment, seen.first);
                    let writer = Arc::new(Writer { preamble, bytes, segment, first });
                    self.writer = Some(Arc::clone(&writer));
                    if visit(Item::Writer(&writer))?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    writer
                }
            };
            if seen.kind != Kind::Batch {
                continue;
            }
            let payload =
                Payload::parse(seen.payload).map_err(|error| place.unreadable("a batch", &error))?;
            if let Payload::Genesis { index, last, part } = payload {
                if visit(Item::Genesis { index, last, part, writer: &writer })?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            } else if let Payload::Records { outcomes, .. } = payload {
                let (first, count) = (seen.first, seen.count);
                if count > 0 {
                    let payload = seen.payload.to_vec();
                    self.waiting.push_back(Waiting { first, count, payload, writer, place });
                }
                self.take_outcomes(&outcomes, place)?;
                if self.give(false, visit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }

    /// Gives also what nobody has written down the outcome of.
    pub(super) fn flush(&mut self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>, Failure> {
        self.give(true, visit)
    }

    fn take_outcomes(&mut self, outcomes: &Outcomes, place: Place) -> Result<(), Failure> {
        let known = self.next.unwrap_or_default().plus(self.outcomes.len() as u64);
        if outcomes.next() <= known {
            return Ok(());
        }
        // Where reading began in the middle, the outcomes may begin before it.
        let skip = known.get().checked_sub(outcomes.first.get());
        let Some(skip) = skip.filter(|_| outcomes.next() <= place.first) else {
            let error = Unreadable::new(format!(
                "outcomes from {} on follow those through {}",
                outcomes.first,
                known.get().saturating_sub(1)
            ));
            return Err(place.unreadable("a batch", &error));
        };
        self.outcomes.extend(&outcomes.list[skip as usize..]);
        Ok(())
    }

    /// Gives the batches whose outcomes are all known; all batches, if `without` them too.
    fn give(&mut self, without: bool, visit: &mut Visit<'_>) -> Result<ControlFlow<()>, Failure> {
        let known = self.next.unwrap_or_default().plus(self.outcomes.len() as u64);
        while let Some(batch) = self.waiting.front()
            && (without || batch.first.plus(batch.count.into()) <= known)
        {
            let Some(batch) = self.waiting.pop_front() else { break };
            if self.give_batch(&batch, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn give_batch(&mut self, batch: &Waiting, visit: &mut Visit<'_>) -> Result<ControlFlow<()>, Failure> {
        let unreadable = |error: Unreadable| batch.place.unreadable("a batch", &error);
        let Payload::Records { shared, mut records, .. } =
            Payload::parse(&batch.payload).map_err(unreadable)?
        else {
            return Ok(ControlFlow::Continue(()));
        };
        for index in 0..batch.count {
            let record = records.take().map_err(unreadable)?;
            let position = batch.first.plus(index.into());
            let recorded = self.outcomes.pop_front();
            let (outcome, amended) =
                (self.amendments.of(position).or(recorded), self.amendments.mark(position, recorded));
            self.next = Some(position.next());
            let entry = Entry {
                position,
                time: shared.time,
                record: &record,
                outcome,
                amended,
                writer: &batch.writer,
            };
            if visit(Item::Record(entry))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        match records.is_empty() {
            true => Ok(ControlFlow::Continue(())),
            false => Err(unreadable(Unreadable::new("bytes are left over"))),
        }
    }
}

impl Place {
    fn unreadable(self, what: &str, error: &Unreadable) -> Failure {
        let Place { segment, offset, first } = self;
        Failure::new(
            Code::No,
            format!("{what} at byte {offset} of {}, at position {first}, cannot be read: {error}", file_name(segment)),
        )
        .help("its checksums are right, so this is what was written: a version of memstate that does not fit, or a fault in one")
    }
}

/// The failure for a directory without a journal.
pub(super) fn no_journal(dir: &Path) -> Failure {
    Failure::new(Code::Unreadable, format!("{} holds no journal yet: it is empty", dir.display()))
        .help("give the directory that the program opens; `memstate log --follow` waits for the first record")
}

/// What is to be said of the end of a journal.
pub(super) fn remark(ending: &Ending, end: Position) -> Option<String> {
    let torn = ending.torn.as_ref()?;
    Some(format!(
        "after position {end} there is a part of a batch ({} bytes at offset {}): it is being written now, or a crash \
         cut it before it was acknowledged, and the next open removes it",
        torn.bytes, torn.offset
    ))
}

/// The outcome that holds, with the one that was recorded first if that was another: `rejected (was accepted; amended
/// 2026-11-22)`.
pub(super) fn outcome_text(entry: &Entry<'_>) -> String {
    let name = outcome_name(entry.outcome);
    match entry.amended {
        Some(Amended { was, time }) => {
            format!("{name} (was {}; amended {})", outcome_name(was), &time.to_string()[..DATE_CHARS])
        }
        None => name.to_owned(),
    }
}

const DATE_CHARS: usize = 10;

/// The name of an outcome.
pub(super) fn outcome_name(outcome: Option<Recorded>) -> &'static str {
    match outcome {
        Some(Recorded::Accepted(_)) => "accepted",
        Some(Recorded::Rejected(_)) => "rejected",
        Some(Recorded::Panicked) => "panicked",
        Some(Recorded::Repeated) => "repeated",
        Some(Recorded::Refused) => "refused",
        Some(Recorded::Poisoned) => "poisoned",
        None => "pending",
    }
}
