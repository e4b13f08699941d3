//! Writes the journal: groups into the last segment, and new segments.
//!
//! Nothing here tries anything twice. The owner drops a writer that returned an error.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    FileOptions,
    recovery::Unsettled,
    sector::{self, Kind, Label, SECTOR_BYTES, Sector, sectors_of},
    segment::{CHAIN_START, Chain, Cursor, Frame, Header, file_name, link, temporary_name},
};
use crate::{
    Position,
    bugs::{self, Bug},
    disk::{Access, Disk, DiskFile},
    journal::{BATCH_BYTES_MAX, Batch, JournalError, file::io_error},
};

/// A file is extended to at least this much beyond what is written next. One sector is the rule; the others leave
/// room for a close or a seal, so that these need not extend it.
const SLACK_BYTES: u64 = 4 * SECTOR_BYTES;

/// What a big batch leaves of the buffer.
const BUFFER_BYTES_KEPT: usize = 1 << 20;

static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

/// The one writer of a journal.
pub struct Writer {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: FileOptions,
    segment: SegmentFile,
    cursor: Cursor,
    /// Where the segment's groups begin, if this writer made it.
    after_header: Cursor,
    /// Whether the segment holds a batch; one that does not is never left.
    holds_batch: bool,
    preamble: Arc<[u8]>,
    /// By how much the file is extended next.
    fill_bytes: u64,
    buffer: Vec<u8>,
}

/// What the next segment continues.
struct Start {
    number: u64,
    epoch: u32,
    seq: u64,
    base: Position,
    chain: Chain,
}

/// What recovery tells the writer of the last segment.
pub struct Resumed {
    /// Where the next group goes.
    pub cursor: Cursor,
    /// The segment's preamble.
    pub preamble: Arc<[u8]>,
    /// Whether the segment holds a batch.
    pub holds_batch: bool,
}

impl Writer {
    /// Makes the first segment of a new journal.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: FileOptions,
        preamble: &[u8],
    ) -> Result<Writer, JournalError> {
        let fill_bytes = options.fill_bytes_min;
        let mut buffer = Vec::new();
        let start = Start { number: 1, epoch: 0, seq: 0, base: Position::START.next(), chain: CHAIN_START };
        let (segment, cursor) = create_segment(&*disk, dir, &start, preamble, fill_bytes, &mut buffer)?;
        let (dir, preamble, after_header) = (dir.to_owned(), preamble.into(), cursor.clone());
        let holds_batch = false;
        Ok(Writer {
            disk,
            dir,
            options,
            segment,
            cursor,
            after_header,
            holds_batch,
            preamble,
            fill_bytes,
            buffer,
        })
    }

    /// Goes on with the last segment of a journal.
    pub fn resume(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: FileOptions,
        resumed: Resumed,
    ) -> Result<Writer, JournalError> {
        let Resumed { cursor, preamble, holds_batch } = resumed;
        let segment = SegmentFile::open(&*disk, dir, cursor.segment)?;
        let (dir, fill_bytes, buffer) = (dir.to_owned(), options.fill_bytes_min, Vec::new());
        let after_header = cursor.clone();
        Ok(Writer {
            disk,
            dir,
            options,
            segment,
            cursor,
            after_header,
            holds_batch,
            preamble,
            fill_bytes,
            buffer,
        })
    }

    /// Where the writer is: everything before is durable.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Where the groups of the segment that is written begin, if this writer made it.
    pub fn after_header(&self) -> &Cursor {
        &self.after_header
    }

    /// The preamble of the segment that is written.
    pub fn preamble(&self) -> &Arc<[u8]> {
        &self.preamble
    }

    /// Begins the epoch of this writer, and a new segment if the last one has another preamble.
    pub fn begin(&mut self, preamble: &[u8]) -> Result<(), JournalError> {
        // After a close nothing else may come.
        if !bugs::on(Bug::ForgetEpoch) || self.cursor.epoch == 0 || self.cursor.last == Kind::Close {
            self.put(Kind::Epoch, 0, &[])?;
        }
        if *self.preamble != *preamble {
            self.preamble = preamble.into();
            self.rotate()?;
        }
        Ok(())
    }

    /// Appends a batch, in a new segment if this one is full.
    pub fn append(&mut self, batch: Batch<'_>) -> Result<(), JournalError> {
        let (first, bytes) = (batch.first, batch.payload.len());
        if first != self.cursor.end.next() {
            let end = self.cursor.end;
            return Err(self
                .segment
                .refused(format!("the batch is for position {first} and the journal ends at {end}")));
        }
        if bytes > BATCH_BYTES_MAX {
            return Err(self
                .segment
                .refused(format!("the batch has {bytes} bytes, more than {BATCH_BYTES_MAX}")));
        }
        let sectors = sectors_of(Frame::BYTES + bytes);
        let end = (self.cursor.sector + sectors) * SECTOR_BYTES + SLACK_BYTES;
        if self.holds_batch && end > self.options.segment_bytes {
            self.rotate()?;
        }
        self.put(Kind::Batch, batch.count, batch.payload)?;
        self.holds_batch = true;
        Ok(())
    }

    /// Marks the journal as closed.
    pub fn close(&mut self) -> Result<(), JournalError> {
        self.put(Kind::Close, 0, &[])
    }

    /// Goes on in a new segment. It is complete and durable before the seal of this one says that it exists.
    fn rotate(&mut self) -> Result<(), JournalError> {
        let start = Start {
            number: self.cursor.segment + 1,
            epoch: self.cursor.epoch,
            seq: self.cursor.seq + 1,
            base: self.cursor.end.next(),
            chain: self.cursor.chain,
        };
        let (segment, cursor) = create_segment(
            &*self.disk,
            &self.dir,
            &start,
            &self.preamble,
            self.fill_bytes,
            &mut self.buffer,
        )?;
        self.put(Kind::Seal, 0, &start.number.to_le_bytes())?;
        self.after_header = cursor.clone();
        (self.segment, self.cursor, self.holds_batch) = (segment, cursor, false);
        Ok(())
    }

    /// Writes a group and makes it durable.
    fn put(&mut self, kind: Kind, count: u32, payload: &[u8]) -> Result<(), JournalError> {
        let Cursor { segment, sector, seq, end, chain, .. } = self.cursor;
        let Some(epoch) = self.cursor.epoch_of_next(kind) else {
            return Err(self.segment.refused("the journal cannot be written any more"));
        };
        let Some(next) = end.next().get().checked_add(u64::from(count)) else {
            return Err(self.segment.refused("there are no more positions"));
        };
        let first = end.next();
        let sectors = sectors_of(Frame::BYTES + payload.len());
        self.reserve((sector + sectors) * SECTOR_BYTES)?;
        let chain = if kind == Kind::Batch { link(&chain, kind, first, count, payload) } else { chain };
        let frame = Frame { first, count, file_len: self.segment.len, chain };
        let group = Label { kind, epoch, seq, index: 0, total: 0 };
        sector::encode(&mut self.buffer, segment, sector, group, &frame.to_bytes(), payload);
        self.segment.write(&self.buffer, sector * SECTOR_BYTES)?;
        if !bugs::on(Bug::SkipSync) {
            self.segment.sync()?;
        }
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.cursor.pass(kind, epoch, sectors, Position::new(next - 1), chain);
        Ok(())
    }

    /// Makes the file longer than `end`, durably, before anything is written that says so.
    fn reserve(&mut self, end: u64) -> Result<(), JournalError> {
        let len = self.segment.len;
        if len >= end + SECTOR_BYTES {
            return Ok(());
        }
        let filled = (len + self.fill_bytes).min(self.options.segment_bytes.max(len));
        self.segment.fill(len, filled.max(end + SLACK_BYTES))?;
        self.fill_bytes = (self.fill_bytes * 2).min(self.options.fill_bytes_max);
        self.segment.sync()
    }
}

/// Makes a segment: complete and durable before it has its name.
fn create_segment(
    disk: &dyn Disk,
    dir: &Path,
    start: &Start,
    preamble: &[u8],
    fill_bytes: u64,
    buffer: &mut Vec<u8>,
) -> Result<(SegmentFile, Cursor), JournalError> {
    let &Start { number, epoch, seq, base, chain } = start;
    let temporary = dir.join(temporary_name(number));
    let path = dir.join(file_name(number));
    let file = disk.open(&temporary, Access::CreateNew).map_err(io_error("create", &temporary))?;
    let mut segment = SegmentFile { file, path: temporary.clone(), len: 0 };
    if Header::BYTES + preamble.len() > sector::BODY_BYTES_MAX {
        return Err(segment.refused("the preamble is too long"));
    }
    let sectors = sectors_of(Header::BYTES + preamble.len());
    let header_bytes = sectors * SECTOR_BYTES;
    let file_len = header_bytes + fill_bytes.max(SLACK_BYTES).next_multiple_of(SECTOR_BYTES);
    let header = Header { segment: number, base, file_len, chain };
    let group = Label { kind: Kind::Header, epoch, seq, index: 0, total: 0 };
    sector::encode(buffer, number, 0, group, &header.to_bytes(), preamble);
    segment.write(buffer, 0)?;
    segment.fill(header_bytes, file_len)?;
    segment.sync()?;
    disk.rename(&temporary, &path).map_err(io_error("rename", &temporary))?;
    if !bugs::on(Bug::SkipSyncDir) {
        disk.sync_dir(dir).map_err(io_error("sync", dir))?;
    }
    segment.path = path;
    Ok((segment, Cursor::after_header(&header, epoch, seq, sectors, preamble)))
}

/// Writes the last group again, with the bytes that it has, so that it is durable whatever happened to an earlier
/// writer: after a failed sync the system shows bytes that may never have reached the disk, and another sync of them
/// does nothing. A crash on the way leaves of each sector the same bytes.
pub fn settle(disk: &dyn Disk, dir: &Path, last: Unsettled) -> Result<(), JournalError> {
    let Unsettled { segment, at, end } = last;
    let mut file = SegmentFile::open(disk, dir, segment)?;
    let mut bytes = vec![0; ((end - at) * SECTOR_BYTES) as usize];
    let read = file.file.read_at(&mut bytes, at * SECTOR_BYTES).map_err(io_error("read", &file.path))?;
    let (sectors, _) = bytes[..read].as_chunks();
    let is_written = |(at, bytes)| matches!(sector::decode(bytes, segment, at), Sector::Written(..));
    if sectors.len() as u64 != end - at || !(at..).zip(sectors).all(is_written) {
        return Err(file.refused("what was read a moment ago cannot be read again"));
    }
    file.write(&bytes, at * SECTOR_BYTES)?;
    file.sync()
}

/// Zeroes the last segment from where the next group goes to the end of the file: what there is of a torn batch, and
/// the zeros too, for the sync of these may have failed as well. A crash on the way leaves a batch that is torn more.
pub fn clear(disk: &dyn Disk, dir: &Path, next: &Cursor) -> Result<(), JournalError> {
    let mut file = SegmentFile::open(disk, dir, next.segment)?;
    file.fill(next.sector * SECTOR_BYTES, file.len)?;
    file.sync()
}

/// Zeroes a segment from a place to its end, and makes it at least `len` long.
#[cfg(feature = "cli")]
pub fn zero(disk: &dyn Disk, dir: &Path, segment: u64, from: u64, len: u64) -> Result<(), JournalError> {
    let mut file = SegmentFile::open(disk, dir, segment)?;
    // A part of a sector at the end goes too.
    let there = file.len + SECTOR_BYTES;
    let has_rest = file.file.len().map_err(io_error("tell the length of", &file.path))? > file.len;
    file.fill(from, len.max(if has_rest { there } else { file.len }))?;
    file.sync()
}

/// A segment's file, open to be written.
struct SegmentFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    len: u64,
}

impl SegmentFile {
    fn open(disk: &dyn Disk, dir: &Path, segment: u64) -> Result<SegmentFile, JournalError> {
        let path = dir.join(file_name(segment));
        let file = disk.open(&path, Access::Write).map_err(io_error("open for writing", &path))?;
        let len = file.len().map_err(io_error("tell the length of", &path))?;
        // A crash while the file was extended may leave a part of a sector.
        Ok(SegmentFile { file, path, len: len / SECTOR_BYTES * SECTOR_BYTES })
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<(), JournalError> {
        match self.file.write_at(bytes, offset) {
            Err(error) if bugs::on(Bug::FullDiskIgnored) && error.kind() == io::ErrorKind::StorageFull => {
                Ok(())
            }
            written => written.map_err(io_error("write to", &self.path)),
        }
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        match self.file.sync() {
            Err(_) if bugs::on(Bug::RetryFailedSync) => self.file.sync(),
            synced => synced,
        }
        .map_err(io_error("sync", &self.path))
    }

    /// Writes zeros, which, unlike a hole, have their place on the disk when they are written over.
    fn fill(&mut self, from: u64, to: u64) -> Result<(), JournalError> {
        let to = to.next_multiple_of(SECTOR_BYTES);
        let mut at = from;
        while at < to {
            let bytes = &ZEROS[..(to - at).min(ZEROS.len() as u64) as usize];
            match self.file.write_at(bytes, at) {
                Err(error)
                    if bugs::on(Bug::FullDiskIgnored) && error.kind() == io::ErrorKind::StorageFull => {}
                written => written.map_err(io_error("extend", &self.path))?,
            }
            at += bytes.len() as u64;
        }
        self.len = self.len.max(to);
        Ok(())
    }

    /// The error for what is asked and cannot be done.
    fn refused(&self, why: impl Into<String>) -> JournalError {
        io_error("write to", &self.path)(io::Error::new(io::ErrorKind::InvalidInput, why.into()))
    }
}
