//! From the journal to the state: recovery, snapshots and the events of the past.
//!
//! Outcomes come in batches after the records that they are of. A record is applied when its outcome is known, so that
//! it can be compared, and so that a recorded rejection is taken as it was. What is left at the end is the
//! *unconfirmed tail*: records that were durable when the writer ended, with outcomes that nobody wrote down.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use super::{
    amendments::{Amended, Amendments},
    atomically,
    attempts::Attempts,
    describe,
    evolution::{self, Route, Routes, Today, Way},
    kernel::{Applied, Kernel, Stuck, method_name},
    ledger::Line,
    preamble::Preamble,
    record::{ATOMICALLY, Compared, Outcomes, Payload, Record, Recorded, Records, Shared},
    requests::{Answered, Identity, Requests},
    watchdog::{Purpose, Runner},
};
use crate::{
    Model, OpenError, Position, Timestamp, codec::Unreadable, journal::Entry, pace, schema, state::Broken,
};

/// A record that was replayed, for who wants to know.
pub(crate) struct Seen<'a> {
    pub(crate) line: Line<'a>,
    /// Events, each with its length.
    pub(crate) events: &'a [u8],
}

/// Is told of each record, and says whether to go on.
pub(crate) type Observer<'a> = dyn FnMut(&Seen<'_>) -> bool + 'a;

/// Is told of each record that does something else than it did.
pub(crate) type OnDiverged<'a> = dyn FnMut(OpenError) + 'a;

/// What became of a record: its outcome and its events.
type Done = (Recorded, Vec<u8>);

pub(crate) struct Replay<'a, M: Model> {
    location: String,
    /// What today's code says of itself.
    today: Arc<Today>,
    /// What other versions of the code wrote through here can be carried over, as was found out before.
    checked: Position,
    /// Those of the whole journal; `None` if they are not known.
    amendments: Option<Arc<Amendments>>,
    /// The outcomes that were accepted instead of recorded ones; `None` if that is not allowed.
    accepted: Option<Vec<(Position, Recorded)>>,
    /// Where the state was accepted although it is not that of the snapshot of then.
    retold: Option<Position>,
    /// A state that has to come out at a position, as bytes.
    milestone: Option<(Position, Vec<u8>)>,
    /// Is told of each of them.
    on_diverged: Option<Box<OnDiverged<'a>>>,
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
    /// By which a record that takes too long is seen.
    runner: Option<Runner>,
    /// By which a record that ends the process is found; only where the journal is opened.
    attempts: Option<Arc<Attempts>>,
    /// The last record that they were told of, where its outcome is known.
    named: Position,
}

/// Who wrote the batches that come.
#[derive(Clone)]
struct Writer {
    bytes: Arc<[u8]>,
    preamble: Arc<Preamble>,
    routes: Arc<Routes>,
    /// It is code with the very types and commands of today.
    is_of_today: bool,
}

/// Why a replay does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Another version of the code wrote what comes: first [`check`](super::check) that all of it can be carried over.
    Check,
    /// Outcomes were amended that this replay did not know of: collect them, and begin again.
    Amended,
    /// It cannot.
    Failed(OpenError),
}

impl From<OpenError> for Halt {
    fn from(error: OpenError) -> Self {
        Halt::Failed(error)
    }
}

/// A batch whose outcomes are not all known.
struct Waiting {
    first: Position,
    count: u32,
    writer: Writer,
    shared: Shared,
    /// The records, without what the payload has before them.
    records: Vec<u8>,
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
    /// The outcomes that were accepted instead of recorded ones.
    pub(crate) accepted: Vec<(Position, Recorded)>,
    /// The position after which the state was accepted although it is not that of the snapshot of then.
    pub(crate) retold: Option<Position>,
}

impl<'a, M: Model> Replay<'a, M> {
    /// Starts at `from`, the state of a snapshot, or at the beginning.
    pub(crate) fn new(location: String, today: Arc<Today>, from: Option<(Kernel<M>, Timestamp)>) -> Self {
        let (kernel, time) = from.unzip();
        let start = kernel.as_ref().map_or(Position::START, Kernel::position);
        Replay {
            location,
            today,
            checked: Position::START,
            amendments: None,
            accepted: None,
            retold: None,
            milestone: None,
            on_diverged: None,
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
            runner: None,
            attempts: None,
            named: Position::START,
        }
    }

    /// Ends after `limit`.
    pub(crate) fn until(mut self, limit: Position) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Takes it that everything through `position` can be carried over.
    pub(crate) fn checked_through(mut self, position: Position) -> Self {
        self.checked = position;
        self
    }

    /// Makes sure that the state after `position` is the one that `bytes` hold.
    pub(crate) fn coming_to(mut self, milestone: Option<(Position, Vec<u8>)>) -> Self {
        self.milestone = milestone;
        self
    }

    /// Takes these outcomes instead of the recorded ones: all that the journal amends.
    pub(crate) fn amended(mut self, amendments: Arc<Amendments>) -> Self {
        self.amendments = Some(amendments);
        self
    }

    /// Takes today's outcome where it differs from the recorded one.
    pub(crate) fn accepting(mut self) -> Self {
        self.accepted = Some(Vec::new());
        self
    }

    /// The same, and tells `each` of what differs, as the error that it would be.
    pub(crate) fn accepting_each(mut self, each: impl FnMut(OpenError) + 'a) -> Self {
        self.on_diverged = Some(Box::new(each));
        self.accepting()
    }

    /// Tells `observer` of every record. When it says no, that record is the last.
    pub(crate) fn observed(mut self, observer: impl FnMut(&Seen<'_>) -> bool + 'a) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Runs what it runs under the eyes of a watchdog.
    pub(crate) fn watched(mut self, runner: Runner) -> Self {
        self.runner = Some(runner);
        self
    }

    /// Names what it runs before it does, so that a record which ends the process is found, and left out or refused.
    pub(crate) fn attempted(mut self, attempts: Option<Arc<Attempts>>) -> Self {
        self.attempts = attempts;
        self
    }

    /// The position of the last record that was applied.
    pub(crate) fn position(&self) -> Position {
        self.kernel.as_ref().map_or(Position::START, Kernel::position)
    }

    /// Takes the next batch of the journal.
    pub(crate) fn visit(&mut self, entry: Entry<'_>) -> Result<(), Halt> {
        let writer = self.writer_of(&entry)?;
        let payload =
            Payload::parse(entry.payload).map_err(|error| self.unreadable("a batch", entry.first, &error))?;
        let has_what_it_counts = match &payload {
            Payload::Records { records, .. } => entry.count > 0 || records.is_empty(),
            Payload::Genesis { .. } | Payload::Amended { .. } => entry.count == 0,
        };
        if !has_what_it_counts {
            let error = Unreadable::new(format!("it counts {} records and holds others", entry.count));
            return Err(self.unreadable("a batch", entry.first, &error).into());
        }
        match payload {
            Payload::Genesis { index, last, part } => {
                self.take_genesis(&writer, index, last, part)?;
                Ok(())
            }
            Payload::Amended { .. } => match self.amendments {
                Some(_) => Ok(()),
                None => Err(Halt::Amended),
            },
            Payload::Records { shared, outcomes, records } => {
                self.time = self.time.max(shared.time);
                self.take_outcomes(outcomes, entry.first)?;
                let last = Position::new(entry.first.get() + u64::from(entry.count)).get() - 1;
                if entry.count > 0 && last > self.position().get() {
                    self.waiting.push_back(Waiting {
                        first: entry.first,
                        count: entry.count,
                        writer,
                        shared,
                        records: records.bytes().to_vec(),
                    });
                }
                Ok(self.apply_known()?)
            }
        }
    }

    fn writer_of(&mut self, entry: &Entry<'_>) -> Result<Writer, Halt> {
        let writer = match &self.writer {
            Some(writer) if Arc::ptr_eq(&writer.bytes, entry.preamble) => writer.clone(),
            _ => self.new_writer(entry)?,
        };
        let last = Position::new((entry.first.get() + u64::from(entry.count)).saturating_sub(1));
        let is_checked = last <= self.checked && self.checked > Position::START;
        if !is_checked && writer.routes.need_a_check() {
            return Err(Halt::Check);
        }
        Ok(writer)
    }

    fn new_writer(&mut self, entry: &Entry<'_>) -> Result<Writer, OpenError> {
        let preamble = Preamble::decode(entry.preamble)
            .map_err(|error| self.unreadable("what the writer says of itself", entry.first, &error))?;
        if preamble.model != M::NAME {
            return Err(OpenError::OtherModel {
                location: self.location.clone(),
                found: preamble.model,
                expected: M::NAME,
            });
        }
        let routes = Arc::new(Routes::new(&preamble, &self.today));
        let is_of_today = **entry.preamble == *self.today.bytes;
        let bytes = Arc::clone(entry.preamble);
        let writer = Writer { bytes, preamble: Arc::new(preamble), routes, is_of_today };
        self.writer = Some(writer.clone());
        Ok(writer)
    }

    fn take_genesis(
        &mut self,
        writer: &Writer,
        index: u64,
        last: bool,
        part: &[u8],
    ) -> Result<(), OpenError> {
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
            let model = evolution::read_state(&writer.preamble, &writer.routes.state, &self.genesis)
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
            let last = before(batch.first.plus(batch.count.into()));
            self.apply_batch(&batch, &mut |replay, record| {
                let recorded = replay.recorded(record.position).expect("all of the batch's are known");
                replay.name(record, last)?;
                replay.repeat(record, recorded)
            })?;
        }
        Ok(())
    }

    /// The outcome that holds for the record at `position`: the recorded one, if it was not amended.
    fn recorded(&self, position: Position) -> Option<Recorded> {
        let recorded = self.first_recorded(position)?;
        let amended = self.amendments.as_ref().and_then(|amendments| amendments.of(position));
        Some(amended.unwrap_or(recorded))
    }

    /// Whether the record at `position` has another outcome than was recorded first.
    fn mark(&self, position: Position) -> Option<Amended> {
        self.amendments.as_ref()?.mark(position, self.first_recorded(position))
    }

    fn first_recorded(&self, position: Position) -> Option<Recorded> {
        let ahead = position.get().checked_sub(self.outcomes_first.get())?;
        self.outcomes.get(usize::try_from(ahead).ok()?).copied()
    }

    /// Forgets the outcomes of what is before `position`.
    fn forget_before(&mut self, position: Position) {
        let passed = position.get().saturating_sub(self.outcomes_first.get());
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(self.outcomes.len());
        self.outcomes.drain(..passed);
        self.outcomes_first = self.outcomes_first.plus(passed as u64);
    }

    fn apply_batch(
        &mut self,
        batch: &Waiting,
        apply: &mut impl FnMut(&mut Self, &Old<'_>) -> Result<Done, OpenError>,
    ) -> Result<(), OpenError> {
        self.forget_before(batch.first);
        let unreadable = |replay: &Self, error| replay.unreadable("a batch", batch.first, &error);
        let (shared, mut records) = (batch.shared, Records::of(&batch.records));
        if self.kernel.is_none() {
            return Err(OpenError::NoSnapshot {
                location: self.location.clone(),
                why: "the journal does not begin with its initial state".to_owned(),
            });
        }
        if let Some(runner) = &self.runner {
            runner.begins();
        }
        let mut until_look_ahead = if batch.writer.is_of_today { 0 } else { usize::MAX };
        for index in 0..batch.count {
            let position = batch.first.plus(index.into());
            if until_look_ahead == 0 {
                until_look_ahead = self.kernel().look_ahead(records);
            }
            until_look_ahead -= 1;
            let written = match records.take() {
                Ok(written) => written,
                Err(error) => return Err(unreadable(self, error)),
            };
            if position <= self.position() {
                continue;
            }
            if self.limit.is_some_and(|limit| position > limit) {
                return Ok(());
            }
            if index % RECORDS_BETWEEN_RESTS == 0 {
                pace::rest();
            }
            let route = batch.writer.routes.command(written.method);
            if route.is_none() && !written.is_atomic_batch() {
                let method = written.method;
                let error =
                    Unreadable::new(format!("it names command number {method}, which is not in its table"));
                return Err(self.unreadable("a record", position, &error));
            }
            let old = Old { position, written, route, writer: &batch.writer, shared };
            let amended = self.mark(position);
            let applied = apply(self, &old);
            if let Some(runner) = &self.runner {
                runner.rests();
            }
            let (outcome, events) = applied?;
            self.last_time = shared.time;
            if self.milestone.is_some() {
                self.compare_state(position)?;
            }
            if let Some(observer) = &mut self.observer {
                let (time, writer) = (shared.time, &*batch.writer.preamble);
                let line = Line { position, time, writer, record: written, outcome: Some(outcome), amended };
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

    /// What can be compared of a record's outcome: what stands in the journal was made by the types of its writer, or of the
    /// one that amended it.
    fn compared(&self, old: &Old<'_>) -> Compared {
        match self.amendments.as_ref().and_then(|amendments| amendments.writer(old.position)) {
            None => old.compared_types(),
            Some(writer) => {
                let is_of_today = **writer == *self.today.bytes;
                Compared { reply: is_of_today, changes: is_of_today }
            }
        }
    }

    /// Compares the state with the one that has to come out here.
    fn compare_state(&mut self, position: Position) -> Result<(), OpenError> {
        let Some((_, expected)) = self.milestone.take_if(|(milestone, _)| *milestone == position) else {
            return Ok(());
        };
        let now = postcard::to_stdvec(self.kernel().model()).unwrap_or_default();
        if now == expected {
            return Ok(());
        }
        // Where the bytes differ, entries may only stand in another order.
        let changes = match schema::diff::changes(self.today.preamble.state(), &expected, &now) {
            Ok(changes) if changes.is_empty() => return Ok(()),
            Ok(changes) => changes.iter().take(CHANGES_SHOWN).map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        let location = self.location.clone();
        let error = OpenError::Retold { location, position, changes };
        match (&self.accepted, &mut self.on_diverged) {
            (Some(_), Some(told)) => {
                told(error);
                Ok(())
            }
            (Some(_), None) => {
                tracing::warn!(%error, "the state of the journal was taken");
                self.retold = Some(position);
                Ok(())
            }
            (None, _) => Err(error),
        }
    }

    /// Names a record whose outcome is known, and those after it in a batch that ends with `last`.
    fn name(&mut self, old: &Old<'_>, last: Position) -> Result<(), OpenError> {
        if old.position <= self.named {
            return Ok(());
        }
        let Some(attempts) = &self.attempts else { return Ok(()) };
        self.named = attempts.may_replay(old.position, last).map_err(|processes| OpenError::Fatal {
            location: self.location.clone(),
            position: old.position,
            command: old.writer.preamble.name(old.written.method).into(),
            arguments: describe::arguments(&old.writer.preamble, &old.written).into(),
            processes,
        })?;
        Ok(())
    }

    /// Whether a record of the unconfirmed tail may be applied; if not, it is left out as poisoned.
    fn may_apply(&self, old: &Old<'_>) -> Result<bool, OpenError> {
        self.attempts.as_ref().map_or(Ok(true), |attempts| attempts.may_apply(old.position))
    }

    /// The time of a record begins here, after it was named: how long the disk takes for that is not its fault.
    fn runs(&self, old: &Old<'_>) {
        if let Some(runner) = &self.runner {
            runner.runs(old.position, old.method());
        }
    }

    /// Applies a record whose outcome is known.
    fn repeat(&mut self, old: &Old<'_>, recorded: Recorded) -> Result<Done, OpenError> {
        let panicked = |why: &str| Some(Answered::Panicked(why.to_owned()));
        self.runs(old);
        match recorded {
            Recorded::Accepted(_) | Recorded::Repeated | Recorded::Refused => {
                let applied = self.apply(old)?;
                if recorded != applied.outcome
                    && let Some(how) = recorded.unlike(applied.outcome, self.compared(old))
                {
                    let error =
                        self.on_diverged.as_ref().map(|_| self.diverged(old, recorded, &applied, how));
                    if let (Some(told), Some(error)) = (&mut self.on_diverged, error) {
                        told(error);
                    }
                    match &mut self.accepted {
                        Some(accepted) => accepted.push((old.position, applied.outcome)),
                        None => return Err(self.diverged(old, recorded, &applied, how)),
                    }
                }
                return Ok((applied.outcome, applied.events));
            }
            Recorded::Rejected(_) if old.written.request.is_some() => {
                let arguments = self.arguments_today(old)?;
                let (record, identity) = old.today(&arguments);
                let shared = old.shared;
                if let Err(stuck) = self.kernel().reject(&record, identity, shared) {
                    return Err(self.stuck(old.position, &record, stuck));
                }
            }
            Recorded::Rejected(_) => self.pass_by(old, None),
            Recorded::Panicked => self.pass_by(old, panicked("it panicked when it was first run")),
            Recorded::Poisoned => self.pass_by(old, panicked(POISONED)),
        }
        Ok((recorded, Vec::new()))
    }

    fn apply(&mut self, old: &Old<'_>) -> Result<Applied, OpenError> {
        if let Some(record) = old.as_today() {
            return match self.kernel().apply_as(record, old.identity(), old.shared) {
                Ok(applied) => Ok(applied),
                Err(stuck) => Err(self.stuck(old.position, record, stuck)),
            };
        }
        let arguments = self.arguments_today(old)?;
        let (record, identity) = old.today(&arguments);
        let applied = self.kernel().apply_as(&record, identity, old.shared);
        applied.map_err(|stuck| self.stuck(old.position, &record, stuck))
    }

    fn pass_by(&mut self, old: &Old<'_>, answered: Option<Answered>) {
        let (record, identity) = old.today(&[]);
        self.kernel().pass_by(&record, identity, answered);
    }

    fn kernel(&mut self) -> &mut Kernel<M> {
        self.kernel.as_mut().expect("checked for the batch")
    }

    /// The arguments as today's code writes them.
    fn arguments_today<'r>(&self, old: &Old<'r>) -> Result<Cow<'r, [u8]>, OpenError> {
        let written = &old.written;
        let carried = match old.route.map(|route| route.way) {
            Some(Way::Same(_)) => return Ok(Cow::Borrowed(written.arguments)),
            Some(Way::Carried { method, version }) => {
                evolution::carry::<M>(&old.writer.preamble, written, method, version)
            }
            None => atomically::carry::<M>(&old.writer.preamble, &old.writer.routes, written),
            Some(Way::None) => Err(Unreadable::new("today's code has no place for it")),
        };
        carried.map(Cow::Owned).map_err(|error| {
            let name = old.writer.preamble.name(written.method);
            self.unreadable(&format!("the arguments of `{name}`"), old.position, &error)
        })
    }

    fn diverged(&self, old: &Old<'_>, recorded: Recorded, applied: &Applied, how: &str) -> OpenError {
        let arguments = self.arguments_today(old).unwrap_or_default();
        let (record, _) = old.today(&arguments);
        let now = describe::answer(&self.today.preamble, &record, &applied.answer);
        OpenError::Diverged {
            location: self.location.clone(),
            position: old.position,
            command: old.writer.preamble.name(old.written.method).into(),
            arguments: describe::arguments(&old.writer.preamble, &old.written).into(),
            recorded: recorded.name().into(),
            now: match how {
                "" => now.into(),
                how => format!("{now}, {how}").into(),
            },
        }
    }

    /// Ends the replay. The unconfirmed tail is applied, but for records that end the process.
    pub(crate) fn finish(mut self) -> Result<Option<Replayed<M>>, OpenError> {
        let first_open = self.outcomes_first.plus(self.outcomes.len() as u64);
        let mut tail = Outcomes { first: first_open, list: Vec::new() };
        if let Some(runner) =
            self.runner.as_ref().filter(|_| self.attempts.is_some() && !self.waiting.is_empty())
        {
            runner.turns_to(Purpose::RecoverTail);
        }
        while let Some(batch) = self.waiting.pop_front() {
            self.apply_batch(&batch, &mut |replay, old| {
                if let Some(recorded) = replay.recorded(old.position).filter(|_| old.position < first_open) {
                    replay.name(old, before(first_open))?;
                    return replay.repeat(old, recorded);
                }
                let (outcome, events) = match replay.may_apply(old)? {
                    true => {
                        replay.runs(old);
                        let applied = replay.apply(old)?;
                        (applied.outcome, applied.events)
                    }
                    false => {
                        replay.pass_by(old, Some(Answered::Panicked(POISONED.to_owned())));
                        (Recorded::Poisoned, Vec::new())
                    }
                };
                tail.list.push(outcome);
                Ok((outcome, events))
            })?;
        }
        let (time, last_time, retold) = (self.time, self.last_time, self.retold);
        let accepted = self.accepted.unwrap_or_default();
        Ok(self.kernel.map(|kernel| Replayed { kernel, time, last_time, tail, accepted, retold }))
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
                why: why_broken(broken).to_owned(),
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

/// A record that some version of the code wrote.
struct Old<'r> {
    position: Position,
    /// With the writer's number of the command and the writer's form of the arguments.
    written: Record<'r>,
    /// `None` for an atomic batch, each of whose commands has one.
    route: Option<&'r Route>,
    writer: &'r Writer,
    shared: Shared,
}

impl<'r> Old<'r> {
    /// Today's number of the command; one that no command has if there is none.
    fn method(&self) -> u16 {
        match self.route.map(|route| route.way) {
            Some(Way::Same(method) | Way::Carried { method, .. }) => method,
            None => ATOMICALLY,
            Some(Way::None) => NO_METHOD,
        }
    }

    /// The record with today's number and `arguments`, and what its request is known by.
    fn today<'a>(&'a self, arguments: &'a [u8]) -> (Record<'a>, Option<Identity>) {
        let record = Record { method: self.method(), arguments, ..self.written };
        (record, self.identity())
    }

    /// The record itself, if today's code has the same number for its command and reads its arguments as they are.
    fn as_today(&self) -> Option<&Record<'r>> {
        let way = self.route.map(|route| route.way);
        (way == Some(Way::Same(self.written.method))).then_some(&self.written)
    }

    /// What its request is known by.
    fn identity(&self) -> Option<Identity> {
        // Most have none.
        self.written.request?;
        Identity::of(&self.written, |method| self.writer.preamble.name(method))
    }

    fn compared_types(&self) -> Compared {
        match self.route {
            Some(route) => route.compared(),
            None => atomically::compared(&self.writer.routes, &self.written),
        }
    }
}

fn before(position: Position) -> Position {
    Position::new(position.get() - 1)
}

/// A number that no command has.
const NO_METHOD: u16 = ATOMICALLY - 1;

/// How many records are applied between two places to rest.
const RECORDS_BETWEEN_RESTS: u32 = 128;

/// How many differences between two states an error shows.
const CHANGES_SHOWN: usize = 10;

/// What the caller of a poisoned command is told.
const POISONED: &str = "it ended the process each time it ran, so it is left out";

/// A broken roll-back, in words.
pub(crate) fn why_broken(broken: Broken) -> &'static str {
    match broken {
        Broken::Escaped => "it hid a collection of the model in a static, a thread or a leak",
        Broken::Panicked => "`Hash`, `Eq` or `Ord` of a type in the model panicked while it was undone",
    }
}
