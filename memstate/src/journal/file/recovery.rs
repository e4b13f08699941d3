//! Reads the whole journal before it is written again, and decides what is to be mended.

use std::{path::Path, sync::Arc};

use super::{
    reader::Part,
    scan::Scan,
    sector::{Kind, SECTOR_BYTES},
    segment::{CHAIN_START, Chain, Cursor, Header, file_name},
    writer::Resumed,
};
use crate::{
    Position,
    bugs::{self, Bug},
    disk::Disk,
    journal::{Entry, JournalError, Visit},
};

/// What was found, and what a writer needs to go on.
pub struct Found {
    /// The segments, for the readers.
    pub parts: Vec<Part>,
    /// Where the writer goes on, and what it must write again before; `None` in a new journal.
    pub resumed: Option<(Resumed, Unsettled)>,
    /// Whether the last writer closed the journal.
    pub clean: bool,
    /// The last segment, if nothing says that it exists: a crash came between its making and that.
    pub leftover: Option<u64>,
    /// Whether the zeros after the last group may not be durable, or not all be zeros.
    pub must_clear: bool,
    /// What is to be mended.
    pub repairs: Vec<String>,
}

/// The last group. That it can be read does not prove that it is durable; of all the others, the one after does.
#[derive(Debug, Clone, Copy)]
pub struct Unsettled {
    /// The segment that it is in.
    pub segment: u64,
    /// Its first sector.
    pub at: u64,
    /// The sector after it.
    pub end: u64,
}

impl Found {
    /// The last position, and the chain up to there.
    pub fn end(&self) -> (Position, Chain) {
        match &self.resumed {
            Some((resumed, _)) => (resumed.cursor.end, resumed.cursor.chain),
            None => (Position::START, CHAIN_START),
        }
    }
}

/// Reads and verifies the segments, and visits every batch; `None` when the visitor stops.
pub fn recover(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[u64],
    visit: &mut Visit<'_>,
) -> Result<Option<Found>, JournalError> {
    let mut found = Found {
        parts: Vec::new(),
        resumed: None,
        clean: true,
        leftover: None,
        must_clear: true,
        repairs: Vec::new(),
    };
    let mut unsettled = None;
    let mut before: Option<(Cursor, Scan)> = None;
    let (mut holds_batch, mut file_len) = (false, 0);
    for &number in segments {
        let is_last = segments.last() == Some(&number);
        let mut scan = Scan::open(disk, dir, number, None)?;
        scan.known_whole(before.as_ref().map_or(Position::START, |(cursor, _)| cursor.end));
        let (header, mut cursor, preamble) = scan.header()?;
        let preamble = match found.parts.last() {
            Some(part) if *part.preamble == *preamble => part.preamble.clone(),
            _ => Arc::from(preamble),
        };
        if !continues(&header, &cursor, before.as_ref().map(|(cursor, _)| cursor)) {
            return Err(scan.damaged(0, "the segment does not continue the one before it"));
        }
        if let Some((last, previous)) = &before
            && last.last != Kind::Seal
        {
            // It was made, and then either a crash came before the seal, or the seal was lost.
            if !is_last || scan.next(&mut cursor)?.is_some() {
                let what = format!("the seal of the segment is missing, and segment {number} follows");
                return Err(previous.damaged(last.sector * SECTOR_BYTES, what));
            }
            scan.tail(&cursor, false)?;
            found.leftover = Some(number);
            break;
        }
        holds_batch = false;
        let mut part = Part::new(preamble, cursor.clone());
        let cuts = is_last && bugs::on(Bug::CutAtFirstBad);
        while let Some(group) = match scan.next(&mut cursor) {
            Err(_) if cuts => None,
            group => group?,
        } {
            file_len = group.frame.file_len;
            unsettled = Some(Unsettled { segment: number, at: group.at, end: cursor.sector });
            match group.kind {
                Kind::Batch => {
                    let (first, count, payload) = (group.frame.first, group.frame.count, group.payload);
                    let entry = Entry { first, count, payload, preamble: &part.preamble };
                    if visit(entry).is_err() {
                        return Ok(None);
                    }
                    holds_batch = true;
                }
                Kind::Seal if group.payload != (number + 1).to_le_bytes() => {
                    let offset = group.at * SECTOR_BYTES;
                    return Err(scan.damaged(offset, "the seal names another segment than the next"));
                }
                _ => {}
            }
            part.pass(&cursor);
        }
        let may_be_torn = is_last && cursor.last != Kind::Seal;
        let tail = match scan.tail(&cursor, may_be_torn) {
            Err(_) if cuts => None,
            tail => tail?,
        };
        if let Some(torn) = tail {
            found.repairs.push(format!(
                "the last batch, from position {}, was cut by a crash before it was acknowledged; \
                 {} bytes at offset {} of {} are cleared",
                cursor.end.next(),
                torn.bytes,
                torn.offset,
                scan.path().display()
            ));
        }
        found.parts.push(part);
        before = Some((cursor, scan));
    }
    let Some((mut cursor, scan)) = before else { return Ok(Some(found)) };
    if cursor.last == Kind::Seal && bugs::on(Bug::LostSegmentUnnoticed) {
        // Otherwise nothing could be written after the seal, and that would be noticed.
        cursor.last = Kind::Batch;
    }
    if cursor.last == Kind::Seal {
        let path = dir.join(file_name(cursor.segment + 1));
        let what = format!("the segment is missing, and segment {} says that it exists", cursor.segment);
        return Err(JournalError::Damaged { path, offset: 0, after: cursor.end, what });
    }
    found.clean = cursor.last == Kind::Close;
    // After a close nothing can be torn, but a later writer may have failed to extend the file.
    found.must_clear = !found.clean || scan.file_len() != file_len;
    match (unsettled, found.parts.last()) {
        (Some(unsettled), Some(part)) => {
            let preamble = part.preamble.clone();
            found.resumed = Some((Resumed { cursor, preamble, holds_batch }, unsettled));
        }
        // The first writer did not get to write anything.
        _ => (found.leftover, found.clean) = (Some(cursor.segment), true),
    }
    Ok(Some(found))
}

/// Whether a segment begins where the one before it ends.
pub fn continues(header: &Header, after_header: &Cursor, before: Option<&Cursor>) -> bool {
    let (base, chain, epoch, seq) = match before {
        None => (Position::START.next(), CHAIN_START, 0, 0),
        // A segment is made before the seal that announces it, and counts with it.
        Some(before) => {
            let seal = u64::from(before.last != Kind::Seal);
            (before.end.next(), before.chain, before.epoch, before.seq + seal)
        }
    };
    (header.base, header.chain, after_header.epoch, after_header.seq) == (base, chain, epoch, seq + 1)
}
