//! Snapshots: the state after a position, in a file of its own beside the journal.
//!
//! ```text
//! file = "memstate snap 1\n", position (u64), time of the last record (i64, microseconds since 1970),
//!        preamble: length (u64), bytes
//!        requests: length (u64), postcard
//!        state: postcard, up to the last 32 bytes
//!        BLAKE3 of everything before (32 bytes)
//! ```
//!
//! In every format the beginning is as long as `memstate snap 1\n` and begins as that does, everything up to the preamble stands
//! where it stands here, and the end is the hash: so a snapshot of a later format is told from a damaged one, and its
//! preamble says who wrote it.
//!
//! Numbers are little-endian. A snapshot is only ever a shortcut: the journal alone brings the same state back. This
//! module writes, finds and reads the files; what a snapshot is made from is the business of
//! [`replay`](super::replay).

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    evolution::{self, Routes, Today, Way},
    kernel::Kernel,
    preamble::Preamble,
    requests::Requests,
    retention::Retention,
};
use crate::{
    Model, OpenError, Position, Timestamp,
    bugs::{self, Bug},
    codec::{self, Unreadable, get_bytes, whole},
    disk::{Access, Disk, DiskFile},
    journal::{newer, version_of},
    pace,
};

const MAGIC: &[u8; 16] = b"memstate snap 1\n";
const MAGIC_OF_ANY_FORMAT: &[u8] = b"memstate snap ";
/// The checksum at the end.
const SEAL_BYTES: usize = 32;
/// How much stands before the preamble's length.
const HEADER_BYTES: usize = MAGIC.len() + 16;
/// Where the preamble begins, in every format.
const PREAMBLE_AT: usize = HEADER_BYTES + 8;
/// How much is written or read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// After how much that is written it is synced. All at once at the end, it would stand in the way of the journal's syncs for
/// as long as it takes.
const SYNC_BYTES: u64 = 4 << 20;

/// The snapshots in a directory.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    retention: Retention,
    /// Those that were found to be of no use. They are not counted, and written anew or removed with the next.
    unusable: Arc<Mutex<BTreeSet<Position>>>,
}

/// A snapshot that was read.
pub(crate) struct Loaded<M: Model> {
    pub(crate) kernel: Kernel<M>,
    pub(crate) time: Timestamp,
    /// Whether code with the very types and commands of today wrote it.
    pub(crate) is_of_today: bool,
}

impl Snapshots {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: &Path, retention: Retention) -> Self {
        Snapshots { disk, dir: dir.to_owned(), retention, unusable: Arc::default() }
    }

    fn path(&self, position: Position) -> PathBuf {
        self.dir.join(format!("snapshot-{:020}", position.get()))
    }

    /// The positions of the snapshots that are there, the newest first.
    fn positions(&self) -> Result<Vec<Position>, OpenError> {
        let files = match self.disk.list(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files.map_err(|source| io_error("list", &self.dir, source))?,
        };
        let number = |name: &str| {
            let digits = name.strip_prefix("snapshot-").filter(|digits| digits.len() == 20)?;
            digits.parse().ok().map(Position::new)
        };
        let mut positions: Vec<_> = files.iter().filter_map(|(name, _)| number(name)).collect();
        positions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(positions)
    }

    /// Removes snapshots that a process left unfinished.
    pub(crate) fn remove_leftovers(&self) -> Result<(), OpenError> {
        let files = self.disk.list(&self.dir).map_err(|source| io_error("list", &self.dir, source))?;
        for (name, _) in files {
            if name.starts_with("snapshot-") && name.ends_with(".tmp") {
                let path = self.dir.join(name);
                self.disk
                    .remove(&path)
                    .map_err(|source| io_error("remove the unfinished snapshot", &path, source))?;
            }
        }
        Ok(())
    }

    /// The newest snapshot at or before `limit` that can be used. One that cannot is passed over, with a warning; the
    /// journal makes up for it. One whose state is of other types than today's is passed over too: what the fields that
    /// came later would hold only today's code can tell, from the journal. See [`Snapshots::to_compare`].
    ///
    /// # Errors
    ///
    /// If a snapshot is whole and of another model or a newer version, or the directory cannot be read.
    pub(crate) fn newest<M: Model>(
        &self,
        today: &Today,
        limit: Option<Position>,
    ) -> Result<Option<Loaded<M>>, OpenError> {
        for position in self.positions()? {
            if limit.is_some_and(|limit| position > limit) {
                continue;
            }
            let path = self.path(position);
            match self.read(today, &path, position) {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(Unusable::Refuse(error)) => return Err(*error),
                Err(Unusable::OfOtherTypes) => {}
                Err(Unusable::NotNow(why)) => {
                    tracing::warn!(snapshot = %path.display(), why, "a snapshot cannot be read; falling back");
                }
                Err(Unusable::PassOver(why)) => {
                    tracing::warn!(snapshot = %path.display(), why, "a snapshot cannot be used; falling back");
                    self.unusable.lock().insert(position);
                }
            }
        }
        Ok(None)
    }

    fn read<M: Model>(&self, today: &Today, path: &Path, position: Position) -> Result<Loaded<M>, Unusable> {
        let file = self.read_file(path).map_err(|error| Unusable::NotNow(error.to_string()))?;
        let is_newer = file.bytes.starts_with(MAGIC_OF_ANY_FORMAT) && !file.bytes.starts_with(MAGIC);
        if is_newer && file.sealed().is_some() {
            return Err(Unusable::Refuse(Box::new(OpenError::Unreadable {
                location: path.display().to_string(),
                what: "the snapshot".to_owned(),
                position,
                why: newer(file.bytes.get(PREAMBLE_AT..).and_then(version_of)),
            })));
        }
        let parts = Parts::of_file(&file, position).map_err(Unusable::PassOver)?;
        let preamble =
            Preamble::decode(parts.preamble).map_err(|error| Unusable::PassOver(error.to_string()))?;
        if preamble.model != M::NAME {
            return Err(Unusable::Refuse(Box::new(OpenError::OtherModel {
                location: path.display().to_string(),
                found: preamble.model,
                expected: M::NAME,
            })));
        }
        let routes = Routes::new(&preamble, today);
        if !routes.state.same {
            return Err(Unusable::OfOtherTypes);
        }
        let mut requests: Requests = whole(parts.requests, codec::get)
            .map_err(|error| Unusable::PassOver(format!("its requests cannot be read: {error}")))?;
        if !requests.is_consistent() {
            return Err(Unusable::PassOver("its requests contradict themselves".to_owned()));
        }
        requests.carry(|method| {
            routes.command(method).and_then(|route| match route.way {
                Way::Same(method) | Way::Carried { method, .. } if route.same_reply => Some(method),
                _ => None,
            })
        });
        let model = evolution::read_state(&preamble, &routes.state, parts.state)
            .map_err(|why| Unusable::PassOver(format!("its state cannot be read: {why}")))?;
        let is_of_today = *parts.preamble == *today.bytes;
        Ok(Loaded { kernel: Kernel::new(model, position, requests), time: parts.time, is_of_today })
    }

    /// The newest snapshot if it is another than the one that was `used` and its state is of other types than today's: its
    /// position and its state, carried over to today's types, as bytes. A replay through there has to come to the same.
    pub(crate) fn to_compare<M: Model>(&self, today: &Today, used: Position) -> Option<(Position, Vec<u8>)> {
        let position = self.newest_position().filter(|position| *position > used)?;
        let file = self.read_file(&self.path(position)).ok()?;
        let parts = Parts::of_file(&file, position).ok()?;
        let preamble = Preamble::decode(parts.preamble).ok()?;
        let routes = Routes::new(&preamble, today);
        if routes.state.same || preamble.model != M::NAME {
            return None;
        }
        // One that has no place in today's types says nothing; whether the journal has is found out by itself.
        let model: M = evolution::read_state(&preamble, &routes.state, parts.state).ok()?;
        // Its destructors are the user's own, and stay in a kernel.
        let kernel = Kernel::new(model, position, Requests::default());
        Some((position, postcard::to_stdvec(kernel.model()).ok()?))
    }

    /// Does not count the snapshot at `position` any more: it is written anew, or removed with the next.
    pub(crate) fn set_aside(&self, position: Position) {
        self.unusable.lock().insert(position);
    }

    /// Removes the snapshots of `first` and after.
    pub(crate) fn remove_from(&self, first: Position) -> Result<(), OpenError> {
        for position in self.positions()?.into_iter().filter(|position| *position >= first) {
            let path = self.path(position);
            self.disk.remove(&path).map_err(|source| io_error("remove the snapshot", &path, source))?;
        }
        self.disk.sync_dir(&self.dir).map_err(|source| io_error("sync", &self.dir, source))
    }

    fn read_file(&self, path: &Path) -> io::Result<Content> {
        let file = self.disk.open(path, Access::Read)?;
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(io::Error::other)?;
        // Piece by piece, and each is hashed while it is in the cache: the memory for all of it is touched once.
        let mut hasher = blake3::Hasher::new();
        let mut chunk = vec![0; CHUNK_BYTES.min(length)];
        while bytes.len() < length {
            let wanted = chunk.len().min(length - bytes.len());
            let read = file.read_at(&mut chunk[..wanted], bytes.len() as u64)?;
            let before_seal = length.saturating_sub(SEAL_BYTES).saturating_sub(bytes.len());
            hasher.update(&chunk[..read.min(before_seal)]);
            bytes.extend_from_slice(&chunk[..read]);
            if read < wanted {
                break;
            }
            pace::rest();
        }
        let is_sealed = bytes.len() == length
            && (bytes.last_chunk::<SEAL_BYTES>().is_some_and(|seal| hasher.finalize() == *seal)
                || bugs::on(Bug::SnapshotChecksumOff));
        Ok(Content { bytes, is_sealed })
    }

    /// Writes a snapshot, makes it durable, and removes those that are not to be kept. Gives how many bytes it has.
    pub(crate) fn write<M: Model>(
        &self,
        today: &Preamble,
        kernel: &Kernel<M>,
        time: Timestamp,
    ) -> Result<u64, OpenError> {
        let path = self.path(kernel.position());
        let temporary = path.with_extension("tmp");
        let written = self.write_file(today, &temporary, kernel, time);
        let bytes = written.map_err(|source| {
            // Best effort: a leftover is harmless, and the first error is the one to tell.
            let _ = self.disk.remove(&temporary);
            io_error("write the snapshot", &temporary, source)
        })?;
        self.disk
            .rename(&temporary, &path)
            .map_err(|source| io_error("rename the snapshot to", &path, source))?;
        self.disk.sync_dir(&self.dir).map_err(|source| io_error("sync", &self.dir, source))?;
        let mut unusable = self.unusable.lock();
        unusable.remove(&kernel.position());
        let (useless, good): (Vec<_>, Vec<_>) =
            self.positions()?.into_iter().partition(|position| unusable.contains(position));
        let good: Vec<_> = good.into_iter().map(|position| (position, self.time(position))).collect();
        let kept = self.retention.kept(&good);
        let not_kept = good.iter().map(|(position, _)| *position).filter(|position| !kept.contains(position));
        for old in not_kept.chain(useless) {
            let old = self.path(old);
            self.disk.remove(&old).map_err(|source| io_error("remove the old snapshot", &old, source))?;
        }
        unusable.clear();
        Ok(bytes)
    }

    fn write_file<M: Model>(
        &self,
        today: &Preamble,
        path: &Path,
        kernel: &Kernel<M>,
        time: Timestamp,
    ) -> io::Result<u64> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.open(path, Access::CreateNew)?;
        let mut out = Sealing {
            file,
            offset: 0,
            synced: 0,
            chunk: Vec::with_capacity(CHUNK_BYTES),
            hasher: blake3::Hasher::new(),
        };
        out.write_all(MAGIC)?;
        out.write_all(&kernel.position().get().to_le_bytes())?;
        out.write_all(&time.as_micros().to_le_bytes())?;
        let preamble = today.encode();
        out.write_all(&(preamble.len() as u64).to_le_bytes())?;
        out.write_all(&preamble)?;
        let requests = match bugs::on(Bug::RequestsNotInSnapshot) {
            true => postcard::to_stdvec(&Requests::default()),
            false => postcard::to_stdvec(kernel.requests()),
        };
        let requests = requests.map_err(io::Error::other)?;
        out.write_all(&(requests.len() as u64).to_le_bytes())?;
        out.write_all(&requests)?;
        postcard::to_io(kernel.model(), &mut out).map_err(io::Error::other)?;
        out.seal()
    }

    /// The time of a snapshot's last record, from its header alone. A header that cannot be read is not checked any
    /// further, and counts as very old.
    pub(crate) fn time(&self, position: Position) -> Timestamp {
        let mut header = [0; HEADER_BYTES];
        let read = self
            .disk
            .open(&self.path(position), Access::Read)
            .and_then(|file| file.read_at(&mut header, 0))
            .unwrap_or_default();
        match header.strip_prefix(MAGIC).and_then(|numbers| numbers.split_first_chunk::<8>()) {
            Some((of_header, time))
                if read == HEADER_BYTES && u64::from_le_bytes(*of_header) == position.get() =>
            {
                Timestamp::from_micros(i64::from_le_bytes(time.try_into().expect("the header ends there")))
            }
            _ => Timestamp::BEFORE_ALL,
        }
    }

    /// The position of the newest snapshot whose last record's time is at or before `time`, going by the headers.
    pub(crate) fn newest_through(&self, time: Timestamp) -> Result<Option<Position>, OpenError> {
        let is_through = |position: &Position| {
            let of_snapshot = self.time(*position);
            of_snapshot <= time && of_snapshot > Timestamp::BEFORE_ALL
        };
        Ok(self.positions()?.into_iter().find(is_through))
    }

    /// Whether there is a snapshot after `from` and at or before `until`.
    pub(crate) fn is_one_between(&self, from: Position, until: Position) -> Result<bool, OpenError> {
        Ok(self.positions()?.into_iter().any(|position| from < position && position <= until))
    }

    /// The position of the newest snapshot that is not known to be of no use.
    pub(crate) fn newest_position(&self) -> Option<Position> {
        let unusable = self.unusable.lock();
        self.positions().ok()?.into_iter().find(|position| !unusable.contains(position))
    }
}

enum Unusable {
    /// It is fine, and of a state of other types.
    OfOtherTypes,
    /// It may be fine: the system did not let it be read.
    NotNow(String),
    /// The next older one will do.
    PassOver(String),
    /// Whatever it is, this is not the right place or program.
    Refuse(Box<OpenError>),
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), source }
}

/// Reads a state. The user's `Deserialize` runs here.
pub(crate) fn read_state<M: Model>(bytes: &[u8]) -> Result<M, Unreadable> {
    whole(bytes, codec::get)
}

/// What a file holds.
struct Content {
    bytes: Vec<u8>,
    /// Whether the checksum at its end is right.
    is_sealed: bool,
}

impl Content {
    /// What is in front of a checksum that is right.
    fn sealed(&self) -> Option<&[u8]> {
        let (content, _) = self.bytes.split_last_chunk::<SEAL_BYTES>()?;
        self.is_sealed.then_some(content)
    }
}

struct Parts<'a> {
    position: Position,
    time: Timestamp,
    preamble: &'a [u8],
    requests: &'a [u8],
    state: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The parts of a whole file, which is of `position`; otherwise why it is not.
    fn of_file(file: &'a Content, position: Position) -> Result<Self, String> {
        let Some(content) = file.sealed().and_then(|content| content.strip_prefix(MAGIC)) else {
            return Err("its checksum is wrong".to_owned());
        };
        let parts = Parts::split(content).map_err(|error| error.to_string())?;
        match parts.position == position {
            true => Ok(parts),
            false => Err(format!("it is of position {}", parts.position)),
        }
    }

    fn split(mut bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let number = |bytes: &mut &'a [u8]| {
            Ok::<_, Unreadable>(u64::from_le_bytes(
                get_bytes(bytes, 8)?.try_into().expect("eight were asked for"),
            ))
        };
        let part = |bytes: &mut &'a [u8]| {
            let length =
                usize::try_from(number(bytes)?).map_err(|_| Unreadable::new("a length is too large"))?;
            get_bytes(bytes, length)
        };
        Ok(Parts {
            position: Position::new(number(&mut bytes)?),
            time: Timestamp::from_micros(number(&mut bytes)? as i64),
            preamble: part(&mut bytes)?,
            requests: part(&mut bytes)?,
            state: bytes,
        })
    }
}

/// Writes in large pieces and hashes on the way.
struct Sealing {
    file: Box<dyn DiskFile>,
    offset: u64,
    /// Up to where it is synced.
    synced: u64,
    chunk: Vec<u8>,
    hasher: blake3::Hasher,
}

impl Sealing {
    fn write_chunk(&mut self) -> io::Result<()> {
        self.file.write_at(&self.chunk, self.offset)?;
        self.offset += self.chunk.len() as u64;
        self.chunk.clear();
        if self.offset - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.offset;
        }
        pace::rest();
        Ok(())
    }

    /// Gives how many bytes there are.
    fn seal(mut self) -> io::Result<u64> {
        self.hasher.update(&self.chunk);
        let seal = *self.hasher.finalize().as_bytes();
        self.chunk.extend_from_slice(&seal);
        self.write_chunk()?;
        self.file.sync()?;
        Ok(self.offset)
    }
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hasher.update(&self.chunk);
            self.write_chunk()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
