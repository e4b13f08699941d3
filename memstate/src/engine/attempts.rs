//! What gets a journal open again when one of its commands ends the process: a stack overflow, a panic while a panic
//! unwinds, memory that runs out.
//!
//! Such a command is durable before it runs, so recovery would meet it each time. Only a record of the *unconfirmed
//! tail* can be the one, because an outcome was written for every other. Before the tail is applied, the file `attempt`
//! says so. If the process ends on the way, the next one finds the file and says before each record which one it is. A
//! record that ends two such processes is poisoned: it is left out, and the verdict goes into the journal.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    OpenError, Position,
    disk::{Access, Disk},
};

/// A record that ended this many processes, each of which had named it before, is poisoned.
const TRIES: u64 = 2;
const MAGIC: &[u8; 8] = b"attempt\n";

/// The attempts to apply the unconfirmed tail of a journal.
#[derive(Debug)]
pub(crate) struct Attempts {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    dir: PathBuf,
    /// What an earlier process left.
    found: Option<Attempt>,
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    /// The record that was being applied; [`Position::START`] for "the tail, I do not know where".
    position: Position,
    tries: u64,
}

impl Attempts {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("attempt");
        let found = read(&*disk, &path).map_err(|source| io_error("read", &path, source))?;
        Ok(Attempts { disk, path, dir: dir.to_owned(), found, begun: false })
    }

    /// Whether the record at `position`, of the tail, may be applied.
    pub(crate) fn may_apply(&mut self, position: Position) -> Result<bool, OpenError> {
        let Some(found) = self.found else {
            if !std::mem::replace(&mut self.begun, true) {
                self.write(Attempt { position: Position::START, tries: 1 })?;
            }
            return Ok(true);
        };
        let tries = if found.position == position { found.tries } else { 0 };
        if tries >= TRIES {
            tracing::error!(
                %position,
                "the command at this position ended {TRIES} processes and is left out"
            );
            return Ok(false);
        }
        self.write(Attempt { position, tries: tries + 1 })?;
        Ok(true)
    }

    /// The tail was applied, and its outcomes are in the journal.
    pub(crate) fn done(self) -> Result<(), OpenError> {
        if self.found.is_none() && !self.begun {
            return Ok(());
        }
        match self.disk.remove(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &self.path, source))
            }
            _ => Ok(()),
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

fn encode(attempt: Attempt) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&attempt.position.get().to_le_bytes());
    bytes[16..24].copy_from_slice(&attempt.tries.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads the file. A torn or foreign one says only that somebody was at the tail.
fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Attempt>> {
    let file = match disk.open(path, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = [0; 28];
    let read = file.read_at(&mut bytes, 0)?;
    let attempt = Attempt {
        position: Position::new(u64::from_le_bytes(bytes[8..16].try_into().expect("eight"))),
        tries: u64::from_le_bytes(bytes[16..24].try_into().expect("eight")),
    };
    let whole = read == bytes.len() && encode(attempt) == bytes;
    Ok(Some(if whole { attempt } else { Attempt { position: Position::START, tries: 1 } }))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}
