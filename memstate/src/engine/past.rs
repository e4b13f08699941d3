//! States of the past, made again from the nearest snapshot and the journal, on threads of their own.

use std::{
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::{Semaphore, oneshot};

use super::{
    Shared,
    kernel::Kernel,
    ledger::{self, Line},
    record::batch_time,
    replay::{Halt, Replay, Replayed, Seen},
    spawn,
};
use crate::{Model, OpenError, PastError, Position, Span, Timestamp, When, journal::Stop, state};

/// How many states of the past are made at once, each of which takes a core and the memory of a whole model. Others wait.
const REPLAYS_MAX: usize = 4;
/// How many streams of history are made at once. They are counted apart, because a stream that nobody reads
/// stands still, and must not keep those waiting who end by themselves.
const STREAMS_MAX: usize = 16;

/// Says whether somebody still waits for the result.
pub(crate) type Wanted<'a> = &'a dyn Fn() -> bool;

/// Bounds what is made of the past at once.
#[derive(Debug)]
pub(crate) struct Turns {
    replays: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Turns {
            replays: Arc::new(Semaphore::new(REPLAYS_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

/// Runs `work` on a thread of its own when it is its turn. When the future is dropped, `work` is told that it is not
/// wanted any more.
pub(crate) async fn in_turn<M: Model, R: Send + 'static>(
    shared: Arc<Shared<M>>,
    work: impl FnOnce(&Shared<M>, Wanted<'_>) -> Result<R, PastError> + Send + 'static,
) -> Result<R, PastError> {
    let turn = Arc::clone(&shared.turns.replays).acquire_owned().await;
    let (done, result) = oneshot::channel();
    let spawned = spawn("memstate-past", move || {
        let worked = catch_unwind(AssertUnwindSafe(|| work(&shared, &|| !done.is_closed())));
        let worked = worked.unwrap_or_else(|panic| Err(panicked(&state::message(panic))));
        drop(turn);
        let _ = done.send(worked);
    });
    spawned
        .map_err(|error| PastError::Failed(format!("there is no thread to make it on: {error}").into()))?;
    result.await.unwrap_or_else(|_| Err(panicked("its thread ended")))
}

pub(crate) fn panicked(message: &str) -> PastError {
    PastError::Failed(format!("the past cannot be made again: it panicked: {message}").into())
}

fn failed(error: &OpenError) -> PastError {
    PastError::Failed(format!("the past cannot be made again: {error}").into())
}

impl From<OpenError> for PastError {
    fn from(error: OpenError) -> Self {
        failed(&error)
    }
}

impl<M: Model> Shared<M> {
    /// Waits until another stream of history may be made, which it may as long as this lives.
    pub(crate) async fn turn_of_a_stream(&self) -> impl Send + 'static {
        Arc::clone(&self.turns.streams).acquire_owned().await
    }

    /// Tells `each` of the records from `first` through `last`.
    pub(crate) fn read_lines(
        &self,
        first: Position,
        last: Position,
        each: &mut ledger::Each<'_>,
    ) -> Result<(), OpenError> {
        ledger::read(&self.location, &*self.reader, first, last, &mut |line| {
            let outcome = self.amendments.of(line.position).or(line.outcome);
            each(&Line { outcome, ..*line })
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
        let just_before = |time: &Timestamp| Timestamp::from_micros(time.as_micros().saturating_sub(1));
        let last_through = |time| self.last_through(time, end, wanted);
        let first = match &span.from {
            Bound::Unbounded => Position::START.next(),
            Bound::Included(When::Position(position)) => *position,
            Bound::Excluded(When::Position(position)) => Position::new(position.get().saturating_add(1)),
            Bound::Included(When::Time(time)) => last_through(just_before(time))?.next(),
            Bound::Excluded(When::Time(time)) => last_through(*time)?.next(),
            Bound::Included(When::Unknown(text)) | Bound::Excluded(When::Unknown(text)) => {
                return Err(PastError::Unknown(text.clone()));
            }
        };
        let last = match &span.to {
            Bound::Unbounded => end,
            Bound::Included(When::Position(position)) => *position,
            Bound::Excluded(When::Position(position)) => Position::new(position.get().saturating_sub(1)),
            Bound::Included(When::Time(time)) => last_through(*time)?,
            Bound::Excluded(When::Time(time)) => last_through(just_before(time))?,
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
        let goes_on = std::cell::Cell::new(true);
        let observe = |seen: &Seen<'_>| {
            goes_on.set(observer(seen));
            goes_on.get()
        };
        // All of it could be carried over when it was opened.
        let mut replay = Replay::new(self.location.clone(), Arc::clone(&self.today), start)
            .checked_through(Position::new(u64::MAX))
            .amended(Arc::clone(&self.amendments))
            .until(until)
            .observed(observe);
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
        let replayed = replay.finish(&mut |_| Ok(true))?;
        replayed.ok_or_else(|| OpenError::NoSnapshot {
            location: self.location.clone(),
            why: "the journal does not begin with its initial state".to_owned(),
        })
    }
}
