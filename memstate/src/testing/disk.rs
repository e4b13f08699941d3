//! [`FaultyDisk`]: storage in memory that fails, runs full and loses power as told, and forgets what was not synced.

mod crash;
mod storage;

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

pub use crash::Images;

use crate::disk::{Access, Disk, DiskFile};
use storage::{Change, Content, FileId, Storage};

/// A disk in memory with a cache in front of it.
///
/// What is written is in the cache and can be read at once; [`DiskFile::sync`] and [`Disk::sync_dir`] bring it to the
/// disk. After a loss of power each of these is as it was at its last sync, or as it was at any time since, whatever
/// becomes of the others:
///
/// * a sector of 512 bytes, which is written whole or not at all;
/// * the length of a file, so that one that grew may be longer and hold zeros there, or be short and lack what was
///   written;
/// * a change of a directory: a file that was made, renamed or removed, or a directory. A rename happens whole or not at
///   all, and may be there while what the file holds is not.
///
/// [`FaultyDisk::crash`] gives one disk of these, [`FaultyDisk::images`] gives all, or many. After a failed sync the
/// cache shows what may never reach the disk and believes it to be there, as real systems do. Not in the model: sectors that
/// are cut in themselves, a disk that says it has synced and has not, and a file system that shows, in a file that grew, what
/// another file left there.
///
/// Clones are the same disk; [`FaultyDisk::fork`] makes another. Everything is decided by the seeds: equal seeds give equal
/// disks.
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

impl FaultyDisk {
    /// An empty disk.
    pub fn new() -> FaultyDisk {
        FaultyDisk::default()
    }

    fn of(storage: Storage) -> FaultyDisk {
        FaultyDisk { storage: Arc::new(Mutex::new(storage)) }
    }

    /// Another disk that holds what this one shows, all of it durable; faults and locks are not carried over.
    pub fn fork(&self) -> FaultyDisk {
        FaultyDisk::of(self.storage().settled())
    }

    /// What the disk holds after a loss of power now, by the toss of coins. This disk is as before; faults and locks are not
    /// carried over.
    pub fn crash(&self, seed: u64) -> FaultyDisk {
        crash::by_coins(&self.storage(), seed)
    }

    /// What the disk may hold after a loss of power now: every possible disk once, if there are at most `limit`; otherwise
    /// `limit` of them by the toss of coins, among them the one that has lost all that was not synced and the one that has
    /// lost nothing.
    pub fn images(&self, limit: usize, seed: u64) -> Images {
        Images::new(&self.storage(), limit, seed)
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
        self.storage().faults = storage::Faults::default();
    }

    /// What it was asked to do so far.
    pub fn operations(&self) -> Operations {
        self.storage().done
    }

    /// The paths of all files, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        self.storage().entries.keys().map(|path| path.to_path_buf()).collect()
    }

    /// The same for two disks that show the same files with the same bytes, and different for others but by chance.
    pub fn fingerprint(&self) -> u64 {
        self.storage().fingerprint()
    }

    /// Keeps from now on what sectors held before they were written over; see [`older`](FaultyDisk::older).
    pub fn keep_older(&self) {
        self.storage().keeps_older = true;
    }

    /// What sectors of a file have held before what they hold now, with their numbers: what a disk shows that has lost a
    /// write.
    pub fn older(&self, path: &Path) -> Vec<(usize, Vec<u8>)> {
        let storage = self.storage();
        let Some(content) = storage.entries.get(path).and_then(|id| storage.files.get(id)) else {
            return Vec::new();
        };
        let of_sector = |(sector, versions): (&usize, &Vec<_>)| {
            versions.iter().map(|it: &[u8; 512]| (*sector, it.to_vec())).collect::<Vec<_>>()
        };
        content.older.iter().flat_map(of_sector).collect()
    }

    /// What a file holds, if it is there.
    pub fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let storage = self.storage();
        storage.entries.get(path).map(|id| storage.files[id].cached.to_vec())
    }

    /// Puts a file there, as if it had been synced long ago: for damage that nobody did.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        self.storage().put(path, bytes);
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
            if bit / 8 < bytes.len() {
                Arc::make_mut(bytes)[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock()
    }
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
                storage.change(Change { removed: None, added: Some((path.into(), id)) })?;
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
        storage.create_dir(path)
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
        let mut storage = self.storage();
        let Some(id) = storage.entries.get(from).copied() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        storage.change(Change { removed: Some(from.into()), added: Some((to.into(), id)) })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut storage = self.storage();
        if !storage.entries.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        storage.change(Change { removed: Some(path.into()), added: None })
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
