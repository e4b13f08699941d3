//! What states of the past are made of: a journal to read, and the snapshots beside it.
//!
//! It is a part of an open engine, and of who reads a journal that somebody else has open.

use std::{cell::Cell, marker::PhantomData, ops::Bound, sync::Arc};

use super::{
    amendments::Amendments,
    evolution::Today,
    kernel::Kernel,
    ledger::{self, Line},
    record::batch_time,
    replay::{Halt, Replay, Replayed, Seen},
    snapshots::Snapshots,
    watchdog::{Purpose, Watchdog},
};
use crate::{
    Model, OpenError, PastError, Position, Span, Timestamp, When,
    journal::{ReadJournal, Stop},
    schema::diff::{Change, changes},
    when::{end_of_day, just_before},
};

/// Says whether somebody still waits for the result.
pub(crate) type Wanted<'a> = &'a dyn Fn() -> bool;

/// A journal all of which can be carried over to today's code.
pub(crate) struct Source<M: Model> {
    pub(crate) location: String,
    pub(crate) reader: Arc<dyn ReadJournal>,
    pub(crate) snapshots: Option<Snapshots>,
    pub(crate) today: Arc<Today>,
    /// The outcomes that hold instead of recorded ones.
    pub(crate) amendments: Arc<Amendments>,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) model: PhantomData<fn() -> M>,
}

impl<M: Model> Source<M> {
    /// Tells `each` of the records from `first` through `last`.
    pub(crate) fn read_lines(
        &self,
        first: Position,
        last: Position,
        each: &mut ledger::Each<'_>,
    ) -> Result<(), OpenError> {
        ledger::read(&self.location, &*self.reader, first, last, &mut |line| {
            let amended = self.amendments.mark(line.position, line.outcome);
            let outcome = self.amendments.of(line.position).or(line.outcome);
            each(&Line { outcome, amended, ..*line })
        })
    }

    /// The position that `when` means, if `end` is the last.
    pub(crate) fn position_of(
        &self,
        when: &When,
        end: Position,
        wanted: Wanted<'_>,
    ) -> Result<Position, PastError> {
        match when {
            When::Position(position) if *position > end => {
                Err(PastError::AfterTheEnd { asked: *position, last: end })
            }
            When::Position(position) => Ok(*position),
            When::Time(time) => Ok(self.last_through(*time, end, wanted)?),
            When::Day(day) => Ok(self.last_through(end_of_day(*day), end, wanted)?),
            When::Unknown(text) => Err(PastError::Unknown(text.clone())),
        }
    }

    /// The positions of a stretch, the first and the last; there is nothing in it if the last is before the first.
    pub(crate) fn positions_of(
        &self,
        span: &Span,
        end: Position,
        wanted: Wanted<'_>,
    ) -> Result<(Position, Position), PastError> {
        let last_through = |time| self.last_through(time, end, wanted);
        let first = match &span.from {
            Bound::Unbounded => Position::START.next(),
            Bound::Included(When::Position(position)) => *position,
            Bound::Excluded(When::Position(position)) => position.next(),
            Bound::Included(When::Time(time) | When::Day(time)) => last_through(just_before(*time))?.next(),
            Bound::Excluded(When::Time(time)) => last_through(*time)?.next(),
            Bound::Excluded(When::Day(day)) => last_through(end_of_day(*day))?.next(),
            Bound::Included(When::Unknown(text)) | Bound::Excluded(When::Unknown(text)) => {
                return Err(PastError::Unknown(text.clone()));
            }
        };
        let last = match &span.to {
            Bound::Unbounded => end,
            Bound::Included(When::Position(position)) => *position,
            Bound::Excluded(When::Position(position)) => Position::new(position.get().saturating_sub(1)),
            Bound::Included(When::Time(time)) => last_through(*time)?,
            Bound::Included(When::Day(day)) => last_through(end_of_day(*day))?,
            Bound::Excluded(When::Time(time) | When::Day(time)) => last_through(just_before(*time))?,
            Bound::Included(When::Unknown(text)) | Bound::Excluded(When::Unknown(text)) => {
                return Err(PastError::Unknown(text.clone()));
            }
        };
        Ok((first.max(Position::START.next()), last.min(end)))
    }

    /// The position of the last record whose time is at or before `time`. Reads the journal from the nearest snapshot
    /// on, and applies nothing.
    fn last_through(
        &self,
        time: Timestamp,
        end: Position,
        wanted: Wanted<'_>,
    ) -> Result<Position, OpenError> {
        let snapshot = match &self.snapshots {
            Some(snapshots) => snapshots.newest_through(time)?,
            None => None,
        };
        // The header of a snapshot is not checked, so the journal has to agree with it.
        let last = match snapshot.filter(|snapshot| *snapshot <= end) {
            Some(snapshot) => self.last_through_from(snapshot, time, end, wanted)?,
            None => None,
        };
        match last {
            Some(last) => Ok(last),
            None => {
                Ok(self.last_through_from(Position::START, time, end, wanted)?.unwrap_or(Position::START))
            }
        }
    }

    /// The same among the records from `from` on; `None` if there is none.
    fn last_through_from(
        &self,
        from: Position,
        time: Timestamp,
        end: Position,
        wanted: Wanted<'_>,
    ) -> Result<Option<Position>, OpenError> {
        let (mut last, mut unreadable) = (None, None);
        self.reader.read(from, &mut |entry| {
            if entry.count == 0 {
                return Ok(());
            }
            match batch_time(entry.payload) {
                Ok(Some(of_batch)) if of_batch <= time => {
                    last = Some(Position::new(entry.first.get() + u64::from(entry.count) - 1).min(end));
                }
                Ok(_) => return Err(Stop),
                Err(error) => {
                    unreadable = Some(OpenError::Unreadable {
                        location: self.location.clone(),
                        what: "a batch".to_owned(),
                        position: entry.first,
                        why: error.to_string(),
                    });
                    return Err(Stop);
                }
            }
            if last >= Some(end) || !wanted() { Err(Stop) } else { Ok(()) }
        })?;
        unreadable.map_or(Ok(last), Err)
    }

    /// The state after `position`.
    pub(crate) fn state_at(&self, position: Position, wanted: Wanted<'_>) -> Result<Replayed<M>, PastError> {
        Ok(self.replay_range(position, position, |_| wanted())?)
    }

    /// The state after `until`, if `from` is an earlier one.
    pub(crate) fn state_after(
        &self,
        from: Replayed<M>,
        until: Position,
        wanted: Wanted<'_>,
    ) -> Result<Replayed<M>, PastError> {
        let shortcut = match &self.snapshots {
            Some(snapshots) if snapshots.is_one_between(from.kernel.position(), until)? => {
                // A state is as large as the model: two of them would be one too many.
                drop(from);
                return self.state_at(until, wanted);
            }
            _ => from,
        };
        Ok(self.replay_on(Some((shortcut.kernel, shortcut.last_time)), until, |_| wanted())?)
    }

    /// What is different in the state after `to` from that after `from`, either of which may be the later one.
    pub(crate) fn difference(
        &self,
        from: &When,
        to: &When,
        end: Position,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Change>, PastError> {
        let (from, to) = (self.position_of(from, end, wanted)?, self.position_of(to, end, wanted)?);
        let state = self.state_at(from.min(to), wanted)?;
        let earlier = bytes_of(&state.kernel)?;
        let state = self.state_after(state, from.max(to), wanted)?;
        let later = bytes_of(&state.kernel)?;
        drop(state);
        let (before, after) = if from <= to { (earlier, later) } else { (later, earlier) };
        changes(self.today.preamble.state(), &before, &after).map_err(|error| {
            let why = format!("the states after {from} and {to} cannot be compared by path: {error}");
            PastError::Failed(why.into())
        })
    }

    /// The state after `until`, from the nearest snapshot at or before `from` and the journal. `observer` is told of
    /// each record, and says whether to go on.
    pub(crate) fn replay_range(
        &self,
        from: Position,
        until: Position,
        observer: impl FnMut(&Seen<'_>) -> bool,
    ) -> Result<Replayed<M>, OpenError> {
        let start = match &self.snapshots {
            Some(snapshots) => snapshots.newest::<M>(&self.today, Some(from))?,
            None => None,
        };
        self.replay_on(start.map(|loaded| (loaded.kernel, loaded.time)), until, observer)
    }

    /// The state after `until`, from this one or from the beginning.
    fn replay_on(
        &self,
        start: Option<(Kernel<M>, Timestamp)>,
        until: Position,
        mut observer: impl FnMut(&Seen<'_>) -> bool,
    ) -> Result<Replayed<M>, OpenError> {
        let goes_on = Cell::new(true);
        let replay = self.replay(start).until(until).observed(|seen| {
            goes_on.set(observer(seen));
            goes_on.get()
        });
        self.run(replay, until, &goes_on)
    }

    /// Replays everything through `until` from the initial state, and tells `each` of every record that does something else
    /// than it did, and of a state that is not that of a snapshot of other types; what comes out now is taken, and the replay
    /// goes on.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "`replay --verify` does it"))]
    pub(crate) fn verify(
        &self,
        until: Position,
        each: impl FnMut(OpenError),
        mut observer: impl FnMut(&Seen<'_>),
    ) -> Result<Replayed<M>, OpenError> {
        let to_compare =
            self.snapshots.as_ref().and_then(|it| it.to_compare::<M>(&self.today, Position::START));
        let replay =
            self.replay(None).until(until).coming_to(to_compare).accepting_each(each).observed(|seen| {
                observer(seen);
                true
            });
        self.run(replay, until, &Cell::new(true))
    }

    fn replay<'a>(&self, start: Option<(Kernel<M>, Timestamp)>) -> Replay<'a, M> {
        // All of it could be carried over when it was opened.
        Replay::new(self.location.clone(), Arc::clone(&self.today), start)
            .checked_through(Position::new(u64::MAX))
            .amended(Arc::clone(&self.amendments))
            .watched(self.watchdog.over(Purpose::LookBack))
    }

    fn run(
        &self,
        mut replay: Replay<'_, M>,
        until: Position,
        goes_on: &Cell<bool>,
    ) -> Result<Replayed<M>, OpenError> {
        // From the beginning the initial state is needed too, which stands before the first position.
        let first = match replay.position() {
            Position::START if !replay.has_state() => Position::START,
            position => position.next(),
        };
        let mut failed = None;
        let done = |replay: &Replay<'_, M>| replay.position() >= until && replay.has_state();
        if !done(&replay) {
            self.reader.read(first, &mut |entry| match replay.visit(entry) {
                Ok(()) if done(&replay) || !goes_on.get() => Err(Stop),
                Ok(()) => Ok(()),
                Err(halt) => {
                    failed = Some(match halt {
                        Halt::Failed(error) => error,
                        Halt::Check | Halt::Amended => OpenError::Location {
                            location: self.location.clone(),
                            why: "its journal has changed since it was opened".to_owned(),
                        },
                    });
                    Err(Stop)
                }
            })?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let replayed = replay.finish()?;
        replayed.ok_or_else(|| OpenError::NoSnapshot {
            location: self.location.clone(),
            why: "the journal does not begin with its initial state".to_owned(),
        })
    }
}

/// A state as a snapshot has it.
pub(crate) fn bytes_of<M: Model>(kernel: &Kernel<M>) -> Result<Vec<u8>, PastError> {
    postcard::to_stdvec(kernel.model()).map_err(|error| {
        let position = kernel.position();
        PastError::Failed(format!("the state after position {position} cannot be written: {error}").into())
    })
}
