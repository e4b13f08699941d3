//! Cuts a journal that is damaged, so that what is whole before the damage can be used again.
//!
//! [`find`] only reads. [`Cut::apply`] needs the lock, and a copy that somebody made before: it destroys what is after the
//! cut. What it leaves is what a crash after the last kept group would have left.

use std::path::Path;

use super::{
    directory,
    recovery::{continues, recover},
    scan::Scan,
    sector::{Kind, SECTOR_BYTES},
    segment::{Cursor, file_name},
    writer::zero,
};
use crate::{Position, disk::Disk, journal::JournalError, journal::file::io_error};

/// Where a journal would be cut.
#[derive(Debug)]
pub(crate) struct Cut {
    /// After the last group that is kept.
    pub(crate) keep: Cursor,
    /// How long the segment's file has to be for what is kept in it.
    file_len: u64,
    /// The preamble of the segment that is cut.
    pub(crate) preamble: std::sync::Arc<[u8]>,
    /// The segments after it.
    pub(crate) later: Vec<u64>,
    /// What is wrong, if it was come to before the cut.
    pub(crate) damage: Option<JournalError>,
    /// Whether there is anything at all after the cut.
    pub(crate) loses: bool,
}

/// The last place at which everything before is whole and ends at or before `at`.
///
/// # Errors
///
/// If the directory cannot be read, or the first segment does not begin as it should: then there is nothing to keep.
pub(crate) fn find(disk: &dyn Disk, dir: &Path, at: Position) -> Result<Cut, JournalError> {
    let segments = directory::list(disk, dir)?.segments;
    let mut cut: Option<Cut> = None;
    // Where the segment before the present one would be cut: its seal must go with what it announces.
    let mut unsealed: Option<Cut> = None;
    for number in 1.. {
        match walk(disk, dir, number, at, cut.as_ref()) {
            Ok(walked) => {
                let goes_on = walked.cut.keep.last == Kind::Seal;
                unsealed = walked.unsealed;
                cut = Some(walked.cut);
                if goes_on {
                    continue;
                }
            }
            Err(error) if !is_damage(&error) => return Err(error),
            Err(damage) => {
                let mut before = unsealed.take().or(cut.take()).ok_or_else(|| damaged_first(&damage))?;
                before.damage = Some(damage);
                before.loses = true;
                cut = Some(before);
            }
        }
        break;
    }
    let mut cut = cut.expect("the loop ends after a segment was read or with an error");
    cut.later = segments.into_iter().filter(|number| *number > cut.keep.segment).collect();
    Ok(cut)
}

/// A segment, as far as it was read.
struct Walked {
    cut: Cut,
    /// The same without the seal.
    unsealed: Option<Cut>,
}

fn walk(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    at: Position,
    before: Option<&Cut>,
) -> Result<Walked, JournalError> {
    let after = before.map_or(Position::START, |cut| cut.keep.end);
    let path = dir.join(file_name(number));
    directory::begins_with(disk, &path, number, after).map_err(|error| match error {
        JournalError::Io { source, path, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            JournalError::Damaged { path, offset: 0, after, what: "the segment is missing".into() }
        }
        error => error,
    })?;
    let mut scan = Scan::open(disk, dir, number, None)?;
    scan.known_whole(after);
    // That the file was cut off is damage, and no reason to give up what is left of it.
    let length = scan.forgive_length();
    let (header, mut cursor, preamble) = scan.header()?;
    let preamble = std::sync::Arc::from(preamble);
    if !continues(&header, &cursor, before.map(|cut| &cut.keep)) {
        return Err(scan.damaged(0, "the segment does not continue the one before it"));
    }
    let mut file_len = header.file_len;
    let cut_at = |keep: &Cursor, file_len, damage, loses| Cut {
        keep: keep.clone(),
        file_len,
        preamble: std::sync::Arc::clone(&preamble),
        later: Vec::new(),
        damage,
        loses,
    };
    let mut unsealed = None;
    let is_wrong = loop {
        let keep = cursor.clone();
        let (kind, len) = match scan.next(&mut cursor) {
            Ok(Some(group)) => (group.kind, group.frame.file_len),
            Ok(None) => break rest(&mut scan, disk, dir, &keep).map(|()| false),
            Err(error) if !is_damage(&error) => return Err(error),
            Err(damage) => break Err(damage),
        };
        if cursor.end > at {
            return Ok(Walked { cut: cut_at(&keep, file_len, None, true), unsealed });
        }
        if kind == Kind::Seal {
            unsealed = Some(cut_at(&keep, file_len, None, true));
            file_len = file_len.max(len);
            break scan.tail(&cursor, false).map(|_| false);
        }
        file_len = file_len.max(len);
    };
    let is_short = (length < file_len).then_some(length);
    let damage = match (is_wrong, is_short) {
        (Err(damage), _) => Some(damage),
        (Ok(_), Some(length)) => Some(scan.damaged(
            length,
            format!("the file has {length} bytes and had at least {file_len}: it was cut off"),
        )),
        (Ok(_), None) => None,
    };
    let mut walked = Walked { cut: cut_at(&cursor, file_len, None, false), unsealed };
    if damage.is_some() {
        let keep = walked.unsealed.take().unwrap_or(walked.cut);
        walked.cut = Cut { damage, loses: true, ..keep };
    }
    Ok(walked)
}

/// Verifies that nothing comes after the last group but a batch that a crash cut, or a segment that is not in use yet.
fn rest(scan: &mut Scan, disk: &dyn Disk, dir: &Path, keep: &Cursor) -> Result<(), JournalError> {
    let segments = directory::list(disk, dir)?.segments;
    let is_last = segments.last() == Some(&keep.segment);
    scan.tail(keep, is_last)?;
    let next = keep.segment + 1;
    if is_last {
        return Ok(());
    }
    let follows = |scan: &Scan| {
        let what = format!("the seal of the segment is missing, and segment {next} follows");
        scan.damaged(keep.sector * SECTOR_BYTES, what)
    };
    let mut made = Scan::open(disk, dir, next, None).map_err(|_| follows(scan))?;
    let (header, mut cursor, _) = made.header()?;
    let is_unused = continues(&header, &cursor, Some(keep)) && made.next(&mut cursor)?.is_none();
    if is_unused && segments.last() == Some(&next) { Ok(()) } else { Err(follows(scan)) }
}

/// Whether it says what the disk did, and not what may not be read.
fn is_damage(error: &JournalError) -> bool {
    matches!(error, JournalError::Damaged { .. } | JournalError::Io { action: "read", .. })
}

fn damaged_first(damage: &JournalError) -> JournalError {
    match damage {
        JournalError::Damaged { path, offset, after, what } => JournalError::Damaged {
            path: path.clone(),
            offset: *offset,
            after: *after,
            what: format!("{what}; there is nothing before it that could be kept"),
        },
        JournalError::Newer { path, found, supported, writer } => {
            let (path, writer) = (path.clone(), writer.clone());
            JournalError::Newer { path, found: *found, supported: *supported, writer }
        }
        other => JournalError::Stopped(other.to_string().into()),
    }
}

impl Cut {
    /// Makes the cut, and verifies what is left as an opening does. Whoever calls this holds the lock.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or what is left is no journal. Then it can be tried again.
    pub(crate) fn apply(&self, disk: &dyn Disk, dir: &Path) -> Result<(), JournalError> {
        for number in self.later.iter().rev() {
            let path = dir.join(file_name(*number));
            disk.remove(&path).map_err(io_error("remove", &path))?;
        }
        disk.sync_dir(dir).map_err(io_error("sync", dir))?;
        zero(disk, dir, self.keep.segment, self.keep.sector * SECTOR_BYTES, self.file_len)?;
        let segments = directory::look(disk, dir)?.segments;
        let found = recover(disk, dir, &segments, &mut |_| Ok(()))?;
        match found.map(|found| found.end()) {
            Some((end, chain)) if self.is_all_lost() || (end, chain) == (self.keep.end, self.keep.chain) => {
                Ok(())
            }
            _ => Err(JournalError::Stopped("what is left is not what was to be kept".into())),
        }
    }

    /// Whether not even the start of the first writer is left: the next one begins anew.
    fn is_all_lost(&self) -> bool {
        self.keep.segment == 1 && self.keep.last == Kind::Header
    }
}

#[cfg(test)]
mod tests;
