//! From the journal to the state: recovery, snapshots and the events of the past.
//!
//! Outcomes come in batches after the records that they are of. A record is applied when its outcome is known, so that
//! it can be compared, and so that a recorded rejection is taken as it was. What is left at the end is the
//! *unconfirmed tail*: records that were durable when the writer ended, with outcomes that nobody wrote down.

use std::{collections::VecDeque, sync::Arc};

use super::{
    kernel::{Kernel, Stuck, method_name},
    ledger::Line,
    preamble::{Preamble, Table},
    record::{Outcomes, Payload, Record, Recorded, Records, Shared},
    requests::{Answered, Requests},
    snapshots::read_state,
};
use crate::{Model, OpenError, Position, Timestamp, codec::Unreadable, journal::Entry, state::Broken};

/// A record that was replayed, for who wants to know.
pub(crate) struct Seen<'a> {
    pub(crate) line: Line<'a>,
    /// Events, each with its length.
    pub(crate) events: &'a [u8],
}

/// Is told of each record, and says whether to go on.
pub(crate) type Observer<'a> = dyn FnMut(&Seen<'_>) -> bool + 'a;

/// What became of a record: its outcome and its events.
type Done = (Recorded, Vec<u8>);

/// Decides for each record of the unconfirmed tail whether it may be applied: `Ok(false)` leaves it out as poisoned.
pub(crate) type Guard<'a> = dyn FnMut(Position) -> Result<bool, OpenError> + 'a;

pub(crate) struct Replay<'a, M: Model> {
    location: String,
    /// What today's code says of itself.
    today: Preamble,
    kernel: Option<Kernel<M>>,
    time: Timestamp,
    /// The time of the last record that was applied.
    last_time: Timestamp,
    /// Where the replay ends; `None` for the end of the journal.
    limit: Option<Position>,
    genesis: Vec<u8>,
    genesis_parts: u64,
    writer: Option<Writer>,
    waiting: VecDeque<Waiting>,
    /// The outcomes of records that were not applied yet.
    outcomes: VecDeque<Recorded>,
    /// The position of the first of them.
    outcomes_first: Position,
    observer: Option<Box<Observer<'a>>>,
}

/// Who wrote the batches that come.
#[derive(Clone)]
struct Writer {
    bytes: Arc<[u8]>,
    preamble: Arc<Preamble>,
    table: Arc<Table>,
}

/// A batch whose outcomes are not all known.
struct Waiting {
    first: Position,
    count: u32,
    writer: Writer,
    payload: Vec<u8>,
}

/// A state that was brought back.
pub(crate) struct Replayed<M: Model> {
    pub(crate) kernel: Kernel<M>,
    /// The time of the last batch.
    pub(crate) time: Timestamp,
    /// The time of the last record that was applied.
    pub(crate) last_time: Timestamp,
    /// The outcomes of the unconfirmed tail.
    pub(crate) tail: Outcomes,
}

impl<'a, M: Model> Replay<'a, M> {
    /// Starts at `from`, the state of a snapshot, or at the beginning.
    pub(crate) fn new(location: String, from: Option<(Kernel<M>, Timestamp)>) -> Self {
        let (kernel, time) = from.unzip();
        let start = kernel.as_ref().map_or(Position::START, Kernel::position);
        Replay {
            location,
            today: Preamble::of::<M>(),
            kernel,
            time: time.unwrap_or(Timestamp::BEFORE_ALL),
            last_time: time.unwrap_or(Timestamp::BEFORE_ALL),
            limit: None,
            genesis: Vec::new(),
            genesis_parts: 0,
            writer: None,
            waiting: VecDeque::new(),
            outcomes: VecDeque::new(),
            outcomes_first: start.next(),
            observer: None,
        }
    }

    /// Ends after `limit`.
    pub(crate) fn until(mut self, limit: Position) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Tells `observer` of every record. When it says no, that record is the last.
    pub(crate) fn observed(mut self, observer: impl FnMut(&Seen<'_>) -> bool + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// The position of the last record that was applied.
    pub(crate) fn position(&self) -> Position {
        self.kernel.as_ref().map_or(Position::START, Kernel::position)
    }

    /// Takes the next batch of the journal.
    pub(crate) fn visit(&mut self, entry: Entry<'_>) -> Result<(), OpenError> {
        let writer = self.writer_of(&entry)?;
        match Payload::parse(entry.payload)
            .map_err(|error| self.unreadable("a batch", entry.first, &error))?
        {
            Payload::Genesis { index, last, part } => self.take_genesis(index, last, part),
            Payload::Records { shared, outcomes, records } => {
                if !writer.table.problems().is_empty() {
                    self.refuse_unknown(&entry, &writer, records)?;
                }
                self.time = self.time.max(shared.time);
                self.take_outcomes(outcomes, entry.first)?;
                let last = Position::new(entry.first.get() + u64::from(entry.count)).get() - 1;
                if entry.count > 0 && last > self.position().get() {
                    self.waiting.push_back(Waiting {
                        first: entry.first,
                        count: entry.count,
                        writer,
                        payload: entry.payload.to_vec(),
                    });
                }
                self.apply_known()
            }
        }
    }

    fn writer_of(&mut self, entry: &Entry<'_>) -> Result<Writer, OpenError> {
        if let Some(writer) = &self.writer
            && Arc::ptr_eq(&writer.bytes, entry.preamble)
        {
            return Ok(writer.clone());
        }
        let preamble = Preamble::decode(entry.preamble)
            .map_err(|error| self.unreadable("what the writer says of itself", entry.first, &error))?;
        if preamble.model != M::NAME {
            return Err(OpenError::OtherModel {
                location: self.location.clone(),
                found: preamble.model,
                expected: M::NAME,
            });
        }
        let table = Arc::new(preamble.resolve(&self.today));
        let writer = Writer { bytes: Arc::clone(entry.preamble), preamble: Arc::new(preamble), table };
        self.writer = Some(writer.clone());
        Ok(writer)
    }

    fn take_genesis(&mut self, index: u64, last: bool, part: &[u8]) -> Result<(), OpenError> {
        if self.kernel.is_some() {
            return Ok(());
        }
        if index == 0 {
            // A writer that ended before it had written all of it is followed by one that starts anew.
            self.genesis.clear();
            self.genesis_parts = 0;
        }
        if index != self.genesis_parts {
            let error = Unreadable::new("a part is missing");
            return Err(self.unreadable("the initial state", Position::START, &error));
        }
        self.genesis_parts += 1;
        self.genesis.extend_from_slice(part);
        if last {
            let model = read_state(&self.genesis)
                .map_err(|error| self.unreadable("the initial state", Position::START, &error))?;
            self.genesis = Vec::new();
            self.kernel = Some(Kernel::new(model, Position::START, Requests::default()));
        }
        Ok(())
    }

    fn take_outcomes(&mut self, outcomes: Outcomes, before: Position) -> Result<(), OpenError> {
        let known = self.outcomes_first.plus(self.outcomes.len() as u64);
        if outcomes.next() <= known {
            return Ok(());
        }
        if outcomes.first > known || outcomes.next() > before {
            let error = Unreadable::new(format!(
                "outcomes from {} on follow those through {}",
                outcomes.first,
                known.get() - 1
            ));
            return Err(self.unreadable("a batch", before, &error));
        }
        let skip = known.get() - outcomes.first.get();
        self.outcomes.extend(&outcomes.list[skip as usize..]);
        Ok(())
    }

    /// Applies the batches whose outcomes are all known.
    fn apply_known(&mut self) -> Result<(), OpenError> {
        let known = self.outcomes_first.plus(self.outcomes.len() as u64);
        while let Some(batch) = self.waiting.front()
            && batch.first.plus(batch.count.into()) <= known
        {
            let batch = self.waiting.pop_front().expect("seen above");
            self.apply_batch(&batch, &mut |replay, position, record, shared| {
                let recorded = replay.recorded(position).expect("all of the batch's are known");
                replay.repeat(position, record, shared, recorded)
            })?;
        }
        Ok(())
    }

    /// The recorded outcome of the record at `position`, which is the next.
    fn recorded(&mut self, position: Position) -> Option<Recorded> {
        while self.outcomes_first < position {
            self.outcomes.pop_front()?;
            self.outcomes_first = self.outcomes_first.next();
        }
        self.outcomes.front().copied()
    }

    #[allow(clippy::type_complexity, reason = "a name would not tell more than the parameters do")]
    fn apply_batch(
        &mut self,
        batch: &Waiting,
        apply: &mut dyn FnMut(&mut Self, Position, &Record<'_>, Shared) -> Result<Done, OpenError>,
    ) -> Result<(), OpenError> {
        let unreadable = |replay: &Self, error| replay.unreadable("a batch", batch.first, &error);
        let Payload::Records { shared, mut records, .. } =
            Payload::parse(&batch.payload).map_err(|error| unreadable(self, error))?
        else {
            return Ok(());
        };
        if self.kernel.is_none() {
            return Err(OpenError::NoSnapshot {
                location: self.location.clone(),
                why: "the journal does not begin with its initial state".to_owned(),
            });
        }
        for index in 0..batch.count {
            let position = batch.first.plus(index.into());
            let mut record = records.take().map_err(|error| unreadable(self, error))?;
            if position <= self.position() {
                continue;
            }
            if self.limit.is_some_and(|limit| position > limit) {
                return Ok(());
            }
            let written = record;
            record.method = self.number_today(&batch.writer, record.method, position)?;
            let (outcome, events) = apply(self, position, &record, shared)?;
            self.last_time = shared.time;
            if let Some(observer) = &mut self.observer {
                let (time, writer) = (shared.time, &*batch.writer.preamble);
                let line = Line { position, time, writer, record: written, outcome: Some(outcome) };
                if !observer(&Seen { line, events: &events }) {
                    self.limit = Some(position);
                }
            }
        }
        if !records.is_empty() {
            return Err(unreadable(self, Unreadable::new("bytes are left over")));
        }
        Ok(())
    }

    /// Refuses a batch with a command that today's code does not have, also one that a snapshot covers: whether a journal
    /// can be opened must not depend on which snapshots there are.
    fn refuse_unknown(
        &self,
        entry: &Entry<'_>,
        writer: &Writer,
        mut records: Records<'_>,
    ) -> Result<(), OpenError> {
        for index in 0..entry.count {
            let record = records.take().map_err(|error| self.unreadable("a batch", entry.first, &error))?;
            self.number_today(writer, record.method, entry.first.plus(index.into()))?;
        }
        Ok(())
    }

    /// Today's number of the writer's command.
    fn number_today(&self, writer: &Writer, method: u16, position: Position) -> Result<u16, OpenError> {
        writer.table.today(method).ok_or_else(|| {
            let mut problems = writer.table.problems();
            if problems.is_empty() {
                problems.push(format!(
                    "position {position} names command number {method}, which is not in its table"
                ));
            }
            let name = writer.preamble.name(method);
            problems
                .push(format!("the first record that needs one of them is `{name}` at position {position}"));
            OpenError::Changed { location: self.location.clone(), model: M::NAME, problems }
        })
    }

    /// Applies a record whose outcome is known.
    fn repeat(
        &mut self,
        position: Position,
        record: &Record<'_>,
        shared: Shared,
        recorded: Recorded,
    ) -> Result<Done, OpenError> {
        let kernel = self.kernel.as_mut().expect("checked for the batch");
        let panicked = |why: &str| Some(Answered::Panicked(why.to_owned()));
        match recorded {
            Recorded::Accepted(_) | Recorded::Repeated | Recorded::Refused => {
                let applied = match kernel.apply(record, shared) {
                    Ok(applied) => applied,
                    Err(stuck) => return Err(self.stuck(position, record, stuck)),
                };
                if applied.outcome != recorded {
                    return Err(OpenError::Diverged {
                        location: self.location.clone(),
                        position,
                        command: method_name::<M>(record.method).to_owned(),
                        recorded: recorded.to_string(),
                        now: applied.outcome.to_string(),
                    });
                }
                return Ok((applied.outcome, applied.events));
            }
            Recorded::Rejected(_) if record.request.is_some() => {
                if let Err(stuck) = kernel.reject(record, shared) {
                    return Err(self.stuck(position, record, stuck));
                }
            }
            Recorded::Rejected(_) => kernel.pass_by(record, None),
            Recorded::Panicked => kernel.pass_by(record, panicked("it panicked when it was first run")),
            Recorded::Poisoned => kernel.pass_by(record, panicked(POISONED)),
        }
        Ok((recorded, Vec::new()))
    }

    /// Ends the replay. The unconfirmed tail is applied, each record as far as `guard` allows it.
    pub(crate) fn finish(mut self, guard: &mut Guard<'_>) -> Result<Option<Replayed<M>>, OpenError> {
        let first_open = self.outcomes_first.plus(self.outcomes.len() as u64);
        let mut tail = Outcomes { first: first_open, list: Vec::new() };
        while let Some(batch) = self.waiting.pop_front() {
            self.apply_batch(&batch, &mut |replay, position, record, shared| {
                if let Some(recorded) = replay.recorded(position).filter(|_| position < first_open) {
                    return replay.repeat(position, record, shared, recorded);
                }
                let (outcome, events) = if guard(position)? {
                    let kernel = replay.kernel.as_mut().expect("checked for the batch");
                    let applied = match kernel.apply(record, shared) {
                        Ok(applied) => applied,
                        Err(stuck) => return Err(replay.stuck(position, record, stuck)),
                    };
                    (applied.outcome, applied.events)
                } else {
                    let kernel = replay.kernel.as_mut().expect("checked for the batch");
                    kernel.pass_by(record, Some(Answered::Panicked(POISONED.to_owned())));
                    (Recorded::Poisoned, Vec::new())
                };
                tail.list.push(outcome);
                Ok((outcome, events))
            })?;
        }
        let (time, last_time) = (self.time, self.last_time);
        Ok(self.kernel.map(|kernel| Replayed { kernel, time, last_time, tail }))
    }

    /// Whether there is a state yet: that of a snapshot, or the initial one.
    pub(crate) fn has_state(&self) -> bool {
        self.kernel.is_some()
    }

    fn stuck(&self, position: Position, record: &Record<'_>, stuck: Stuck) -> OpenError {
        match stuck {
            Stuck::Unreadable(error) => self.unreadable(
                &format!("the arguments of `{}`", method_name::<M>(record.method)),
                position,
                &error,
            ),
            Stuck::Broken(broken) => OpenError::Broken {
                location: self.location.clone(),
                position,
                why: describe(broken).to_owned(),
            },
        }
    }

    fn unreadable(&self, what: &str, position: Position, error: &Unreadable) -> OpenError {
        OpenError::Unreadable {
            location: self.location.clone(),
            what: what.to_owned(),
            position,
            why: error.to_string(),
        }
    }
}

/// What the caller of a poisoned command is told.
const POISONED: &str = "it ended the process each time it ran, so it is left out";

/// A broken roll-back, in words.
pub(crate) fn describe(broken: Broken) -> &'static str {
    match broken {
        Broken::Escaped => "it hid a collection of the model in a static, a thread or a leak",
        Broken::Panicked => "`Hash`, `Eq` or `Ord` of a type in the model panicked while it was undone",
    }
}
