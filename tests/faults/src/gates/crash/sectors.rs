//! What stands on the sectors of a segment, read by what the format's documentation says and by nothing of memstate.

use std::path::PathBuf;

use memstate::testing::disk::FaultyDisk;

use super::process::is_segment;

pub const SECTOR: usize = 512;
const BATCH: u8 = 3;

/// The label of a sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    seq: u64,
    index: u16,
    total: u16,
    kind: u8,
}

fn label(sector: &[u8]) -> Option<Label> {
    let number = |at: usize| u16::from_le_bytes([sector[at], sector[at + 1]]);
    let seq = u64::from_le_bytes(sector[8..16].try_into().ok()?);
    (number(18) > 0).then(|| Label { seq, index: number(16), total: number(18), kind: sector[22] })
}

/// The last group of a journal.
#[derive(Debug)]
pub struct LastGroup {
    pub path: PathBuf,
    /// Its sectors in the file.
    pub sectors: std::ops::Range<usize>,
    pub is_batch: bool,
    /// Whether all of its sectors are there.
    pub is_whole: bool,
}

/// Finds the group with the highest number.
pub fn last_group(disk: &FaultyDisk) -> Option<LastGroup> {
    let mut last: Option<(Label, PathBuf, usize, usize)> = None;
    for path in disk.files().into_iter().filter(|path| is_segment(path)) {
        let bytes = disk.bytes(&path)?;
        for (at, sector) in bytes.chunks_exact(SECTOR).enumerate() {
            let Some(label) = label(sector) else { continue };
            let start = at.checked_sub(usize::from(label.index))?;
            match &mut last {
                Some((found, _, _, sectors)) if found.seq == label.seq => *sectors += 1,
                Some((found, ..)) if found.seq > label.seq => {}
                // The header of the next segment counts after the seal that announces it.
                _ => last = Some((label, path.clone(), start, 1)),
            }
        }
    }
    let (label, path, start, sectors) = last?;
    Some(LastGroup {
        path,
        sectors: start..start + usize::from(label.total),
        is_batch: label.kind == BATCH,
        is_whole: sectors == usize::from(label.total),
    })
}

/// The position of the last record of a segment, going by its whole batches and its header.
pub fn end_of(bytes: &[u8]) -> Option<u64> {
    let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let mut end = u64_at(24 + 20)?.checked_sub(1)?;
    for (at, sector) in bytes.chunks_exact(SECTOR).enumerate() {
        let Some(found) = label(sector).filter(|it| it.kind == BATCH && it.index == 0) else { continue };
        let others = bytes.chunks_exact(SECTOR).skip(at).take(usize::from(found.total));
        if others.filter(|it| label(it).is_some_and(|it| it.seq == found.seq)).count() == usize::from(found.total) {
            let offset = at * SECTOR + 24;
            let count = u32::from_le_bytes(bytes[offset + 8..offset + 12].try_into().ok()?);
            end = u64_at(offset)? + u64::from(count) - 1;
        }
    }
    Some(end)
}
