//! The journal: the totally ordered, durable log of batches of commands.
//!
//! [`Journal`] is the contract, in obligations. A journal holds bytes and positions. It knows no model, no
//! engine and no other backend.

use std::{io, path::PathBuf, sync::Arc};

use crate::{
    Position, VERSION,
    codec::{get_bytes, get_varint},
};

pub mod file;
pub mod memory;

/// The most bytes that the payload of one batch may have.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// A batch that is to be appended.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The position of the batch's first record: always the one after [`Journal::end`], also when `count` is 0.
    pub first: Position,
    /// How many records it holds; 0 for a batch that only carries outcomes of earlier ones.
    pub count: u32,
    /// What the journal keeps and does not look into; at most [`BATCH_BYTES_MAX`].
    pub payload: &'a [u8],
}

/// A durable batch, as it is read back.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The position of its first record.
    pub first: Position,
    /// How many records it holds.
    pub count: u32,
    /// What was appended.
    pub payload: &'a [u8],
    /// What the writer said of itself when it started; see [`Journal::start`]. Consecutive entries of one writer
    /// share the allocation, so a reader need look at it only when [`Arc::ptr_eq`] says that it is another.
    pub preamble: &'a Arc<[u8]>,
}

/// What a visitor of entries returns to stop before the end.
pub type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<(), Stop> + 'a;

/// A visitor of entries wants no more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What [`Journal::recover`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The position of the last record; [`Position::START`] in an empty journal.
    pub end: Position,
    /// Whether the last writer closed the journal; also true of a new one.
    pub clean: bool,
    /// What was found and will be mended by [`Journal::start`], in words for the log: a torn tail.
    pub repairs: Vec<String>,
}

/// An ordered, durable log with one writer.
///
/// The order of calls is `recover`, once or more often, `start`, any number of `append`, `close`.
pub trait Journal: Send {
    /// Reads and verifies everything, and visits each batch in order, once. Called again before `start`, does the same again.
    ///
    /// * Must change nothing, so that a journal that the caller then refuses is left as it was.
    /// * Must refuse what is not exactly what was appended: see [`JournalError::Damaged`]. The only exception is a
    ///   last batch that a crash cut, which was never acknowledged: that must be left out.
    /// * If the visitor stops, must return `Ok(None)`; the journal cannot be started then.
    fn recover(&mut self, visit: &mut Visit<'_>) -> Result<Option<Recovered>, JournalError>;

    /// About how many bytes of payload [`recover`](Journal::recover) will visit; 0 if that is not known. Only for showing
    /// progress.
    fn bytes(&self) -> u64 {
        0
    }

    /// What the writers of the journal have said of themselves, as far as that can be told without reading all of it; nothing
    /// of it is verified. Only for finding out early what [`recover`](Journal::recover), which is called after it, will visit.
    fn writers(&mut self) -> Vec<Arc<[u8]>> {
        Vec::new()
    }

    /// Makes the journal ready for `append`, with what this writer says of itself: `preamble` comes back in every
    /// [`Entry`] that it appends. Of what is in it a journal may know that it begins, in every version, with a number and
    /// the version of memstate that wrote it, both as postcard writes them.
    ///
    /// * Must not return before everything that `recover` visited is durable, whatever happened to an earlier
    ///   writer: after a failed sync, what could be read may never have reached the disk.
    fn start(&mut self, preamble: &[u8]) -> Result<(), JournalError>;

    /// Appends a batch.
    ///
    /// * Must return `Ok` only when the batch is durable.
    /// * After an error nothing is known of the batch, and every further call must fail: a failed write or sync
    ///   is never tried again.
    fn append(&mut self, batch: Batch<'_>) -> Result<(), JournalError>;

    /// The position of the last durable record; after `recover` and before `start`, of the last one that was found.
    fn end(&self) -> Position;

    /// Something to read with, from any thread, while this journal is written and after. It sees nothing before
    /// `start`, when nothing is known to be durable.
    fn reader(&self) -> Arc<dyn ReadJournal>;

    /// Marks the journal as closed, after a last batch. No `append` may follow.
    fn close(&mut self) -> Result<(), JournalError>;
}

/// Reads a journal, from any thread.
pub trait ReadJournal: Send + Sync {
    /// Visits in order the durable batches that hold positions of `from` and after, and the empty ones after the first
    /// of them, up to what was durable when the call began; stops early when the visitor says so. From
    /// [`Position::START`] it visits all.
    fn read(&self, from: Position, visit: &mut Visit<'_>) -> Result<(), JournalError>;
}

/// Why a journal cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process, or this one, has the journal open.
    #[error(
        "{path} is in use by another process or another `open` in this one: a journal has one writer; close that first"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The directory or a file in it is something else.
    #[error(
        "{path} is not a memstate journal: {what}; give the path of a journal, or of an empty or new directory"
    )]
    NotAJournal {
        /// The directory or file.
        path: PathBuf,
        /// What was found there.
        what: String,
    },
    /// A later version of memstate wrote it.
    #[error(
        "{path} has format {found}, and formats up to {supported} are read here: {}", newer(writer.as_deref())
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format that is understood.
        supported: u32,
        /// The version of memstate that made it, if that can be told.
        writer: Option<String>,
    },
    /// Bytes are not what was written. Nothing was changed.
    #[error(
        "{path} is damaged at byte {offset} (after position {after}): {what}. Nothing was changed; \
         restore the file from a backup"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// The last position that is known to be whole.
        after: Position,
        /// What is wrong there.
        what: String,
    },
    /// The system refused.
    #[error("cannot {action} {path}: {source}{}", advice(source))]
    Io {
        /// What was tried, as in "cannot … the file".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An earlier write or sync failed; nothing is written after that.
    #[error("the journal stopped after an earlier error: {0}")]
    Stopped(Arc<str>),
}

/// The version of memstate that wrote a preamble of any layout: behind a number, it is the first that stands there.
pub(crate) fn version_of(mut preamble: &[u8]) -> Option<&str> {
    let bytes = &mut preamble;
    get_varint(bytes).ok()?;
    let length = get_varint(bytes).ok().filter(|length| (1..=VERSION_BYTES_MAX).contains(length))?;
    let text = std::str::from_utf8(get_bytes(bytes, length as usize).ok()?).ok()?;
    text.chars().all(|char| char.is_ascii_graphic()).then_some(text)
}

/// How long the name of a version is at most, for it to be told.
const VERSION_BYTES_MAX: u64 = 64;

/// What is to be done about what another version wrote, which is newer.
pub(crate) fn newer(writer: Option<&str>) -> String {
    let writer = writer.map(|writer| format!(", {writer}")).unwrap_or_default();
    format!("a newer version of memstate wrote it{writer}, and this is {VERSION}; use that one")
}

/// What to do about what the system said, where that is known.
pub(crate) fn advice(source: &io::Error) -> &'static str {
    const INPUT_OUTPUT: i32 = 5;
    match source.kind() {
        io::ErrorKind::StorageFull => "; make room there",
        io::ErrorKind::QuotaExceeded => "; make room within the quota, or raise it",
        io::ErrorKind::ReadOnlyFilesystem => {
            "; the file system may have turned itself read-only after an error: look into the system's log"
        }
        _ if source.raw_os_error() == Some(INPUT_OUTPUT) => {
            "; the disk or its file system has failed: look into the system's log"
        }
        _ => "",
    }
}
