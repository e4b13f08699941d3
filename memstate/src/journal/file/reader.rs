//! Reads what is durable, from any thread, while the writer goes on.

use std::{path::PathBuf, sync::Arc};

use super::{
    scan::Scan,
    sector::{Kind, SECTOR_BYTES},
    segment::Cursor,
};
use crate::{
    Position,
    disk::Disk,
    journal::{Entry, JournalError, ReadJournal, Visit},
    sync::Mutex,
};

/// How far two marks are apart, in sectors: what a reader may read in vain.
const MARK_SECTORS: u64 = 2048;

/// A segment, as the readers know it.
#[derive(Debug)]
pub struct Part {
    /// What its writer said of itself.
    pub preamble: Arc<[u8]>,
    /// Places between two groups where reading can begin; the first is after the header.
    marks: Vec<Cursor>,
}

impl Part {
    /// A segment in which nothing is yet.
    pub fn new(preamble: Arc<[u8]>, after_header: Cursor) -> Part {
        Part { preamble, marks: vec![after_header] }
    }

    /// Remembers a place, if the last one is far.
    pub fn pass(&mut self, cursor: &Cursor) {
        if self.marks.last().is_some_and(|mark| mark.sector + MARK_SECTORS <= cursor.sector) {
            self.marks.push(cursor.clone());
        }
    }

    fn number(&self) -> u64 {
        self.marks[0].segment
    }

    /// The last place before the position.
    fn before(&self, from: Position) -> &Cursor {
        let after = self.marks.partition_point(|mark| mark.end < from);
        &self.marks[after.saturating_sub(1)]
    }
}

/// A segment that is to be read, and from where.
struct Leg {
    cursor: Cursor,
    preamble: Arc<[u8]>,
}

/// What is durable.
#[derive(Debug, Default)]
struct Durable {
    parts: Vec<Part>,
    /// Where the last segment's durable groups end, in sectors.
    sector: u64,
}

/// The readers' view of a journal, which its writer moves on.
#[derive(Debug)]
pub struct FileReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    // Held for a look or a push, never while anything is read or written.
    durable: Mutex<Durable>,
}

impl FileReader {
    /// A view in which nothing is durable yet.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> FileReader {
        FileReader { disk, dir, durable: Mutex::default() }
    }

    /// Tells what recovery read and the writer then made durable.
    pub fn begin(&self, parts: Vec<Part>) {
        self.durable.lock().parts = parts;
    }

    /// Tells that everything before `cursor` is durable.
    pub fn advance(&self, cursor: &Cursor, preamble: &Arc<[u8]>, after_header: &Cursor) {
        let mut durable = self.durable.lock();
        if durable.parts.last().is_none_or(|part| part.number() != cursor.segment) {
            durable.parts.push(Part::new(preamble.clone(), after_header.clone()));
        }
        if let Some(part) = durable.parts.last_mut() {
            part.pass(cursor);
        }
        durable.sector = cursor.sector;
    }

    /// Where to read, segment after segment, and where to stop.
    fn plan(&self, from: Position) -> (Vec<Leg>, u64) {
        let durable = self.durable.lock();
        // Everything before the last segment that begins at or before `from` is before `from`.
        let later = durable.parts.partition_point(|part| part.marks[0].end < from);
        let mut plan = Vec::new();
        for part in &durable.parts[later.saturating_sub(1)..] {
            plan.push(Leg { cursor: part.before(from).clone(), preamble: part.preamble.clone() });
        }
        (plan, durable.sector)
    }
}

impl ReadJournal for FileReader {
    fn read(&self, from: Position, visit: &mut Visit<'_>) -> Result<(), JournalError> {
        let (plan, end) = self.plan(from);
        let last = plan.last().map(|leg| leg.cursor.segment);
        for Leg { mut cursor, preamble } in plan {
            let end = (last == Some(cursor.segment)).then_some(end);
            let limit = end.map(|sector| sector * SECTOR_BYTES);
            let mut scan = Scan::open(&*self.disk, &self.dir, cursor.segment, limit)?;
            while cursor.last != Kind::Seal && end.is_none_or(|end| cursor.sector < end) {
                let offset = cursor.sector * SECTOR_BYTES;
                scan.known_whole(cursor.end);
                let Some(group) = scan.next(&mut cursor)? else {
                    return Err(scan.damaged(offset, "a batch that was durable is not there any more"));
                };
                let (first, count, payload) = (group.frame.first, group.frame.count, group.payload);
                let is_wanted = first.get().saturating_add(u64::from(count)) > from.get();
                if group.kind == Kind::Batch
                    && is_wanted
                    && visit(Entry { first, count, payload, preamble: &preamble }).is_err()
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
