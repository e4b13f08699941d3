//! Reads a segment from its beginning, or from any place between two groups, and refuses what is not exactly what
//! was written.
//!
//! Recovery and the readers go through here, so that there is one judgement of what is whole, torn or damaged.

use std::path::{Path, PathBuf};

use super::{
    sector::{self, BODY_BYTES_MAX, Kind, SECTOR_BYTES, Sector, SectorBytes},
    segment::{Cursor, Frame, Header, Opening, file_name, link},
};
use crate::{
    Position,
    bugs::{self, Bug},
    disk::{Access, Disk, DiskFile},
    journal::{BATCH_BYTES_MAX, JournalError, file::io_error},
};

/// What a seal carries: the number of the next segment.
const SEAL_BYTES: usize = 8;

/// How much is read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// A whole group that is not a header, verified.
#[derive(Debug)]
pub struct Group<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says of itself.
    pub frame: Frame,
    /// What it carries.
    pub payload: &'a [u8],
    /// The sector where it begins.
    pub at: u64,
}

/// A batch that a crash cut: some of its sectors are there and the others were never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How many bytes of the file it would have taken.
    pub bytes: u64,
}

/// A segment that is being read.
pub struct Scan {
    segment: u64,
    window: Window,
    body: Vec<u8>,
    after: Position,
}

impl Scan {
    /// Opens a segment. Nothing is read beyond `limit` bytes, if there is one.
    pub fn open(disk: &dyn Disk, dir: &Path, segment: u64, limit: Option<u64>) -> Result<Scan, JournalError> {
        Self::open_file(disk, dir.join(file_name(segment)), segment, limit)
    }

    /// Opens a segment that has another name.
    pub fn open_file(
        disk: &dyn Disk,
        path: PathBuf,
        segment: u64,
        limit: Option<u64>,
    ) -> Result<Scan, JournalError> {
        let file = disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        let len = file.len().map_err(io_error("tell the length of", &path))?;
        let readable = limit.map_or(len, |limit| limit.min(len));
        let window = Window { file, path, len, readable, at: 0, bytes: Vec::new() };
        Ok(Scan { segment, window, body: Vec::new(), after: Position::START })
    }

    /// What the last group of [`Scan::next`] carries.
    pub fn payload(&self) -> &[u8] {
        &self.body[Frame::BYTES..]
    }

    /// From now on it is not held against the file if it is shorter than it was; tells how long it is.
    #[cfg(feature = "cli")]
    pub fn forgive_length(&mut self) -> u64 {
        let len = self.window.len;
        self.window.len = u64::MAX;
        len
    }

    /// The group at a sector, whatever is before it, if all of its sectors are whole.
    #[cfg(feature = "cli")]
    pub fn whole_at(&mut self, at: u64) -> Option<(Kind, u16)> {
        self.gather(at).ok().flatten().map(|label| (label.kind, label.total))
    }

    /// The body of the group that was read last.
    #[cfg(feature = "cli")]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The length of the file.
    pub fn file_len(&self) -> u64 {
        self.window.len
    }

    /// The segment's file.
    pub fn path(&self) -> &Path {
        &self.window.path
    }

    /// Tells up to which position the journal is known to be whole, for what is refused.
    pub fn known_whole(&mut self, after: Position) {
        self.after = after;
    }

    /// The segment's header and preamble, and where its groups begin.
    ///
    /// A segment gets its name only when it is complete, so nothing here can be a crash's doing.
    pub fn header(&mut self) -> Result<(Header, Cursor, &[u8]), JournalError> {
        let Some(label) = self.gather(0)? else {
            let what = if self.window.len < SECTOR_BYTES {
                "it is too short for the header of a segment: it was cut off"
            } else {
                "the header of the segment is missing"
            };
            return Err(self.damaged(0, what));
        };
        let header = match Header::parse(&self.body) {
            Opening::Header(header) if label.kind == Kind::Header => header,
            _ => return Err(self.damaged(0, "the header of the segment is missing")),
        };
        let sectors = u64::from(label.total);
        if header.segment != self.segment || header.base == Position::START {
            return Err(self.damaged(0, "the header of the segment contradicts itself"));
        }
        self.check_length(header.file_len, 0, sectors)?;
        let preamble = &self.body[Header::BYTES..];
        let cursor = Cursor::after_header(&header, label.epoch, label.seq, sectors, preamble);
        Ok((header, cursor, preamble))
    }

    /// The group at `cursor`, which is moved past it; `None` where nothing whole follows: see [`Scan::tail`].
    pub fn next(&mut self, cursor: &mut Cursor) -> Result<Option<Group<'_>>, JournalError> {
        let at = cursor.sector;
        self.after = cursor.end;
        let Some(label) = self.gather(at)? else { return Ok(None) };
        let offset = at * SECTOR_BYTES;
        if label.seq != cursor.seq || cursor.epoch_of_next(label.kind) != Some(label.epoch) {
            return Err(self.misplaced(label, cursor, at));
        }
        let Some(frame) = Frame::parse(&self.body) else {
            return Err(self.damaged(offset, "the batch is too short"));
        };
        self.check_length(frame.file_len, at, u64::from(label.total))?;
        let payload = &self.body[Frame::BYTES..];
        let end = frame.first.get().checked_add(u64::from(frame.count)).and_then(|next| next.checked_sub(1));
        let fits = match label.kind {
            Kind::Batch => payload.len() <= BATCH_BYTES_MAX,
            Kind::Seal => payload.len() == SEAL_BYTES && frame.count == 0,
            Kind::Header | Kind::Epoch | Kind::Close => payload.is_empty() && frame.count == 0,
        };
        let continues = frame.first == cursor.end.next() && fits;
        let (Some(end), true) = (end.map(Position::new), continues) else {
            return Err(self.damaged(offset, "the batch does not continue the one before it"));
        };
        let chain = match label.kind {
            Kind::Batch => link(&cursor.chain, Kind::Batch, frame.first, frame.count, payload),
            _ => cursor.chain,
        };
        if frame.chain != chain && !bugs::on(Bug::ChecksumOff) {
            return Err(self.damaged(offset, "the hash of the batch does not continue the chain"));
        }
        cursor.pass(label.kind, label.epoch, u64::from(label.total), end, chain);
        Ok(Some(Group { kind: label.kind, frame, payload, at }))
    }

    /// Verifies that there is nothing from `cursor` to the end of the file, except, where that `may_be_torn`, a part
    /// of one batch that was never acknowledged.
    pub fn tail(&mut self, cursor: &Cursor, may_be_torn: bool) -> Result<Option<Torn>, JournalError> {
        self.after = cursor.end;
        let mut torn = None;
        let mut at = cursor.sector;
        while let Some(bytes) = self.window.sector(at)? {
            match sector::decode(bytes, self.segment, at) {
                Sector::NeverWritten => {}
                Sector::Damaged(what) => return Err(self.damaged(at * SECTOR_BYTES, what)),
                Sector::Written(label, used) => {
                    let is_part = may_be_torn
                        && label.kind == Kind::Batch
                        && label.seq == cursor.seq
                        && cursor.epoch_of_next(Kind::Batch) == Some(label.epoch)
                        && cursor.sector + u64::from(label.index) == at
                        && torn.is_none_or(|total| total == label.total);
                    if !is_part {
                        return Err(self.misplaced(label, cursor, at));
                    }
                    torn = Some(label.total);
                    // Any sector tells where the batch ends, and the first one how long the file was.
                    let file_len =
                        Frame::parse(used).filter(|_| label.index == 0).map_or(0, |it| it.file_len);
                    self.check_length_at_least(file_len, cursor.sector, u64::from(label.total))?;
                }
            }
            at += 1;
        }
        if !self.window.rest_is_zero(at)? {
            return Err(self.damaged(at * SECTOR_BYTES, "there is a part of a sector at the end of the file"));
        }
        Ok(torn.map(|total| Torn {
            offset: cursor.sector * SECTOR_BYTES,
            bytes: u64::from(total) * SECTOR_BYTES,
        }))
    }

    /// Reads the body of the group that begins at `start`, if all of its sectors are there.
    fn gather(&mut self, start: u64) -> Result<Option<sector::Label>, JournalError> {
        self.body.clear();
        let mut group: Option<sector::Label> = None;
        let mut at = start;
        loop {
            let Some(bytes) = self.window.sector(at)? else {
                // A file that ends inside of a group was cut off, for it was longer before the group was written.
                return match group {
                    None => Ok(None),
                    Some(_) => {
                        Err(self
                            .damaged(self.window.readable, "the file ends inside of a batch: it was cut off"))
                    }
                };
            };
            let (label, used) = match sector::decode(bytes, self.segment, at) {
                Sector::NeverWritten => return Ok(None),
                Sector::Damaged(what) => return Err(self.damaged(at * SECTOR_BYTES, what)),
                Sector::Written(label, used) => (label, used),
            };
            let first = *group.get_or_insert(label);
            if label != (sector::Label { index: (at - start) as u16, ..first }) {
                let what = "the sector belongs to another batch than the one before it: a write was lost";
                return Err(self.damaged(at * SECTOR_BYTES, what));
            }
            self.body.extend_from_slice(used);
            debug_assert!(self.body.len() <= BODY_BYTES_MAX, "a group has fewer than 2^16 sectors");
            at += 1;
            if at - start == u64::from(first.total) {
                return Ok(group);
            }
        }
    }

    /// The file was `file_len` bytes long when the group at `at` was written, and longer than the group.
    fn check_length(&self, file_len: u64, at: u64, sectors: u64) -> Result<(), JournalError> {
        if file_len < (at + sectors + 1) * SECTOR_BYTES {
            return Err(self.damaged(at * SECTOR_BYTES, "the batch contradicts itself"));
        }
        self.check_length_at_least(file_len, at, sectors)
    }

    fn check_length_at_least(&self, file_len: u64, at: u64, sectors: u64) -> Result<(), JournalError> {
        let least = file_len.max((at + sectors + 1) * SECTOR_BYTES);
        if self.window.len >= least {
            return Ok(());
        }
        let len = self.window.len;
        Err(self.damaged(len, format!("the file has {len} bytes and had at least {least}: it was cut off")))
    }

    fn misplaced(&self, label: sector::Label, cursor: &Cursor, at: u64) -> JournalError {
        let what = if label.seq > cursor.seq {
            format!(
                "number {} of the journal is here and {} is missing: a write was lost",
                label.seq, cursor.seq
            )
        } else {
            let sector::Label { epoch, seq, index, total, .. } = label;
            format!("sector {index} of {total} of number {seq}, from writer {epoch}, does not belong here")
        };
        self.damaged(at * SECTOR_BYTES, what)
    }

    /// The error for what is wrong in this segment.
    pub fn damaged(&self, offset: u64, what: impl Into<String>) -> JournalError {
        let path = self.window.path.clone();
        JournalError::Damaged { path, offset, after: self.after, what: what.into() }
    }
}

/// The part of a file that is in memory.
struct Window {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    readable: u64,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// A sector, if the file has all of it.
    fn sector(&mut self, sector: u64) -> Result<Option<&SectorBytes>, JournalError> {
        let offset = sector * SECTOR_BYTES;
        if offset + SECTOR_BYTES > self.readable {
            return Ok(None);
        }
        if offset < self.at || offset + SECTOR_BYTES > self.at + self.bytes.len() as u64 {
            self.fill(offset)?;
        }
        let start = (offset - self.at) as usize;
        Ok(self.bytes[start..].first_chunk())
    }

    /// Whether the bytes from `sector` on, of which there is less than one, are zeros.
    fn rest_is_zero(&mut self, sector: u64) -> Result<bool, JournalError> {
        self.fill(sector * SECTOR_BYTES)?;
        Ok(self.bytes.iter().all(|byte| *byte == 0))
    }

    fn fill(&mut self, offset: u64) -> Result<(), JournalError> {
        let wanted = self.readable.saturating_sub(offset).min(WINDOW_BYTES);
        self.bytes.resize(wanted as usize, 0);
        let read = self.file.read_at(&mut self.bytes, offset).map_err(io_error("read", &self.path))?;
        self.bytes.truncate(read);
        self.at = offset;
        Ok(())
    }
}
