//! What stands on the sectors of a segment, read by what the format's documentation says and by nothing of memstate.

use std::{collections::BTreeMap, path::PathBuf};

use memstate::testing::disk::FaultyDisk;

use super::process::is_segment;

pub const SECTOR: usize = 512;
const HEADER: u8 = 1;
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

/// A group of sectors, which were written at once.
#[derive(Debug, Clone)]
pub struct Group {
    pub path: PathBuf,
    /// Its sectors in the file, as far as they are there.
    pub sectors: Vec<usize>,
    pub is_header: bool,
    pub is_batch: bool,
    /// Whether all of its sectors are there.
    pub is_whole: bool,
    /// The last position before it, if its first sector is there to tell.
    pub before: Option<u64>,
}

/// The groups of a journal, in the order of their numbers.
pub fn groups(disk: &FaultyDisk) -> Vec<Group> {
    let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
    for path in disk.files().into_iter().filter(|path| is_segment(path)) {
        let bytes = disk.bytes(&path).unwrap_or_default();
        for (at, sector) in bytes.chunks_exact(SECTOR).enumerate() {
            let Some(label) = label(sector) else { continue };
            let group = groups.entry(label.seq).or_insert_with(|| Group {
                path: path.clone(),
                sectors: Vec::new(),
                is_header: label.kind == HEADER,
                is_batch: label.kind == BATCH,
                is_whole: false,
                before: None,
            });
            group.sectors.push(at);
            group.is_whole = group.sectors.len() == usize::from(label.total);
            if label.index == 0 {
                let first = u64::from_le_bytes(sector[24..32].try_into().expect("eight bytes"));
                group.before = first.checked_sub(1);
            }
        }
    }
    groups.into_values().collect()
}

/// The group with the highest number.
pub fn last_group(disk: &FaultyDisk) -> Option<Group> {
    groups(disk).pop()
}

/// The position of the last record of a segment, going by its whole batches and its header.
pub fn end_of(bytes: &[u8]) -> Option<u64> {
    let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let mut end = u64_at(24 + 20)?.checked_sub(1)?;
    for (at, sector) in bytes.chunks_exact(SECTOR).enumerate() {
        let Some(found) = label(sector).filter(|it| it.kind == BATCH && it.index == 0) else { continue };
        let others = bytes.chunks_exact(SECTOR).skip(at).take(usize::from(found.total));
        if others.filter(|it| label(it).is_some_and(|it| it.seq == found.seq)).count()
            == usize::from(found.total)
        {
            let offset = at * SECTOR + 24;
            let count = u32::from_le_bytes(bytes[offset + 8..offset + 12].try_into().ok()?);
            end = u64_at(offset)? + u64::from(count) - 1;
        }
    }
    Some(end)
}

/// What stands on the sectors of a journal, for messages.
pub fn text(disk: &FaultyDisk) -> String {
    let mut text = String::new();
    for path in disk.files().into_iter().filter(|path| is_segment(path)) {
        text.push_str(&format!("\n    {}:", path.display()));
        for (at, sector) in disk.bytes(&path).unwrap_or_default().chunks(SECTOR).enumerate() {
            match label(sector).filter(|_| sector.len() == SECTOR) {
                Some(Label { seq, index, total, kind }) => {
                    let epoch = u32::from_le_bytes(sector[4..8].try_into().expect("four"));
                    text.push_str(&format!(" {at}=[kind {kind} seq {seq} {index}/{total} writer {epoch}]"));
                }
                None => text.push_str(if sector.iter().all(|byte| *byte == 0) { " 0" } else { " ?" }),
            }
        }
    }
    text
}
