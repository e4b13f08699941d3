//! Reads the files of a journal without its lock, also while a process is writing them.
//!
//! What recovery may take for granted does not hold here: a file grows, a batch is half-way on the disk, a segment has
//! just been made or is just being removed. So nothing is judged at first sight. What looks damaged, or cut, is looked
//! at again for a while; what a writer does passes, and damage stays.
//!
//! It changes nothing, and decides nothing about what is to be mended: that is the business of
//! [`recovery`](super::recovery).

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use super::{directory, recovery::continues, scan::Scan};
pub(crate) use super::{
    directory::Listing,
    scan::Torn,
    sector::{Kind, SECTOR_BYTES, u64_at},
    segment::{CHAIN_START, Chain, Cursor, file_name},
};
use crate::{Position, disk::Disk, journal::JournalError};

/// How often, and after which pause, something is looked at again before it is believed to stay as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) tries: u32,
    pub(crate) pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { tries: 8, pause: Duration::from_millis(25) }
    }
}

/// A reader of a journal's files that holds no lock.
pub(crate) struct Inspector {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    patience: Patience,
    /// Where to begin.
    begin: u64,
    place: Option<Place>,
}

/// Where the reading is: in a segment, between two groups.
struct Place {
    scan: Scan,
    cursor: Cursor,
    preamble: Arc<[u8]>,
}

/// A whole group, verified: its checksums, its place, and its part of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// The position of its first record; of the next one, if it has none.
    pub(crate) first: Position,
    /// How many records it holds.
    pub(crate) count: u32,
    /// What it carries; the preamble, if it is a header.
    pub(crate) payload: &'a [u8],
    /// What its writer said of itself.
    pub(crate) preamble: &'a Arc<[u8]>,
    /// The segment.
    pub(crate) segment: u64,
    /// Where it begins in the file, in bytes.
    pub(crate) offset: u64,
    /// How many bytes of the file it takes.
    pub(crate) bytes: u64,
    /// The chain after it.
    pub(crate) chain: Chain,
}

/// A [`Seen`] without what is borrowed.
struct Step {
    kind: Kind,
    first: Position,
    count: u32,
    at: u64,
}

/// What comes after the last whole group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The last group says that the journal was closed.
    pub(crate) closed: bool,
    /// It is being written: more came while this was found out.
    pub(crate) growing: bool,
    /// A part of a batch, which a crash cut, or which is being written.
    pub(crate) torn: Option<Torn>,
    /// A segment that was made and is not in use yet.
    pub(crate) unannounced: Option<u64>,
}

impl Inspector {
    /// Looks at the directory, to read it from the segment that holds `from`.
    ///
    /// # Errors
    ///
    /// If it cannot be listed or is no journal. What is wrong with its segments is found when they are read.
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, from: Position) -> Result<Self, JournalError> {
        Self::with_patience(disk, dir, from, Patience::default())
    }

    pub(crate) fn with_patience(
        disk: Arc<dyn Disk>,
        dir: &Path,
        from: Position,
        patience: Patience,
    ) -> Result<Self, JournalError> {
        let mut inspector = Inspector { disk, dir: dir.to_owned(), patience, begin: 1, place: None };
        inspector.begin = inspector.patiently(|it| it.segment_of(from))?;
        Ok(inspector)
    }

    /// Reads from the beginning of a segment, the header of which is taken at its word.
    pub(crate) fn at_segment(disk: Arc<dyn Disk>, dir: &Path, segment: u64) -> Self {
        let patience = Patience::default();
        Inspector { disk, dir: dir.to_owned(), patience, begin: segment.max(1), place: None }
    }

    /// The segments that there are now, and their bytes.
    pub(crate) fn listing(&mut self) -> Result<Listing, JournalError> {
        self.patiently(|it| directory::list(&*it.disk, &it.dir))
    }

    /// The segment in which reading can begin to meet `from`: its own header says what was before it.
    fn segment_of(&mut self, from: Position) -> Result<u64, JournalError> {
        let segments = directory::list(&*self.disk, &self.dir)?.segments;
        if from <= Position::new(1) {
            return Ok(1);
        }
        // Where a segment is damaged, all before it is to be read and told.
        let Ok(bases) = directory::bases(&*self.disk, &self.dir, &segments) else { return Ok(1) };
        let number = bases.iter().rev().find(|(_, base)| *base <= from).map_or(1, |(number, _)| *number);
        // The last one may have been made and not be in use yet; only the seal of the one before says.
        Ok(if segments.last() == Some(&number) { number.saturating_sub(1).max(1) } else { number })
    }

    /// The next group, if a whole one is there now. After `None` it may be called again later.
    ///
    /// # Errors
    ///
    /// If what is there is damaged and stays so.
    pub(crate) fn next(&mut self) -> Result<Option<Seen<'_>>, JournalError> {
        let Some(step) = self.patiently(Inspector::advance)? else { return Ok(None) };
        let Some(Place { scan, cursor, preamble }) = &self.place else { return Ok(None) };
        let payload = match step.kind {
            Kind::Header => &preamble[..],
            _ => scan.payload(),
        };
        Ok(Some(Seen {
            kind: step.kind,
            first: step.first,
            count: step.count,
            payload,
            preamble,
            segment: cursor.segment,
            offset: step.at * SECTOR_BYTES,
            bytes: (cursor.sector - step.at) * SECTOR_BYTES,
            chain: cursor.chain,
        }))
    }

    /// The place after the last group that was read.
    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.place.as_ref().map(|place| &place.cursor)
    }

    /// The last position that was read.
    pub(crate) fn end(&self) -> Position {
        self.cursor().map_or(Position::START, |cursor| cursor.end)
    }

    /// What comes after the last group, where [`Inspector::next`] gave none.
    ///
    /// # Errors
    ///
    /// If there is something that a crash cannot have left.
    pub(crate) fn ending(&mut self) -> Result<Ending, JournalError> {
        let mut tries = self.patience.tries;
        loop {
            let judged = self.judge();
            let is_final = judged.as_ref().is_ok_and(|ending| ending.torn.is_none());
            if is_final || tries == 0 {
                return judged;
            }
            tries -= 1;
            thread::sleep(self.patience.pause);
        }
    }

    fn judge(&mut self) -> Result<Ending, JournalError> {
        let mut ending = Ending { closed: false, growing: false, torn: None, unannounced: None };
        let segments = directory::look(&*self.disk, &self.dir)?.segments;
        let Some(place) = &mut self.place else {
            ending.growing = !segments.is_empty();
            return Ok(ending);
        };
        place.reopen(&*self.disk, &self.dir)?;
        let cursor = &place.cursor;
        if cursor.last == Kind::Seal || place.scan.next(&mut cursor.clone())?.is_some() {
            ending.growing = true;
            return Ok(ending);
        }
        let is_last = segments.last() == Some(&cursor.segment);
        ending.torn = place.scan.tail(cursor, is_last)?;
        ending.closed = cursor.last == Kind::Close;
        if !is_last {
            ending.unannounced = Some(place.unannounced(&*self.disk, &self.dir, &segments)?);
        }
        Ok(ending)
    }

    /// Goes past the next group.
    fn advance(&mut self) -> Result<Option<Step>, JournalError> {
        let Some(place) = &mut self.place else {
            let listing = directory::list(&*self.disk, &self.dir)?;
            return if listing.segments.is_empty() { Ok(None) } else { self.enter(self.begin).map(Some) };
        };
        if place.cursor.last == Kind::Seal {
            place.scan.tail(&place.cursor, false)?;
            let next = place.cursor.segment + 1;
            return self.enter(next).map(Some);
        }
        if let Some(step) = place.advance()? {
            return Ok(Some(step));
        }
        // What is in memory may be older than the file.
        if place.cursor.last == Kind::Header && place.cursor.segment == 1 {
            return self.begin_again();
        }
        place.reopen(&*self.disk, &self.dir)?;
        place.advance()
    }

    /// A first segment without anything in it is made anew by the next writer, who may say something else of itself.
    fn begin_again(&mut self) -> Result<Option<Step>, JournalError> {
        let before = self.place.take().map(|place| place.preamble);
        let step = self.enter(1)?;
        let Some(place) = &mut self.place else { return Ok(None) };
        if before.as_ref() != Some(&place.preamble) {
            return Ok(Some(step));
        }
        place.advance()
    }

    /// Opens a segment and reads its header.
    fn enter(&mut self, number: u64) -> Result<Step, JournalError> {
        let before = self.place.as_ref().map(|place| &place.cursor);
        let after = before.map_or(Position::START, |cursor| cursor.end);
        let scan = directory::begins_with(&*self.disk, &self.dir.join(file_name(number)), number, after)
            .and_then(|_| Scan::open(&*self.disk, &self.dir, number, None));
        let mut scan = scan.map_err(|error| missing(error, number, before))?;
        scan.known_whole(after);
        let (header, cursor, preamble) = scan.header()?;
        let preamble = match &self.place {
            Some(place) if *place.preamble == *preamble => place.preamble.clone(),
            _ => Arc::from(preamble),
        };
        let starts_in_the_middle = before.is_none() && number > 1;
        if !starts_in_the_middle && !continues(&header, &cursor, before) {
            return Err(scan.damaged(0, "the segment does not continue the one before it"));
        }
        let first = header.base;
        self.place = Some(Place { scan, cursor, preamble });
        Ok(Step { kind: Kind::Header, first, count: 0, at: 0 })
    }

    /// Does something again while it fails in a way that may pass.
    fn patiently<T>(
        &mut self,
        mut act: impl FnMut(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut tries = self.patience.tries;
        loop {
            match act(self) {
                Err(error) if tries > 0 && may_pass(&error) => {
                    tries -= 1;
                    thread::sleep(self.patience.pause);
                    if let Some(place) = &mut self.place {
                        place.reopen(&*self.disk, &self.dir)?;
                    }
                }
                result => return result,
            }
        }
    }
}

impl Place {
    fn advance(&mut self) -> Result<Option<Step>, JournalError> {
        let Some(group) = self.scan.next(&mut self.cursor)? else { return Ok(None) };
        let step =
            Step { kind: group.kind, first: group.frame.first, count: group.frame.count, at: group.at };
        if step.kind == Kind::Seal && group.payload != self.cursor.segment.saturating_add(1).to_le_bytes() {
            let offset = step.at * SECTOR_BYTES;
            return Err(self.scan.damaged(offset, "the seal names another segment than the next"));
        }
        Ok(Some(step))
    }

    /// Forgets what was read and how long the file was.
    fn reopen(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
        self.scan = Scan::open(disk, dir, self.cursor.segment, None)?;
        self.scan.known_whole(self.cursor.end);
        Ok(())
    }

    /// The one segment that may be there after one that is not sealed: made, and not in use yet.
    fn unannounced(&self, disk: &dyn Disk, dir: &Path, segments: &[u64]) -> Result<u64, JournalError> {
        let next = self.cursor.segment + 1;
        let seal_is_missing = || {
            let what = format!("the seal of the segment is missing, and segment {next} follows");
            self.scan.damaged(self.cursor.sector * SECTOR_BYTES, what)
        };
        if segments.last() != Some(&next) {
            return Err(seal_is_missing());
        }
        let mut scan = Scan::open(disk, dir, next, None)?;
        scan.known_whole(self.cursor.end);
        let (header, mut cursor, _) = scan.header()?;
        if !continues(&header, &cursor, Some(&self.cursor)) {
            return Err(scan.damaged(0, "the segment does not continue the one before it"));
        }
        if scan.next(&mut cursor)?.is_some() {
            return Err(seal_is_missing());
        }
        scan.tail(&cursor, false)?;
        Ok(next)
    }
}

/// Whether a writer may be the cause.
fn may_pass(error: &JournalError) -> bool {
    match error {
        JournalError::Damaged { .. } => true,
        // The file that was listed has been removed: it was left over from a crash.
        JournalError::Io { source, action, .. } => *action == "open" && source.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

/// The error for a segment that cannot be opened.
fn missing(error: JournalError, number: u64, before: Option<&Cursor>) -> JournalError {
    match (error, before) {
        (JournalError::Io { source, path, .. }, before) if source.kind() == ErrorKind::NotFound => {
            let what = match before {
                Some(_) => format!("the segment is missing, and segment {} says that it exists", number - 1),
                None => "the segment is missing, and later ones exist".to_owned(),
            };
            let after = before.map_or(Position::START, |before| before.end);
            JournalError::Damaged { path, offset: 0, after, what }
        }
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests;
