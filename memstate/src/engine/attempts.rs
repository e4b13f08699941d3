//! What gets a journal open again when one of its commands ends the process: a stack overflow, a panic while a panic
//! unwinds, memory that runs out, a loop that does not end.
//!
//! Such a command is durable before it runs, so recovery would meet it each time. As a rule it is one of the *unconfirmed
//! tail*, because an outcome was written for every other. Before the tail is applied, the file `attempt`
//! says so. If the process ends on the way, the next one finds the file, and from then on each process splits the range
//! that it finds into [`PARTS`], and names each part before it applies it. So a few deaths lead to one record; when that
//! has ended [`TRIES`] processes in a row, it is poisoned: it is left out, and the verdict goes into the journal. Until it
//! stands there, it stands in the file: another record of the same tail may end processes too.
//!
//! A record that was confirmed may do the same when it is replayed, by another version of the code or with less memory. It
//! cannot be left out, because what it did was acknowledged and others built on it. So the journal is refused, with
//! [`OpenError::Fatal`], and not a process more is lost to it. What leads to the record is written without syncs: it has to
//! outlast a process, and a normal opening must not pay for it.
//!
//! A process may also be killed from outside while it recovers, and no record is to blame. That leads nowhere: the next
//! process gets past the part, and the suspicion is gone. Blaming a record takes a death in the same part each time.
//! Deaths of another program (a new build, another time limit) count for nothing.

mod file;

use std::{io, path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;

pub(crate) use self::file::program;
use self::file::{Attempt, AttemptFile, Content};
use crate::{
    OpenError, Position,
    bugs::{self, Bug},
    disk::Disk,
};

/// A record that ended this many processes in a row, each of which had named it alone, is poisoned.
pub(crate) const TRIES: u64 = 3;
/// Into how many parts a range is split in which a process has ended. Each costs a sync.
const PARTS: u64 = 16;
/// Where a range ends of which nobody knows how far it goes.
const OPEN_END: Position = Position::new(u64::MAX);

/// The attempts to apply the records of a journal. Who runs them and who watches over them share it.
pub(crate) struct Attempts {
    state: Mutex<State>,
}

struct State {
    file: AttemptFile,
    /// What an earlier process left.
    found: Content,
    /// The last position of the tail.
    end: Position,
    /// What is written in the file.
    written: Content,
    /// It is the tail that is applied.
    in_tail: bool,
    /// The file is there, or may be.
    is_there: bool,
}

impl Attempts {
    /// `limit` is the time limit of commands.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, limit: Option<Duration>) -> Result<Self, OpenError> {
        let file = AttemptFile::new(disk, dir, file::program(limit));
        let found = file.read().map_err(|source| io_error("read", file.path(), source))?;
        let is_there = found != Content::default();
        let written = Content { attempt: None, verdicts: found.verdicts.clone() };
        let state =
            Mutex::new(State { file, found, end: Position::START, written, in_tail: false, is_there });
        Ok(Attempts { state })
    }

    /// The tail reaches to `end`.
    pub(crate) fn until(&self, end: Position) {
        self.state.lock().end = end;
    }

    /// Names the record at `position`, which was confirmed and is about to be replayed, and those after it in a batch
    /// that ends with `last`. Gives the last one that was named with it.
    ///
    /// # Errors
    ///
    /// With the number of processes that it has ended.
    pub(crate) fn may_replay(&self, position: Position, last: Position) -> Result<Position, u64> {
        let mut state = self.state.lock();
        state.in_tail = false;
        if let Some(written) = state.written.attempt.filter(|written| written.has(position)) {
            return Ok(written.last);
        }
        let to = |last: Position| Attempt { first: position, last, tries: 1 };
        let next = match state.found.attempt {
            Some(found) if found.has(position) && found.is_one() => match found.tries >= TRIES {
                true => return Err(found.tries),
                false => Attempt { tries: found.tries + 1, ..found },
            },
            Some(found) if found.has(position) && found.last == OPEN_END => to(last),
            Some(found) if found.has(position) => to(position),
            Some(found) if position < found.first => to(before(found.first)),
            _ => to(OPEN_END),
        };
        state.written.attempt = Some(next);
        if !bugs::on(Bug::AttemptNotMarked)
            && let Err(error) = state.write(false)
        {
            // It is of use only if this process ends, and a journal that can be read is not to be refused for it.
            tracing::warn!(%error, path = %state.file.path().display(), "cannot note what is replayed");
        }
        Ok(next.last)
    }

    /// Whether the record at `position`, of the tail, may be applied.
    pub(crate) fn may_apply(&self, position: Position) -> Result<bool, OpenError> {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.in_tail, true) {
            // It may be named as a part of what comes before it, which is not where a verdict is sought.
            state.written.attempt = None;
        }
        if state.written.verdicts.contains(&position) {
            tell_left_out(position);
            return Ok(false);
        }
        if state.written.attempt.is_some_and(|written| written.has(position)) {
            return Ok(true);
        }
        let to = |last: Position| Attempt { first: position, last: last.min(state.end), tries: 1 };
        let next = match state.found.attempt {
            Some(found) if found.has(position) && found.is_one() => {
                if found.tries >= TRIES {
                    tell_left_out(position);
                    // The next one that is named takes the place of this one in the file.
                    state.written.attempt = None;
                    state.written.verdicts.insert(position);
                    state.write_durably()?;
                    return Ok(false);
                }
                Attempt { tries: found.tries + 1, ..found }
            }
            Some(found) if found.has(position) && found.last == OPEN_END => to(state.end),
            Some(found) if found.has(position) => {
                let part = (found.last.get() - found.first.get() + 1).div_ceil(PARTS);
                to(Position::new(position.get().saturating_add(part - 1)).min(found.last))
            }
            Some(found) if position < found.first => to(before(found.first)),
            _ => to(state.end),
        };
        state.written.attempt = Some(next);
        if !bugs::on(Bug::AttemptNotMarked) {
            state.write_durably()?;
        }
        Ok(true)
    }

    /// The watchdog ends the process, because the record at `position` runs for too long: the next one need not search.
    pub(crate) fn blame(&self, position: Position) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.written.attempt.is_some_and(|written| written.is_one() && written.has(position)) {
            return Ok(());
        }
        state.written.attempt = Some(Attempt { first: position, last: position, tries: 1 });
        match bugs::on(Bug::AttemptNotMarked) {
            true => Ok(()),
            false => state.write(true),
        }
    }

    /// Every record was applied: whatever ends the process from here on, none of them is to blame.
    pub(crate) fn applied(&self) -> Result<(), OpenError> {
        let mut state = self.state.lock();
        state.written.attempt = None;
        match state.written.verdicts.is_empty() {
            true => state.remove(),
            // They are not in the journal yet.
            false => state.write_durably(),
        }
    }

    /// The outcomes of the tail are in the journal.
    pub(crate) fn done(&self) -> Result<(), OpenError> {
        let mut state = self.state.lock();
        state.found = Content::default();
        state.written = Content::default();
        state.remove()
    }

    /// The journal could not be opened, and this process lives to say why: that is no death, and blames no record.
    pub(crate) fn give_up(&self) -> Result<(), OpenError> {
        let mut state = self.state.lock();
        if state.found == Content::default() {
            return state.remove();
        }
        state.written = state.found.clone();
        state.write_durably()
    }
}

impl State {
    fn write(&mut self, durable: bool) -> io::Result<()> {
        self.is_there = true;
        self.file.write(&self.written, durable)
    }

    fn write_durably(&mut self) -> Result<(), OpenError> {
        self.write(true).map_err(|source| io_error("write", self.file.path(), source))
    }

    fn remove(&mut self) -> Result<(), OpenError> {
        if std::mem::take(&mut self.is_there) {
            self.file.remove().map_err(|source| io_error("remove", self.file.path(), source))?;
        }
        Ok(())
    }
}

fn before(position: Position) -> Position {
    Position::new(position.get() - 1)
}

fn tell_left_out(position: Position) {
    tracing::error!(
        %position,
        "the command at this position has ended {TRIES} processes in a row and is left out"
    );
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
