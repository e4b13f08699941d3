//! What is in the cache and what is on the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Operations;

pub const SECTOR_BYTES: usize = 512;
const NO_SPACE: i32 = 28;
const INPUT_OUTPUT: i32 = 5;

pub type SectorBytes = [u8; SECTOR_BYTES];
pub type FileId = u64;

#[derive(Debug, Default)]
pub struct Storage {
    pub dirs: BTreeSet<Arc<Path>>,
    /// Those of them that a loss of power may take, with what is in them.
    pub unsynced_dirs: BTreeSet<Arc<Path>>,
    pub entries: BTreeMap<Arc<Path>, FileId>,
    pub durable_entries: BTreeMap<Arc<Path>, FileId>,
    pub unsynced_entries: Vec<Unsynced<Change>>,
    pub files: BTreeMap<FileId, Content>,
    pub next_id: FileId,
    pub locks: BTreeSet<PathBuf>,
    pub done: Operations,
    pub faults: Faults,
    /// Whether what is written over is kept in [`Content::older`].
    pub keeps_older: bool,
}

/// The numbers of the operations that fail, counted as in [`Operations`] from 1.
#[derive(Debug, Default)]
pub struct Faults {
    pub power_off: Option<u64>,
    pub write: Option<u64>,
    pub sync: Option<u64>,
    pub sync_dir: bool,
    pub bytes_left: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct Unsynced<T> {
    pub change: T,
    /// A sync of it failed: no later one will bring it to the disk.
    pub is_stuck: bool,
}

/// What happened to the entries of directories.
#[derive(Debug, Clone)]
pub struct Change {
    pub removed: Option<Arc<Path>>,
    pub added: Option<(Arc<Path>, FileId)>,
}

/// What a file holds. The bytes are shared with the images that were made of it, until one is written.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub cached: Arc<Vec<u8>>,
    pub durable: Arc<Vec<u8>>,
    /// For every sector that is not durable, the versions that it had since.
    pub unsynced: BTreeMap<usize, Unsynced<Vec<SectorBytes>>>,
    /// How long a sync makes the durable file.
    pub unsynced_len: usize,
    /// What sectors held before they were written over.
    pub older: Arc<BTreeMap<usize, Vec<SectorBytes>>>,
}

impl Storage {
    /// A disk that holds what this one shows, durably.
    pub fn settled(&self) -> Storage {
        let settle = |(id, content): (&FileId, &Content)| (*id, content.settled(Arc::clone(&content.cached)));
        Storage {
            dirs: self.dirs.clone(),
            entries: self.entries.clone(),
            durable_entries: self.entries.clone(),
            files: self.files.iter().map(settle).collect(),
            next_id: self.next_id,
            keeps_older: self.keeps_older,
            ..Storage::default()
        }
    }

    pub fn put(&mut self, path: &Path, bytes: Vec<u8>) {
        self.dirs.extend(path.parent().map(Arc::from));
        let id = self.entries.get(path).copied().unwrap_or(self.next_id);
        self.next_id = self.next_id.max(id + 1);
        let path: Arc<Path> = path.into();
        self.entries.insert(Arc::clone(&path), id);
        self.durable_entries.insert(path, id);
        let bytes = Arc::new(bytes);
        let content = Content { durable: Arc::clone(&bytes), cached: bytes, ..Content::default() };
        self.files.insert(id, content);
    }

    pub fn fingerprint(&self) -> u64 {
        let hash = twox_hash::XxHash3_64::oneshot_with_seed;
        let dirs = self.dirs.iter().fold(0, |seed, dir| hash(seed, dir.as_os_str().as_encoded_bytes()));
        self.entries.iter().fold(dirs, |seed, (path, id)| {
            hash(hash(seed, path.as_os_str().as_encoded_bytes()), &self.files[id].cached)
        })
    }

    /// Counts an operation; `true` if it is the last one before the power is off.
    fn operation(&mut self) -> io::Result<bool> {
        self.done.all += 1;
        match self.faults.power_off {
            Some(at) if self.done.all > at => Err(no_power()),
            at => Ok(at == Some(self.done.all)),
        }
    }

    /// Makes a directory and what is missing above it, and then, as a disk has to, makes them durable.
    pub fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        let is_new = |it: &&Path| it.parent().is_some() && !self.dirs.contains(*it);
        let new: Vec<Arc<Path>> = path.ancestors().filter(is_new).map(Arc::from).collect();
        if new.is_empty() {
            return Ok(());
        }
        let is_last = self.operation()?;
        self.dirs.extend(path.ancestors().map(Arc::from));
        self.unsynced_dirs.extend(new.iter().cloned());
        if is_last || self.operation()? {
            return Err(no_power());
        }
        self.unsynced_dirs.retain(|dir| !new.contains(dir));
        Ok(())
    }

    /// Changes the entries of directories.
    pub fn change(&mut self, change: Change) -> io::Result<()> {
        let is_last = self.operation()?;
        change.apply(&mut self.entries);
        self.unsynced_entries.push(Unsynced { change, is_stuck: false });
        if is_last { Err(no_power()) } else { Ok(()) }
    }

    pub fn write(&mut self, id: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let is_last = self.operation()?;
        self.done.writes += 1;
        let fails = self.faults.write == Some(self.done.writes);
        let content = self.files.entry(id).or_default();
        let offset = offset as usize;
        if fails {
            content.write(&bytes[..bytes.len() / 2 / SECTOR_BYTES * SECTOR_BYTES], offset, self.keeps_older);
            return Err(io::Error::from_raw_os_error(INPUT_OUTPUT));
        }
        let growth = (offset + bytes.len()).saturating_sub(content.cached.len()) as u64;
        if let Some(left) = &mut self.faults.bytes_left {
            if growth > *left {
                let fit = bytes.len().saturating_sub((growth - *left) as usize);
                *left = 0;
                content.write(&bytes[..fit], offset, self.keeps_older);
                return Err(io::Error::from_raw_os_error(NO_SPACE));
            }
            *left -= growth;
        }
        content.write(bytes, offset, self.keeps_older);
        if is_last { Err(no_power()) } else { Ok(()) }
    }

    pub fn sync(&mut self, id: FileId) -> io::Result<()> {
        let is_last = self.operation()?;
        self.done.syncs += 1;
        if is_last {
            return Err(no_power());
        }
        let fails = self.faults.sync == Some(self.done.syncs);
        let content = self.files.entry(id).or_default();
        if fails {
            content.fail_sync();
            return Err(io::Error::from_raw_os_error(INPUT_OUTPUT));
        }
        content.sync();
        Ok(())
    }

    pub fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        if self.operation()? {
            return Err(no_power());
        }
        if std::mem::take(&mut self.faults.sync_dir) {
            self.unsynced_entries
                .iter_mut()
                .filter(|it| it.change.is_in(dir))
                .for_each(|it| it.is_stuck = true);
            return Err(io::Error::from_raw_os_error(INPUT_OUTPUT));
        }
        self.unsynced_dirs.retain(|it| it.parent() != Some(dir));
        let all = std::mem::take(&mut self.unsynced_entries);
        let (synced, mut left): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| !it.is_stuck && it.change.is_in(dir));
        for Unsynced { change, .. } in synced {
            change.apply(&mut self.durable_entries);
            // What is stuck is older: it cannot come after this.
            left.retain(|it| !it.is_stuck || !it.change.touches_what(&change));
        }
        self.unsynced_entries = left;
        Ok(())
    }
}

impl Change {
    pub fn apply(&self, entries: &mut BTreeMap<Arc<Path>, FileId>) {
        if let Some(path) = &self.removed {
            entries.remove(path);
        }
        if let Some((path, id)) = &self.added {
            entries.insert(Arc::clone(path), *id);
        }
    }

    fn paths(&self) -> impl Iterator<Item = &Arc<Path>> {
        self.removed.iter().chain(self.added.as_ref().map(|(path, _)| path))
    }

    fn is_in(&self, dir: &Path) -> bool {
        self.paths().any(|path| path.parent() == Some(dir))
    }

    fn touches_what(&self, other: &Change) -> bool {
        self.paths().any(|path| other.paths().any(|it| it == path))
    }
}

impl Content {
    /// A file that holds `bytes` durably, and remembers what this one has held.
    pub fn settled(&self, bytes: Arc<Vec<u8>>) -> Content {
        let older = Arc::clone(&self.older);
        Content { cached: Arc::clone(&bytes), durable: bytes, older, ..Content::default() }
    }

    fn write(&mut self, bytes: &[u8], offset: usize, keeps_older: bool) {
        let end = offset + bytes.len();
        let sectors = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
        self.unsynced_len = self.unsynced_len.max(end);
        if keeps_older {
            let older = Arc::make_mut(&mut self.older);
            for sector in sectors.clone() {
                older.entry(sector).or_default().push(sector_of(&self.cached, sector));
            }
        }
        let cached = Arc::make_mut(&mut self.cached);
        if cached.len() < end {
            cached.resize(end, 0);
        }
        cached[offset..end].copy_from_slice(bytes);
        if bytes.is_empty() {
            return;
        }
        for sector in sectors {
            let version = sector_of(cached, sector);
            let unsynced =
                self.unsynced.entry(sector).or_insert(Unsynced { change: Vec::new(), is_stuck: false });
            unsynced.is_stuck = false;
            unsynced.change.push(version);
        }
    }

    fn sync(&mut self) {
        let len = self.durable.len().max(self.unsynced_len).min(self.cached.len());
        self.unsynced_len = 0;
        let Content { cached, durable, unsynced, .. } = self;
        if unsynced.is_empty() && durable.len() == len {
            return;
        }
        let durable = Arc::make_mut(durable);
        durable.resize(len, 0);
        unsynced.retain(|&sector, it| {
            if !it.is_stuck {
                put_sector(durable, sector, &sector_of(cached, sector));
            }
            it.is_stuck
        });
    }

    fn fail_sync(&mut self) {
        self.unsynced.values_mut().for_each(|it| it.is_stuck = true);
        self.unsynced_len = 0;
    }
}

/// A sector of a file, with zeros after its end.
pub fn sector_of(bytes: &[u8], sector: usize) -> SectorBytes {
    let mut copy = [0; SECTOR_BYTES];
    let rest = bytes.get(sector * SECTOR_BYTES..).unwrap_or_default();
    let len = rest.len().min(SECTOR_BYTES);
    copy[..len].copy_from_slice(&rest[..len]);
    copy
}

/// Writes what of a sector is before the file's end.
pub fn put_sector(bytes: &mut [u8], sector: usize, version: &SectorBytes) {
    let rest = bytes.get_mut(sector * SECTOR_BYTES..).unwrap_or_default();
    let len = rest.len().min(SECTOR_BYTES);
    rest[..len].copy_from_slice(&version[..len]);
}

fn no_power() -> io::Error {
    io::Error::other("the power is off")
}
