//! The file `attempt`.
//!
//! ```text
//! file = "attempt2", program (u64), first, last (u64), tries (u64), number of verdicts (u64),
//!        position of each (u64), CRC-32C of everything before
//! ```
//!
//! Numbers are little-endian. It is written in place, and one that was cut while it was written says nothing: what it
//! holds is only ever worth some more attempts.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    Position,
    disk::{Access, Disk, DiskFile},
};

const MAGIC: &[u8; 8] = b"attempt2";
const HEAD_BYTES: usize = 48;
const SUM_BYTES: usize = 4;
/// How many verdicts are read at most.
const VERDICTS_MAX: usize = 1 << 16;

/// The records that were about to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) first: Position,
    pub(super) last: Position,
    /// How many processes in a row have named exactly these.
    pub(super) tries: u64,
}

impl Attempt {
    pub(super) fn has(&self, position: Position) -> bool {
        self.first <= position && position <= self.last
    }

    /// Whether it names one record.
    pub(super) fn is_one(&self) -> bool {
        self.first == self.last
    }
}

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) attempt: Option<Attempt>,
    /// The records that are left out, until the journal says so.
    pub(super) verdicts: BTreeSet<Position>,
}

/// The file, once it is open.
pub(super) struct AttemptFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    dir: PathBuf,
    program: u64,
    file: Option<Box<dyn DiskFile>>,
    /// Its entry in the directory was synced by this process.
    is_entered: bool,
}

impl AttemptFile {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &Path, program: u64) -> Self {
        AttemptFile {
            disk,
            path: dir.join("attempt"),
            dir: dir.to_owned(),
            program,
            file: None,
            is_entered: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What an earlier process of the same program left.
    pub(super) fn read(&self) -> io::Result<Content> {
        let file = match self.disk.open(&self.path, Access::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
            file => file?,
        };
        let length = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(HEAD_BYTES + 8 * VERDICTS_MAX + SUM_BYTES)];
        let read = file.read_at(&mut bytes, 0)?;
        Ok(decode(&bytes[..read], self.program).unwrap_or_default())
    }

    /// Writes it, so that it outlasts this process; with `durable`, the machine too.
    pub(super) fn write(&mut self, content: &Content, durable: bool) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => match self.disk.open(&self.path, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.disk.open(&self.path, Access::CreateNew)?
                }
                file => file?,
            },
        };
        file.write_at(&encode(content, self.program), 0)?;
        if durable {
            file.sync()?;
            if !self.is_entered {
                self.disk.sync_dir(&self.dir)?;
                self.is_entered = true;
            }
        }
        self.file = Some(file);
        Ok(())
    }

    pub(super) fn remove(&mut self) -> io::Result<()> {
        self.file = None;
        self.is_entered = false;
        match self.disk.remove(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// What a program is known by: another one, or the same with another time limit, may get past what ended this one.
pub(crate) fn program(limit: Option<Duration>) -> u64 {
    let mut hasher = DefaultHasher::new();
    limit.hash(&mut hasher);
    let file = std::env::current_exe().and_then(std::fs::metadata);
    if let Ok(file) = file {
        (file.len(), file.modified().ok()).hash(&mut hasher);
    }
    hasher.finish()
}

fn encode(content: &Content, program: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + 8 * content.verdicts.len() + SUM_BYTES);
    bytes.extend_from_slice(MAGIC);
    let (first, last, tries) = match content.attempt {
        Some(attempt) => (attempt.first.get(), attempt.last.get(), attempt.tries),
        None => (0, 0, 0),
    };
    let verdicts = content.verdicts.iter().map(|position| position.get());
    for number in [program, first, last, tries, content.verdicts.len() as u64].into_iter().chain(verdicts) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let sum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8], program: u64) -> Option<Content> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let count = usize::try_from(number(40)?).ok().filter(|count| *count <= VERDICTS_MAX)?;
    let end = HEAD_BYTES + 8 * count;
    let (content, sum) = (bytes.get(..end)?, bytes.get(end..end + SUM_BYTES)?);
    if !content.starts_with(MAGIC) || crc32c::crc32c(content).to_le_bytes() != sum || number(8)? != program {
        return None;
    }
    let (first, last, tries) = (number(16)?, number(24)?, number(32)?);
    let attempt = (0 < first && first <= last).then(|| Attempt {
        first: Position::new(first),
        last: Position::new(last),
        tries,
    });
    let verdicts = (0..count).filter_map(|index| number(HEAD_BYTES + 8 * index)).map(Position::new).collect();
    Some(Content { attempt, verdicts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_of_another_program_says_nothing() {
        let attempt = Some(Attempt { first: Position::new(3), last: Position::new(9), tries: 2 });
        let content = Content { attempt, verdicts: [Position::new(1), Position::new(2)].into() };
        let bytes = encode(&content, 7);
        assert_eq!(decode(&bytes, 7), Some(content));
        assert_eq!(decode(&bytes, 8), None, "another program may get past it");
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length], 7), None);
        }
        for bit in 0..bytes.len() * 8 {
            let mut rotten = bytes.clone();
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&rotten, 7), None, "bit {bit}");
        }
        let mut longer = bytes.clone();
        longer.extend_from_slice(b"what an earlier, longer one has left");
        assert_eq!(decode(&longer, 7), decode(&bytes, 7));
    }
}
