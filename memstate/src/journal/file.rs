//! [`FileJournal`]: a journal in files, which tells a crash from damage.
//!
//! A crash may cut the one batch that was being written and never acknowledged: that is left out and mended. Any
//! other difference from what was written is damage: a flipped bit, a lost, swapped or misdirected sector, a file
//! that was cut off, renamed or removed. Then the journal is refused, unchanged, and the error names file and byte.
//!
//! It does not know what the payloads mean, and it does not compress, archive or remove segments.
//!
//! # Format 1
//!
//! It has been frozen since 0.1.0. `docs/format.md` has all of it, payloads and snapshots too, for readers of another kind.
//!
//! Numbers are little-endian. A journal is a directory; the segments are files in it that continue each other.
//!
//! ```text
//! data/bank/
//!   lock                      held while the journal is open; its contents mean nothing
//!   journal-0000000001.seg    segments, numbered from 1 without gaps
//!   journal-0000000002.seg
//!   journal-0000000003.seg.tmp    a segment that is being made; left by a crash, it is removed
//! ```
//!
//! A segment is a run of sectors of 512 bytes. A sector is written whole or not at all. One that is all zeros was
//! never written; any other is
//!
//! ```text
//!   0      4      8          16     18     20    22    23    24                    512
//!   ├ crc ─┼ epoch┼── seq ───┼ index┼ total┼ used┼ kind┼  0  ┼─ 488 bytes of body ──┤
//!     u32    u32     u64        u16    u16    u16   u8    u8
//!
//!   crc     CRC-32C of the segment's number (u64), the sector's number in the segment (u64), and bytes 4..512;
//!           1 where that is 0
//!   epoch   counts the writers of the journal
//!   seq     counts the groups of the journal, over all segments, from 0
//!   index   the sector's number in its group, from 0
//!   total   how many sectors the group has
//!   used    how many bytes of the body are used: all 488 but in the last sector; the others are zero
//!   kind    1 header, 2 epoch, 3 batch, 4 close, 5 seal
//! ```
//!
//! A group is what is written at once: consecutive sectors with the same epoch, seq, total and kind. Its body is
//! what its sectors use, in order. A segment begins with one header,
//!
//! ```text
//!   0          8        12        20       28         36             68
//!   ├"memstate"┼ format ┼ segment ┼─ base ─┼ file_len ┼─── chain ────┼─ preamble …
//!                 u32       u64      u64       u64        32 bytes
//! ```
//!
//! where `base` is the position that the segment's first record has or will have, and `chain` the chain before it.
//! Every other group is
//!
//! ```text
//!   0         8        12          20             52
//!   ├─ first ─┼─ count ┼─ file_len ┼─── chain ────┼─ payload …
//!      u64       u32       u64         32 bytes
//!
//!   first     the position of its first record; of the next record, if it has none
//!   count     how many records; 0 in groups that are no batches
//!   file_len  how long the file was when the group was written
//!   chain     the chain after it
//!   payload   of a batch, the user's bytes; of a seal, the next segment's number (u64); otherwise nothing
//! ```
//!
//! The chain is 32 zeros at first. A batch makes it BLAKE3 of the chain before, its kind (u8), first, count and
//! payload; a header does the same with `base`, 0 and the preamble; other groups leave it as it is.
//!
//! The label of the first sector, magic and format, and the place where the preamble begins are the same in all later formats,
//! and so is the name of the file: so a journal of a later format is told from a damaged one, and who wrote it can be named.
//!
//! # The order of writes, and what follows from it
//!
//! 1. *A group is written after the one before it is durable.* So any sector of group n + 1 proves that n was
//!    durable: where n is not whole then, a write was lost. Only the last group can have been cut by a crash, and
//!    only into sectors that are whole and sectors that were never written. Of these only a batch has several.
//! 2. *A sector is written once,* so what was acknowledged is never at risk. The exceptions are in [`Journal::start`]:
//!    the last group is written again with the same bytes, and a cut batch is zeroed. That and the new epoch are
//!    durable before anything else is written, and nothing of an older epoch counts after a newer one.
//! 3. *A file is filled with zeros ahead, durably, to at least one sector beyond a group, and the group says how
//!    long the file was.* So a file that was cut off is told from one that ends there. Let a file be cut to `t`
//!    bytes and lose something acknowledged, and let group k be the last that is still whole; it ends at `e` and says
//!    that the file had `l` bytes, where `l ≥ e + 512`. If `t < l`, then k refuses the file. If not, the first sector
//!    of group k + 1, from `e` to `e + 512`, is still there, and says itself, by its total, that the file was longer
//!    than group k + 1, which is longer than `t`: it refuses the file. The header is a group too, so there is always
//!    a k, or the header itself is cut, and that a crash cannot do:
//! 4. *A segment gets its name when it is complete:* it is written under another, synced, renamed, and the directory is
//!    synced. Then the seal is written into the one before it, and then batches into the new one. So a seal without a
//!    next segment, a gap in the numbers, or batches in a segment that no seal announces, are damage; a last segment
//!    without a seal before it and without batches was left by a crash, and [`Journal::start`] removes it.
//!
//! Beyond the last group everything is zero to the end of the file.
//!
//! # What cannot be seen
//!
//! The last batch has nothing after it that proves that it was durable. If a disk loses it after it was acknowledged,
//! wholly or in whole sectors, that looks like a crash before it was acknowledged. Whoever writes the journal can
//! close this by appending an empty batch some time after the last one; [`Journal::close`] does it too. For the same
//! reason a directory that was emptied is a new journal, and so is one that has lost its only segment. Two or more writes that are
//! lost, from the last one on, leave what a crash before them would leave too; so does a last segment that is, all of it, as it
//! was at an earlier time.
//!
//! Without a key the chain shows damage and, to whoever kept an earlier [`FileJournal::head`], a rewritten history; it
//! does not stop who can write the files from making another consistent journal.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Batch, Journal, JournalError, ReadJournal, Recovered, Visit};
use crate::{
    Position,
    bugs::{self, Bug},
    disk::Disk,
};

pub(crate) mod aside;
#[cfg(feature = "cli")]
pub(crate) mod copy;
#[cfg(feature = "cli")]
pub(crate) mod cut;
pub(crate) mod directory;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "the command line shows more than is needed to read")
)]
pub(crate) mod inspect;
mod reader;
mod recovery;
#[cfg(feature = "cli")]
pub(crate) mod salvage;
mod scan;
mod sector;
mod segment;
mod writer;

use directory::{Listing, Possession};
use reader::FileReader;
use recovery::Found;
use writer::Writer;

/// How the files of a journal are laid out. The values may differ from one opening to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOptions {
    /// How long a segment gets before the next one is begun. A batch that does not fit makes its segment longer.
    pub segment_bytes: u64,
    /// By how much a file is extended with zeros at first.
    pub fill_bytes_min: u64,
    /// By how much it is extended at most; the amount doubles each time.
    pub fill_bytes_max: u64,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions { segment_bytes: 64 << 20, fill_bytes_min: 64 << 10, fill_bytes_max: 8 << 20 }
    }
}

/// A journal in a directory of files; see the [module](self).
pub struct FileJournal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: FileOptions,
    listing: Listing,
    phase: Phase,
    end: Position,
    head: [u8; 32],
    reader: Arc<FileReader>,
    // Held as long as this lives, also when it is closed or stopped: its readers still read.
    _lock: Box<dyn Send + Sync>,
}

enum Phase {
    Opened,
    Recovered(Box<Found>),
    Writing(Box<Writer>),
    Stopped(Arc<str>),
}

impl FileJournal {
    /// Opens the journal in `dir`, which is created if it is missing.
    ///
    /// Apart from that, and from the lock file, nothing is changed; where something else is refused than a journal
    /// that is in use, not even that.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if it is open already; [`JournalError::NotAJournal`] if `dir` is a file or holds other
    /// files and no journal; [`JournalError::Newer`]; [`JournalError::Damaged`] if a segment is missing or does not
    /// begin as it should; [`JournalError::Io`].
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, options: FileOptions) -> Result<FileJournal, JournalError> {
        let Possession { lock, listing } = directory::take(&*disk, dir)?;
        Ok(FileJournal {
            reader: Arc::new(FileReader::new(disk.clone(), dir.to_owned())),
            disk,
            dir: dir.to_owned(),
            options,
            listing,
            phase: Phase::Opened,
            end: Position::START,
            head: segment::CHAIN_START,
            _lock: lock,
        })
    }

    /// The hash of everything up to the last batch, and of the preambles: two journals with the same head have the
    /// same history.
    pub fn head(&self) -> [u8; 32] {
        self.head
    }

    /// Makes what recovery found durable and mended, and begins to write.
    fn begin(&mut self, found: Found, preamble: &[u8]) -> Result<Writer, JournalError> {
        let (disk, dir) = (&*self.disk, &*self.dir);
        let leftover = found.leftover.map(segment::file_name);
        for name in self.listing.temporaries.drain(..).chain(leftover) {
            let path = dir.join(name);
            disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        let sync_dir = |dir: &Path| disk.sync_dir(dir).map_err(io_error("sync", dir));
        sync_dir(dir)?;
        let mut writer = match found.resumed {
            Some((resumed, last)) => {
                if !bugs::on(Bug::TailNotRewritten) {
                    writer::settle(disk, dir, last)?;
                }
                // Not necessarily in the same segment: the last group may be the seal of the one before.
                if found.must_clear && !bugs::on(Bug::ForgetEpoch) {
                    writer::clear(disk, dir, &resumed.cursor)?;
                }
                self.reader.begin(found.parts);
                Writer::resume(self.disk.clone(), dir, self.options, resumed)?
            }
            None => {
                let writer = Writer::create(self.disk.clone(), dir, self.options, preamble)?;
                // Whoever made the directory may have stopped before that was durable.
                match dir.parent().filter(|parent| !parent.as_os_str().is_empty()).map(sync_dir) {
                    Some(Err(JournalError::Io { source, .. }))
                        if source.kind() == io::ErrorKind::PermissionDenied => {}
                    Some(result) => result?,
                    None => {}
                }
                writer
            }
        };
        writer.begin(preamble)?;
        Ok(writer)
    }

    /// Does something with the writer, and stops for ever if that fails.
    fn write(
        &mut self,
        act: impl FnOnce(&mut Writer) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let writer = match &mut self.phase {
            Phase::Writing(writer) => writer,
            Phase::Stopped(why) => return Err(JournalError::Stopped(why.clone())),
            Phase::Opened | Phase::Recovered(_) => return Err(out_of_order("it was not started")),
        };
        act(writer).map_err(|error| self.stop(error))?;
        self.publish();
        Ok(())
    }

    /// Lets the readers see what is durable.
    fn publish(&mut self) {
        if let Phase::Writing(writer) = &self.phase {
            let cursor = writer.cursor();
            (self.end, self.head) = (cursor.end, cursor.chain);
            self.reader.advance(cursor, writer.preamble(), writer.after_header());
        }
    }

    fn stop(&mut self, error: JournalError) -> JournalError {
        if bugs::on(Bug::DeadJournalLives) && matches!(self.phase, Phase::Writing(_)) {
            return error;
        }
        self.phase = Phase::Stopped(error.to_string().into());
        error
    }
}

impl Journal for FileJournal {
    fn recover(&mut self, visit: &mut Visit<'_>) -> Result<Option<Recovered>, JournalError> {
        match &self.phase {
            Phase::Opened | Phase::Recovered(_) => self.phase = Phase::Opened,
            Phase::Writing(_) => return Err(out_of_order("it was started already")),
            Phase::Stopped(why) => return Err(JournalError::Stopped(why.clone())),
        }
        let Some(found) = recovery::recover(&*self.disk, &self.dir, &self.listing.segments, visit)? else {
            return Ok(None);
        };
        (self.end, self.head) = found.end();
        let recovered = Recovered { end: self.end, clean: found.clean, repairs: found.repairs.clone() };
        self.phase = Phase::Recovered(Box::new(found));
        Ok(Some(recovered))
    }

    fn bytes(&self) -> u64 {
        self.listing.segment_bytes
    }

    fn writers(&mut self) -> Vec<Arc<[u8]>> {
        let preamble = |segment: &u64| {
            let mut scan = scan::Scan::open(&*self.disk, &self.dir, *segment, None).ok()?;
            let (_, _, preamble) = scan.header().ok()?;
            Some(preamble.into())
        };
        self.listing.segments.iter().filter_map(preamble).collect()
    }

    fn start(&mut self, preamble: &[u8]) -> Result<(), JournalError> {
        let found = match std::mem::replace(&mut self.phase, Phase::Opened) {
            Phase::Recovered(found) => *found,
            other => {
                self.phase = other;
                return Err(match &self.phase {
                    Phase::Stopped(why) => JournalError::Stopped(why.clone()),
                    Phase::Writing(_) => out_of_order("it was started already"),
                    Phase::Opened | Phase::Recovered(_) => out_of_order("it was not read to its end"),
                });
            }
        };
        let writer = self.begin(found, preamble).map_err(|error| self.stop(error))?;
        self.phase = Phase::Writing(Box::new(writer));
        self.publish();
        Ok(())
    }

    fn append(&mut self, batch: Batch<'_>) -> Result<(), JournalError> {
        self.write(|writer| writer.append(batch))
    }

    fn end(&self) -> Position {
        self.end
    }

    fn reader(&self) -> Arc<dyn ReadJournal> {
        self.reader.clone()
    }

    fn close(&mut self) -> Result<(), JournalError> {
        self.write(Writer::close)?;
        self.phase = Phase::Stopped("it was closed".into());
        Ok(())
    }
}

fn out_of_order(what: &str) -> JournalError {
    JournalError::Stopped(what.into())
}

/// The error for what the system refused to do with `path`.
fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Io { action, path: path.to_owned(), source }
}
