//! [`FaultyDisk`]: storage in memory that fails, runs full and loses power as told, and forgets what was not synced.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

use crate::disk::{Access, Disk, DiskFile};

const SECTOR_BYTES: usize = 512;
const NO_SPACE: i32 = 28;
const INPUT_OUTPUT: i32 = 5;

type SectorBytes = [u8; SECTOR_BYTES];
type FileId = u64;

/// A disk in memory with a cache in front of it.
///
/// What is written is in the cache and can be read at once; [`DiskFile::sync`] and [`Disk::sync_dir`] bring it to the
/// disk. [`FaultyDisk::crash`] gives what a loss of power would leave: of every sector, length and directory entry
/// that was not synced, by the toss of a coin, an older or a newer version. After a failed sync the cache shows what
/// may never reach the disk and believes it to be there, as real systems do.
///
/// Clones are the same disk. Everything is decided by the seeds: equal seeds give equal disks.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk {
    storage: Arc<Mutex<Storage>>,
}

/// How often a disk was asked to change something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Writes to files.
    pub writes: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Everything that changes the disk or makes a change durable, writes and syncs too.
    pub all: u64,
}

#[derive(Debug, Default)]
struct Storage {
    dirs: BTreeSet<PathBuf>,
    entries: BTreeMap<PathBuf, FileId>,
    durable_entries: BTreeMap<PathBuf, FileId>,
    unsynced_entries: Vec<Unsynced<Change>>,
    files: HashMap<FileId, Content>,
    next_id: FileId,
    locks: BTreeSet<PathBuf>,
    done: Operations,
    faults: Faults,
}

/// The numbers of the operations that fail, counted as in [`Operations`] from 1.
#[derive(Debug, Default)]
struct Faults {
    power_off: Option<u64>,
    write: Option<u64>,
    sync: Option<u64>,
    sync_dir: bool,
    bytes_left: Option<u64>,
}

#[derive(Debug, Clone)]
struct Unsynced<T> {
    change: T,
    /// A sync of it failed: no later one will bring it to the disk.
    is_stuck: bool,
}

/// What happened to the entries of directories.
#[derive(Debug, Clone)]
struct Change {
    removed: Option<PathBuf>,
    added: Option<(PathBuf, FileId)>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// For every sector that is not durable, the versions that it had since.
    unsynced: BTreeMap<usize, Unsynced<Vec<SectorBytes>>>,
    /// How long a sync makes the durable file.
    unsynced_len: usize,
}

impl FaultyDisk {
    /// An empty disk.
    pub fn new() -> FaultyDisk {
        FaultyDisk::default()
    }

    /// What the disk holds after a loss of power now. This disk is as before; faults and locks are not carried over.
    pub fn crash(&self, seed: u64) -> FaultyDisk {
        let storage = self.storage();
        let mut coin = Coin(seed);
        let mut entries = storage.durable_entries.clone();
        for Unsynced { change, .. } in &storage.unsynced_entries {
            if coin.toss() {
                change.apply(&mut entries);
            }
        }
        let mut files = HashMap::new();
        for &id in entries.values() {
            files.insert(id, storage.files[&id].after_crash(&mut coin));
        }
        let (dirs, next_id) = (storage.dirs.clone(), storage.next_id);
        let durable_entries = entries.clone();
        let crashed = Storage { dirs, entries, durable_entries, files, next_id, ..Storage::default() };
        FaultyDisk { storage: Arc::new(Mutex::new(crashed)) }
    }

    /// From its `nth` operation on, counted from now and from 1, the disk is without power: that operation may have
    /// had an effect, and no later one has.
    pub fn power_off_at(&self, nth: u64) {
        let mut storage = self.storage();
        storage.faults.power_off = Some(storage.done.all + nth);
    }

    /// Lets the `nth` write from now on fail with EIO, in the middle.
    pub fn fail_write(&self, nth: u64) {
        let mut storage = self.storage();
        storage.faults.write = Some(storage.done.writes + nth);
    }

    /// Lets the `nth` sync of a file from now on fail with EIO.
    pub fn fail_sync(&self, nth: u64) {
        let mut storage = self.storage();
        storage.faults.sync = Some(storage.done.syncs + nth);
    }

    /// Lets the next sync of a directory fail with EIO.
    pub fn fail_sync_dir(&self) {
        self.storage().faults.sync_dir = true;
    }

    /// Lets files grow by `bytes` more together, and then fail with ENOSPC.
    pub fn full_after(&self, bytes: u64) {
        self.storage().faults.bytes_left = Some(bytes);
    }

    /// Removes all faults that are still to come, and gives power and space back.
    pub fn mend(&self) {
        self.storage().faults = Faults::default();
    }

    /// What it was asked to do so far.
    pub fn operations(&self) -> Operations {
        self.storage().done
    }

    /// The paths of all files, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        self.storage().entries.keys().cloned().collect()
    }

    /// What a file holds, if it is there.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let storage = self.storage();
        storage.entries.get(path).map(|id| storage.files[id].cached.clone())
    }

    /// Puts a file there, as if it had been synced long ago: for damage that nobody did.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut storage = self.storage();
        storage.dirs.extend(path.parent().map(Path::to_owned));
        let id = storage.entries.get(path).copied().unwrap_or(storage.next_id);
        storage.next_id = storage.next_id.max(id + 1);
        storage.entries.insert(path.to_owned(), id);
        storage.durable_entries.insert(path.to_owned(), id);
        let content = Content { durable: bytes.clone(), cached: bytes, ..Content::default() };
        storage.files.insert(id, content);
    }

    /// Takes a file away, as if it had never been there.
    pub fn take(&self, path: &Path) -> Option<Vec<u8>> {
        let bytes = self.bytes(path);
        let mut storage = self.storage();
        storage.entries.remove(path);
        storage.durable_entries.remove(path);
        bytes
    }

    /// Flips a bit of a file that is there, on the disk and in the cache.
    pub fn flip(&self, path: &Path, bit: usize) {
        let mut storage = self.storage();
        let Some(id) = storage.entries.get(path).copied() else { return };
        let Some(content) = storage.files.get_mut(&id) else { return };
        for bytes in [&mut content.cached, &mut content.durable] {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock()
    }

    /// Changes the entries of directories.
    fn change(&self, change: Change) -> io::Result<()> {
        let mut storage = self.storage();
        let is_last = storage.operation()?;
        change.apply(&mut storage.entries);
        storage.unsynced_entries.push(Unsynced { change, is_stuck: false });
        if is_last { Err(no_power()) } else { Ok(()) }
    }
}

impl Storage {
    /// Counts an operation; `true` if it is the last one before the power is off.
    fn operation(&mut self) -> io::Result<bool> {
        self.done.all += 1;
        match self.faults.power_off {
            Some(at) if self.done.all > at => Err(no_power()),
            at => Ok(at == Some(self.done.all)),
        }
    }

    fn write(&mut self, id: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let is_last = self.operation()?;
        self.done.writes += 1;
        let fails = self.faults.write == Some(self.done.writes);
        let content = self.files.entry(id).or_default();
        let offset = offset as usize;
        if fails {
            content.write(&bytes[..bytes.len() / 2 / SECTOR_BYTES * SECTOR_BYTES], offset);
            return Err(io::Error::from_raw_os_error(INPUT_OUTPUT));
        }
        let growth = (offset + bytes.len()).saturating_sub(content.cached.len()) as u64;
        if let Some(left) = &mut self.faults.bytes_left {
            if growth > *left {
                let fit = bytes.len().saturating_sub((growth - *left) as usize);
                *left = 0;
                content.write(&bytes[..fit], offset);
                return Err(io::Error::from_raw_os_error(NO_SPACE));
            }
            *left -= growth;
        }
        content.write(bytes, offset);
        if is_last { Err(no_power()) } else { Ok(()) }
    }

    fn sync(&mut self, id: FileId) -> io::Result<()> {
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

    fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
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
    fn apply(&self, entries: &mut BTreeMap<PathBuf, FileId>) {
        if let Some(path) = &self.removed {
            entries.remove(path);
        }
        if let Some((path, id)) = &self.added {
            entries.insert(path.clone(), *id);
        }
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
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
    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.unsynced_len = self.unsynced_len.max(end);
        if bytes.is_empty() {
            return;
        }
        for sector in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let version = sector_of(&self.cached, sector);
            let unsynced =
                self.unsynced.entry(sector).or_insert(Unsynced { change: Vec::new(), is_stuck: false });
            unsynced.is_stuck = false;
            unsynced.change.push(version);
        }
    }

    fn sync(&mut self) {
        let len = self.durable.len().max(self.unsynced_len).min(self.cached.len());
        self.durable.resize(len, 0);
        self.unsynced_len = 0;
        let Content { cached, durable, unsynced, .. } = self;
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

    fn after_crash(&self, coin: &mut Coin) -> Content {
        let mut bytes = self.durable.clone();
        let growth = (self.cached.len() - bytes.len()).div_ceil(SECTOR_BYTES) as u64;
        if growth > 0 {
            // All of it, nothing, or a part.
            let grown = match coin.below(3) {
                0 => 0,
                1 => growth,
                _ => coin.below(growth + 1),
            };
            let len = (bytes.len() / SECTOR_BYTES + grown as usize) * SECTOR_BYTES;
            bytes.resize(len.clamp(bytes.len(), self.cached.len()), 0);
        }
        // All and nothing of a file are likely too, however many sectors it has.
        let (all, nothing) = match coin.below(4) {
            0 => (true, false),
            1 => (false, true),
            _ => (false, false),
        };
        for (&sector, Unsynced { change: versions, .. }) in &self.unsynced {
            let kept = if all { versions.len() } else { coin.below(versions.len() as u64 + 1) as usize };
            if let Some(version) = kept.checked_sub(1).map(|kept| &versions[kept])
                && !nothing
            {
                put_sector(&mut bytes, sector, version);
            }
        }
        Content { cached: bytes.clone(), durable: bytes, ..Content::default() }
    }
}

/// A sector of a file, with zeros after its end.
fn sector_of(bytes: &[u8], sector: usize) -> SectorBytes {
    let mut copy = [0; SECTOR_BYTES];
    let rest = bytes.get(sector * SECTOR_BYTES..).unwrap_or_default();
    let len = rest.len().min(SECTOR_BYTES);
    copy[..len].copy_from_slice(&rest[..len]);
    copy
}

/// Writes what of a sector is before the file's end.
fn put_sector(bytes: &mut [u8], sector: usize, version: &SectorBytes) {
    let rest = bytes.get_mut(sector * SECTOR_BYTES..).unwrap_or_default();
    let len = rest.len().min(SECTOR_BYTES);
    rest[..len].copy_from_slice(&version[..len]);
}

/// A generator of coin tosses: splitmix64.
struct Coin(u64);

impl Coin {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn toss(&mut self) -> bool {
        self.below(2) == 1
    }
}

fn no_power() -> io::Error {
    io::Error::other("the power is off")
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let found = self.storage().entries.get(path).copied();
        let id = match (found, access) {
            (Some(_), Access::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(id), _) => id,
            (None, Access::CreateNew) => {
                let mut storage = self.storage();
                if !path.parent().is_some_and(|dir| storage.dirs.contains(dir)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let id = storage.next_id;
                storage.next_id += 1;
                storage.files.insert(id, Content::default());
                drop(storage);
                self.change(Change { removed: None, added: Some((path.to_owned(), id)) })?;
                id
            }
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(Box::new(FaultyFile { disk: self.clone(), id, is_readonly: access == Access::Read }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut storage = self.storage();
        if storage.entries.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        storage.dirs.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let storage = self.storage();
        if storage.entries.contains_key(dir) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if !storage.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = storage.entries.iter().filter(|(path, _)| path.parent() == Some(dir));
        let name = |path: &Path| path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
        Ok(inside.map(|(path, id)| (name(path), storage.files[id].cached.len() as u64)).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let Some(id) = self.storage().entries.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        self.change(Change { removed: Some(from.to_owned()), added: Some((to.to_owned(), id)) })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !self.storage().entries.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change { removed: Some(path.to_owned()), added: None })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.storage().sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        if !self.storage().entries.contains_key(path) {
            self.open(path, Access::CreateNew)?;
        }
        let is_free = self.storage().locks.insert(path.to_owned());
        Ok(is_free.then(|| Box::new(Lock { disk: self.clone(), path: path.to_owned() }) as _))
    }
}

struct Lock {
    disk: FaultyDisk,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.storage().locks.remove(&self.path);
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    id: FileId,
    is_readonly: bool,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let storage = self.disk.storage();
        let rest = storage.files[&self.id].cached.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.is_readonly {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.disk.storage().write(self.id, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.storage().sync(self.id)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.storage().files[&self.id].cached.len() as u64)
    }
}
