//! Copies a journal, also while it is written, into a directory that holds an earlier copy of it or nothing.
//!
//! What is copied are whole groups, so the copy is what a crash after the last of them would have left. Each step leaves
//! the copy a journal that opens, and never a shorter one: a segment is written under another name, read back, verified
//! up to the hash that the source has there, and renamed over what it replaces; a segment is there with its header before
//! the seal of the one before it says that it exists.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    directory::{self, Possession},
    inspect::{Inspector, Kind, SECTOR_BYTES},
    scan::Scan,
    sector::{self, Sector},
    segment::{Cursor, file_name, temporary_name},
};
use crate::{
    Position,
    disk::{Access, Disk, DiskFile},
    journal::{JournalError, file::io_error},
};

const CHUNK_BYTES: usize = 1 << 20;
/// A file is at least this much longer than what is in it: room for a seal and the sector after it.
const SLACK_BYTES: u64 = 4 * SECTOR_BYTES;

/// What was copied.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    /// The end of the copy before.
    pub(crate) before: Option<Cursor>,
    /// The end of the copy now.
    pub(crate) end: Cursor,
    /// How many bytes of groups are new.
    pub(crate) new_bytes: u64,
}

/// Why there is no copy, or no newer one.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// One of the two cannot be read, or the copy cannot be written.
    Journal(JournalError),
    /// There is nothing to copy.
    Empty,
    /// What is there is not an earlier state of the same journal: they differ at this position, or before it.
    Differs(Position),
}

impl From<JournalError> for CopyError {
    fn from(error: JournalError) -> Self {
        CopyError::Journal(error)
    }
}

/// What is to be in a segment of the copy.
struct Piece {
    number: u64,
    /// Where its groups begin.
    header: Cursor,
    /// The end of its groups without the seal.
    body: Cursor,
    is_sealed: bool,
}

/// Takes the copy's directory, to write to it.
pub(crate) fn take(disk: &dyn Disk, to: &Path) -> Result<Possession, JournalError> {
    let possession = directory::take(disk, to)?;
    for name in &possession.listing.temporaries {
        let path = to.join(name);
        disk.remove(&path).map_err(io_error("remove", &path))?;
    }
    Ok(possession)
}

/// Copies what is new. The caller has [`take`]n the copy's directory.
pub(crate) fn copy(
    disk: &Arc<dyn Disk>,
    from: &Path,
    to: &Path,
    progress: &dyn Fn(u64),
) -> Result<Copied, CopyError> {
    let before = end_of(disk, to)?;
    let first = before.as_ref().map_or(1, |cursor| cursor.segment);
    let (pieces, end) = plan(disk, from, first, before.as_ref(), progress)?;
    let mut new_bytes = 0;
    let mut previous: Option<&Piece> = None;
    for piece in &pieces {
        let copy = Copy { disk: &**disk, from, to, piece };
        if let Some(previous) = previous {
            copy.write(&piece.header)?;
            Copy { piece: previous, ..copy }.seal()?;
        }
        let start = before.as_ref().filter(|before| before.segment == piece.number).map_or(0, |it| it.sector);
        if !(start == piece.body.sector && copy.is_long_enough()?) {
            copy.write(&piece.body)?;
            new_bytes += (piece.body.sector - start) * SECTOR_BYTES;
        }
        previous = Some(piece);
    }
    // The whole of what was touched, as whoever opens it will see it.
    let mut inspector = Inspector::at_segment(Arc::clone(disk), to, first);
    while inspector.next()?.is_some() {}
    inspector.ending()?;
    match inspector.cursor() {
        Some(cursor) if *cursor == end => Ok(Copied { before, end, new_bytes }),
        _ => Err(JournalError::Stopped("the copy is not what was copied".into()).into()),
    }
}

/// The end of the copy that is there.
fn end_of(disk: &Arc<dyn Disk>, to: &Path) -> Result<Option<Cursor>, JournalError> {
    let mut inspector = Inspector::open(Arc::clone(disk), to, Position::new(u64::MAX))?;
    while inspector.next()?.is_some() {}
    inspector.ending()?;
    Ok(inspector.cursor().cloned())
}

/// Reads and verifies the source from the segment `first` on; it must pass through where the copy ends.
fn plan(
    disk: &Arc<dyn Disk>,
    from: &Path,
    first: u64,
    before: Option<&Cursor>,
    progress: &dyn Fn(u64),
) -> Result<(Vec<Piece>, Cursor), CopyError> {
    let mut inspector = Inspector::at_segment(Arc::clone(disk), from, first);
    let segments = inspector.listing()?.segments;
    if segments.is_empty() {
        return Err(CopyError::Empty);
    }
    if let Some(before) = before
        && segments.last().is_some_and(|last| *last < first)
    {
        return Err(CopyError::Differs(before.end));
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut meets, mut end) = (before.is_none(), None);
    while let Some(seen) = inspector.next()? {
        let (kind, bytes) = (seen.kind, seen.bytes);
        progress(bytes);
        let Some(cursor) = inspector.cursor().cloned() else { break };
        meets |= before == Some(&cursor);
        if let Some(before) = before.filter(|_| !meets)
            && (cursor.segment, cursor.sector) >= (before.segment, before.sector)
        {
            return Err(CopyError::Differs(before.end));
        }
        match (kind, pieces.last_mut()) {
            (Kind::Header, Some(last)) if last.number == cursor.segment => {
                (last.header, last.body) = (cursor.clone(), cursor.clone());
            }
            (Kind::Header, _) => pieces.push(Piece {
                number: cursor.segment,
                header: cursor.clone(),
                body: cursor.clone(),
                is_sealed: false,
            }),
            (Kind::Seal, Some(piece)) => piece.is_sealed = true,
            (_, Some(piece)) => piece.body = cursor.clone(),
            (_, None) => {}
        }
        end = Some(cursor);
    }
    inspector.ending()?;
    match (end, before) {
        (Some(end), _) if meets => Ok((pieces, end)),
        (_, Some(before)) => Err(CopyError::Differs(before.end)),
        (_, None) => Err(CopyError::Empty),
    }
}

/// A segment on its way.
#[derive(Clone, Copy)]
struct Copy<'a> {
    disk: &'a dyn Disk,
    from: &'a Path,
    to: &'a Path,
    piece: &'a Piece,
}

impl Copy<'_> {
    fn source(&self) -> PathBuf {
        self.from.join(file_name(self.piece.number))
    }

    fn target(&self) -> PathBuf {
        self.to.join(file_name(self.piece.number))
    }

    /// How long the source's file is: at least as long as anything in it says that it is.
    fn wanted_len(&self) -> Result<u64, JournalError> {
        let path = self.source();
        let len = self.disk.open(&path, Access::Read).and_then(|file| file.len());
        let len = len.map_err(io_error("tell the length of", &path))?;
        Ok(len.max(self.piece.body.sector * SECTOR_BYTES + SLACK_BYTES).next_multiple_of(SECTOR_BYTES))
    }

    /// Whether what is in the copy need not be written again: a later group may say that the file was longer.
    fn is_long_enough(&self) -> Result<bool, JournalError> {
        let path = self.target();
        let len = self.disk.open(&path, Access::Read).and_then(|file| file.len());
        Ok(len.map_err(io_error("tell the length of", &path))? >= self.wanted_len()?)
    }

    /// Puts the segment up to `end` in its place, in the copy.
    fn write(&self, end: &Cursor) -> Result<(), JournalError> {
        let temporary = self.to.join(temporary_name(self.piece.number));
        match self.disk.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_error("remove", &temporary)(error));
            }
            _ => {}
        }
        self.fill(&temporary, end.sector * SECTOR_BYTES)?;
        self.verify(&temporary, end)?;
        let target = self.target();
        self.disk.rename(&temporary, &target).map_err(io_error("rename", &temporary))?;
        self.disk.sync_dir(self.to).map_err(io_error("sync", self.to))
    }

    fn fill(&self, temporary: &Path, used: u64) -> Result<(), JournalError> {
        let path = self.source();
        let source = self.disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        let mut file = self.disk.open(temporary, Access::CreateNew).map_err(io_error("create", temporary))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let (mut at, len) = (0, self.wanted_len()?);
        while at < len {
            let until = if at < used { used } else { len };
            let chunk = &mut chunk[..(until - at).min(CHUNK_BYTES as u64) as usize];
            chunk.fill(0);
            if at < used {
                source.read_at(chunk, at).map_err(io_error("read", &path))?;
            }
            file.write_at(chunk, at).map_err(io_error("write to", temporary))?;
            at += chunk.len() as u64;
        }
        file.sync().map_err(io_error("sync", temporary))
    }

    /// Reads back what was written, up to the hash that the source has there.
    fn verify(&self, temporary: &Path, end: &Cursor) -> Result<(), JournalError> {
        let mut scan = Scan::open_file(self.disk, temporary.to_owned(), self.piece.number, None)?;
        let (_, mut cursor, _) = scan.header()?;
        while scan.next(&mut cursor)?.is_some() {}
        scan.tail(&cursor, false)?;
        if cursor == *end { Ok(()) } else { Err(scan.damaged(0, "the copy is not what was copied")) }
    }

    /// Writes the seal behind the body: one sector, which a disk writes whole or not at all.
    fn seal(&self) -> Result<(), JournalError> {
        debug_assert!(self.piece.is_sealed, "another segment follows");
        let (path, at) = (self.source(), self.piece.body.sector);
        let mut seal = [0; SECTOR_BYTES as usize];
        let source = self.disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        source.read_at(&mut seal, at * SECTOR_BYTES).map_err(io_error("read", &path))?;
        if !matches!(sector::decode(&seal, self.piece.number, at), Sector::Written(label, _) if label.kind == Kind::Seal && label.total == 1)
        {
            let after = self.piece.body.end;
            let what = "the seal cannot be read again".to_owned();
            return Err(JournalError::Damaged { path, offset: at * SECTOR_BYTES, after, what });
        }
        let target = self.target();
        let mut file: Box<dyn DiskFile> =
            self.disk.open(&target, Access::Write).map_err(io_error("open for writing", &target))?;
        file.write_at(&seal, at * SECTOR_BYTES).map_err(io_error("write to", &target))?;
        file.sync().map_err(io_error("sync", &target))
    }
}

#[cfg(test)]
mod tests;
