//! What gets a journal open again when one of its commands ends the process: a stack overflow, a panic while a panic
//! unwinds, memory that runs out.
//!
//! Such a command is durable before it runs, so recovery would meet it each time. Only a record of the *unconfirmed
//! tail* can be the one, because an outcome was written for every other. Before the tail is applied, the file `attempt`
//! says so. If the process ends on the way, the next one finds the file, and from then on each process splits the range
//! that it finds into [`PARTS`], and names each part before it applies it. So a few deaths lead to one record; when that
//! has ended [`TRIES`] processes in a row, it is poisoned: it is left out, and the verdict goes into the journal.
//!
//! A process may also be killed from outside while it recovers, and no record is to blame. That leads nowhere: the next
//! process gets past the part, and the suspicion is gone. Blaming a record takes a death in the same part each time.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    OpenError, Position,
    bugs::{self, Bug},
    disk::{Access, Disk},
};

/// A record that ended this many processes in a row, each of which had named it alone, is poisoned.
const TRIES: u64 = 3;
/// Into how many parts a range is split in which a process has ended. Each costs a sync.
const PARTS: u64 = 16;
const MAGIC: &[u8; 8] = b"attempt\n";

/// The attempts to apply the unconfirmed tail of a journal.
#[derive(Debug)]
pub(crate) struct Attempts {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    dir: PathBuf,
    /// What an earlier process left.
    found: Option<Attempt>,
    /// The last position of the tail.
    end: Position,
    /// What is written in the file.
    written: Option<Attempt>,
}

/// The records that were about to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    first: Position,
    last: Position,
    /// How many processes in a row have named exactly these.
    tries: u64,
}

impl Attempt {
    fn has(&self, position: Position) -> bool {
        self.first <= position && position <= self.last
    }
}

impl Attempts {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("attempt");
        let found = read(&*disk, &path).map_err(|source| io_error("read", &path, source))?;
        Ok(Attempts { disk, path, dir: dir.to_owned(), found, end: Position::START, written: None })
    }

    /// The tail reaches to `end`.
    pub(crate) fn until(&mut self, end: Position) {
        self.end = end;
    }

    /// Whether the record at `position`, of the tail, may be applied.
    pub(crate) fn may_apply(&mut self, position: Position) -> Result<bool, OpenError> {
        if self.written.is_some_and(|written| written.has(position)) {
            return Ok(true);
        }
        let to = |last: Position| Attempt { first: position, last: last.min(self.end), tries: 1 };
        let next = match self.found {
            Some(found) if found.has(position) && found.first == found.last => {
                if found.tries >= TRIES {
                    tracing::error!(
                        %position,
                        "the command at this position has ended {TRIES} processes in a row and is left out"
                    );
                    return Ok(false);
                }
                Attempt { tries: found.tries + 1, ..found }
            }
            Some(found) if found.has(position) => {
                let part = (found.last.get() - found.first.get() + 1).div_ceil(PARTS);
                to(position.plus(part - 1).min(found.last))
            }
            Some(found) if position < found.first => to(Position::new(found.first.get() - 1)),
            _ => to(self.end),
        };
        if !bugs::on(Bug::AttemptNotMarked) {
            self.write(next)?;
        }
        self.written = Some(next);
        Ok(true)
    }

    /// The tail was applied: nothing of it is suspected any more. When the journal is started its directory is synced, and
    /// this with it.
    pub(crate) fn done(self) -> Result<(), OpenError> {
        if self.found.is_none() && self.written.is_none() {
            return Ok(());
        }
        match self.disk.remove(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &self.path, source))
            }
            _ => Ok(()),
        }
    }

    /// The tail could not be applied, and this process lives to say why: that is no death, and blames no record.
    pub(crate) fn give_up(self) -> Result<(), OpenError> {
        match self.found {
            Some(found) if self.written.is_some() => self.write(found),
            Some(_) => Ok(()),
            None => self.done(),
        }
    }

    fn write(&self, attempt: Attempt) -> Result<(), OpenError> {
        let attempt_bytes = encode(attempt);
        let write = || {
            let mut file = match self.disk.open(&self.path, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let file = self.disk.open(&self.path, Access::CreateNew)?;
                    self.disk.sync_dir(&self.dir)?;
                    file
                }
                file => file?,
            };
            file.write_at(&attempt_bytes, 0)?;
            file.sync()
        };
        write().map_err(|source| io_error("write", &self.path, source))
    }
}

fn encode(attempt: Attempt) -> [u8; 36] {
    let mut bytes = [0; 36];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&attempt.first.get().to_le_bytes());
    bytes[16..24].copy_from_slice(&attempt.last.get().to_le_bytes());
    bytes[24..32].copy_from_slice(&attempt.tries.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads the file. One that was cut while it was written names nothing.
fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Attempt>> {
    let file = match disk.open(path, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = [0; 36];
    let read = file.read_at(&mut bytes, 0)?;
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let attempt =
        Attempt { first: Position::new(number(8)), last: Position::new(number(16)), tries: number(24) };
    let whole = read == bytes.len() && encode(attempt) == bytes && attempt.first <= attempt.last;
    Ok(whole.then_some(attempt))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    /// Opens until `fatal` is left out, in a tail of the records 1 to `count`; says after how many deaths.
    fn deaths(count: u64, fatal: u64) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        for deaths in 0.. {
            let mut attempts = Attempts::new(Arc::new(RealDisk), dir.path()).unwrap();
            attempts.until(Position::new(count));
            let died = (1..=count).any(|position| {
                let applied = attempts.may_apply(Position::new(position)).unwrap();
                assert!(applied || position == fatal, "{position} is innocent");
                applied && position == fatal
            });
            if !died {
                attempts.done().unwrap();
                assert!(!dir.path().join("attempt").exists());
                return deaths;
            }
        }
        unreachable!()
    }

    #[test]
    fn a_record_that_ends_processes_is_found_in_a_few_deaths() {
        assert_eq!(deaths(1, 1), TRIES);
        for fatal in [1, 2, 100, 255, 256] {
            assert_eq!(deaths(256, fatal), TRIES + 2);
        }
        for fatal in [1, 3000, 5000] {
            assert!(deaths(5000, fatal) <= TRIES + 4);
        }
    }

    #[test]
    fn kills_at_random_moments_blame_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let mut kill = 7u64;
        for _ in 0..200 {
            let mut attempts = Attempts::new(Arc::new(RealDisk), dir.path()).unwrap();
            attempts.until(Position::new(300));
            kill = kill.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            for position in 1..=(kill >> 33) % 300 {
                assert!(attempts.may_apply(Position::new(position)).unwrap());
            }
        }
    }
}
