//! The directory of a journal: what may be in it, and taking possession of it without a trace if it is refused.

use std::{io::ErrorKind, path::Path};

use super::{
    sector::{self, Kind, ROOM_BYTES, SECTOR_BYTES, Sector, SectorBytes},
    segment::{FORMAT, Header, Opening, file_name, number_of},
};
use crate::{
    Position,
    disk::{Access, Disk},
    journal::{JournalError, file::io_error},
};

const LOCK: &str = "lock";

/// What a directory holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The numbers of the segments, in order.
    pub segments: Vec<u64>,
    /// How long they are together, in bytes.
    pub segment_bytes: u64,
    /// Names of segments that were never completed.
    pub temporaries: Vec<String>,
    /// The first file that no part of memstate makes.
    foreign: Option<String>,
    has_lock: bool,
}

/// The lock on a directory, and what is in it.
pub struct Possession {
    /// Released when dropped.
    pub lock: Box<dyn Send + Sync>,
    /// What the directory holds while nobody else can change it.
    pub listing: Listing,
}

/// Takes the directory, if it is a journal's or may become one.
pub fn take(disk: &dyn Disk, dir: &Path) -> Result<Possession, JournalError> {
    match disk.list(dir) {
        Ok(files) => {
            let listing = classify(dir, files)?;
            // Where there is no lock file nobody has the journal, and none should be made if it will be refused.
            // Where there is one the journal may be in use, and reading it before the lock would see it change.
            if !listing.has_lock {
                check(disk, dir, &listing)?;
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            disk.create_dir(dir).map_err(io_error("create the directory", dir))?;
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Err(JournalError::NotAJournal {
                path: dir.to_owned(),
                what: "a file is in its place".into(),
            });
        }
        Err(error) => return Err(io_error("list", dir)(error)),
    }
    let path = dir.join(LOCK);
    let Some(lock) = disk.lock(&path).map_err(io_error("lock", &path))? else {
        return Err(JournalError::Locked { path: dir.to_owned() });
    };
    let listing = classify(dir, disk.list(dir).map_err(io_error("list", dir))?)?;
    check(disk, dir, &listing)?;
    Ok(Possession { lock, listing })
}

/// What the directory holds, without the lock: it may be in use, and change.
///
/// # Errors
///
/// As [`take`], except that a directory that is missing is an error too.
pub fn look(disk: &dyn Disk, dir: &Path) -> Result<Listing, JournalError> {
    let listing = list(disk, dir)?;
    check(disk, dir, &listing)?;
    Ok(listing)
}

/// What the directory holds, whatever state that is in.
pub fn list(disk: &dyn Disk, dir: &Path) -> Result<Listing, JournalError> {
    let files = disk.list(dir).map_err(|error| match error.kind() {
        ErrorKind::NotADirectory => {
            JournalError::NotAJournal { path: dir.to_owned(), what: "it is a file".into() }
        }
        _ => io_error("list", dir)(error),
    })?;
    classify(dir, files)
}

/// Takes the lock of a directory, whatever state the journal in it is in.
#[cfg(feature = "cli")]
pub fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn Send + Sync>, JournalError> {
    let path = dir.join(LOCK);
    let lock = disk.lock(&path).map_err(io_error("lock", &path))?;
    lock.ok_or_else(|| JournalError::Locked { path: dir.to_owned() })
}

/// The position that each segment says it begins with.
pub fn bases(disk: &dyn Disk, dir: &Path, segments: &[u64]) -> Result<Vec<(u64, Position)>, JournalError> {
    let mut bases = Vec::new();
    for &number in segments {
        let base = begins_with(disk, &dir.join(file_name(number)), number, Position::START)?;
        bases.push((number, base));
    }
    Ok(bases)
}

fn classify(dir: &Path, files: Vec<(String, u64)>) -> Result<Listing, JournalError> {
    let mut listing = Listing::default();
    for (name, length) in files {
        let complete = name.strip_suffix(".tmp");
        let is_temporary = complete.is_some();
        let known = complete.unwrap_or(&name);
        match number_of(known) {
            Some(_) if is_temporary => listing.temporaries.push(name),
            Some(number) => {
                listing.segments.push(number);
                listing.segment_bytes += length;
            }
            None if known == LOCK => listing.has_lock |= !is_temporary,
            None if known == "attempt" || known.starts_with("snapshot-") => {}
            None if listing.foreign.as_ref().is_none_or(|first| name < *first) => {
                listing.foreign = Some(name)
            }
            None => {}
        }
    }
    listing.segments.sort_unstable();
    match &listing.foreign {
        // Beside a journal they are the user's business: notes, or a copy of a segment.
        Some(foreign) if listing.segments.is_empty() => Err(JournalError::NotAJournal {
            path: dir.to_owned(),
            what: format!("it holds no journal, but a file named {foreign:?}"),
        }),
        _ => Ok(listing),
    }
}

/// Refuses at once what need not be read to the end to be refused: a missing segment, a later format, a file that
/// does not begin as its name says.
fn check(disk: &dyn Disk, dir: &Path, listing: &Listing) -> Result<(), JournalError> {
    let mut after = Position::START;
    for (number, &found) in (1..).zip(&listing.segments) {
        if found != number {
            let what = format!("the segment is missing, and segment {found} exists");
            return Err(JournalError::Damaged { path: dir.join(file_name(number)), offset: 0, after, what });
        }
        let path = dir.join(file_name(number));
        let base = begins_with(disk, &path, number, after)?;
        after = Position::new(base.get().saturating_sub(1));
    }
    Ok(())
}

/// The position that a segment says it begins with.
pub fn begins_with(
    disk: &dyn Disk,
    path: &Path,
    number: u64,
    after: Position,
) -> Result<Position, JournalError> {
    let mut bytes: SectorBytes = [0; SECTOR_BYTES as usize];
    let file = disk.open(path, Access::Read).map_err(io_error("open", path))?;
    let read = file.read_at(&mut bytes, 0).map_err(io_error("read", path))?;
    let damaged = |what: String| JournalError::Damaged { path: path.to_owned(), offset: 0, after, what };
    if read < bytes.len() {
        return Err(damaged(format!("the file has {read} bytes and its header has more: it was cut off")));
    }
    match sector::decode(&bytes, number, 0) {
        Sector::NeverWritten => Err(damaged("the header of the segment is missing".to_owned())),
        Sector::Damaged(what) => Err(damaged(match held_by(&bytes) {
            Some(held) => format!("the file holds segment {held}: it was renamed or replaced"),
            None => what.to_owned(),
        })),
        Sector::Written(label, body) => match Header::parse(body) {
            Opening::Header(header) if label.kind == Kind::Header => Ok(header.base),
            Opening::Newer(found, writer) if label.kind == Kind::Header => {
                Err(JournalError::Newer { path: path.to_owned(), found, supported: FORMAT, writer })
            }
            _ => Err(damaged("the file does not begin with the header of a segment".to_owned())),
        },
    }
}

/// The number of the segment that begins like this, if it is whole and only has another's name.
fn held_by(bytes: &SectorBytes) -> Option<u64> {
    let Opening::Header(header) = Header::parse(&bytes[bytes.len() - ROOM_BYTES..]) else { return None };
    matches!(sector::decode(bytes, header.segment, 0), Sector::Written(..)).then_some(header.segment)
}
