//! What can still be read behind damage, to say what would be lost: groups whose sectors are whole.
//!
//! Nothing here proves that what is found belongs where it is; a journal is never read this way.

use std::{path::Path, sync::Arc};

use super::{
    scan::Scan,
    sector::{Kind, SECTOR_BYTES},
    segment::Frame,
};
use crate::{Position, disk::Disk, journal::JournalError};

/// A batch that is whole in itself.
pub(crate) struct Salvaged<'a> {
    /// The position of its first record.
    pub(crate) first: Position,
    /// How many records it says that it holds.
    pub(crate) count: u32,
    /// What it carries.
    pub(crate) payload: &'a [u8],
    /// What its segment's writer said of itself, as far as that could be read.
    pub(crate) preamble: &'a Arc<[u8]>,
}

/// Visits what can be read of the `segments` from the sector `at` of the first of them on.
pub(crate) fn salvage(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[u64],
    mut at: u64,
    preamble: &Arc<[u8]>,
    visit: &mut dyn FnMut(Salvaged<'_>),
) -> Result<(), JournalError> {
    let mut preamble = Arc::clone(preamble);
    for &segment in segments {
        let mut scan = Scan::open(disk, dir, segment, None)?;
        if let Ok((_, _, found)) = scan.header() {
            preamble = Arc::from(found);
        }
        let sectors = scan.file_len() / SECTOR_BYTES;
        while at < sectors {
            let Some((kind, total)) = scan.whole_at(at) else {
                at += 1;
                continue;
            };
            let body = scan.body();
            if kind == Kind::Batch
                && let Some(frame) = Frame::parse(body)
            {
                let payload = &body[Frame::BYTES..];
                visit(Salvaged { first: frame.first, count: frame.count, payload, preamble: &preamble });
            }
            at += u64::from(total);
        }
        at = 0;
    }
    Ok(())
}
