//! [`Watched`]: a [`FaultyDisk`] of which every call is counted and written down, and whose nth call of some kinds fails.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use memstate::{
    disk::{Access, Disk, DiskFile},
    testing::disk::FaultyDisk,
};

/// What a disk is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    Sync,
    SyncDir,
    Create,
    CreateDir,
    Rename,
    Remove,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The nth sync, of a file or a directory, fails once with EIO. What it was to bring to the disk never gets there, and the
    /// cache shows it as if it had.
    Sync(u64),
    /// From the nth call on that may need space there is none.
    Full(u64),
}

impl Fault {
    fn concerns(self, kind: Kind) -> bool {
        match self {
            Fault::Sync(_) => matches!(kind, Kind::Sync | Kind::SyncDir),
            Fault::Full(_) => !matches!(kind, Kind::Remove | Kind::SyncDir),
        }
    }

    fn nth(self) -> u64 {
        match self {
            Fault::Sync(nth) | Fault::Full(nth) => nth,
        }
    }
}

/// A call of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub kind: Kind,
    pub path: PathBuf,
}

/// The disk and its log. Clones are the same.
#[derive(Debug, Clone)]
pub struct Watched {
    pub disk: FaultyDisk,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// How many calls there were that the fault concerns.
    concerned: u64,
    calls: Vec<Call>,
    /// Where in `calls` the fault was.
    failed: Option<usize>,
    is_full: bool,
}

impl Watched {
    /// Watches a disk; `fault` may be one that never comes, to count what it concerns.
    pub fn new(disk: FaultyDisk, fault: Option<Fault>) -> Self {
        Watched { disk, state: Arc::new(Mutex::new(State { fault, ..State::default() })) }
    }

    /// How many calls there were that the fault concerns.
    pub fn concerned(&self) -> u64 {
        self.state().concerned
    }

    /// The call that failed, and those after it.
    pub fn since_the_fault(&self) -> Option<(Call, Vec<Call>)> {
        let state = self.state();
        let (failed, after) = state.calls.get(state.failed?..)?.split_first()?;
        Some((failed.clone(), after.to_vec()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Writes a call down; the error that it is to end with, if it is the one.
    fn called(&self, kind: Kind, path: &Path, grows: bool) -> Result<(), Fault> {
        let mut state = self.state();
        state.calls.push(Call { kind, path: path.to_owned() });
        if state.is_full && grows {
            return Err(Fault::Full(0));
        }
        let Some(fault) = state.fault.filter(|fault| fault.concerns(kind)) else { return Ok(()) };
        state.concerned += 1;
        if state.concerned != fault.nth() {
            return Ok(());
        }
        state.failed = Some(state.calls.len() - 1);
        state.is_full = matches!(fault, Fault::Full(_));
        Err(fault)
    }
}

/// The error of a call for which there is no space.
fn no_space() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

impl Disk for Watched {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        if access == Access::CreateNew {
            self.called(Kind::Create, path, true).map_err(|_| no_space())?;
        }
        let file = self.disk.open(path, access)?;
        Ok(Box::new(WatchedFile { file, path: path.to_owned(), disk: self.clone() }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.called(Kind::CreateDir, path, true).map_err(|_| no_space())?;
        self.disk.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.called(Kind::Rename, from, false).map_err(|_| no_space())?;
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let _ = self.called(Kind::Remove, path, false);
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.called(Kind::SyncDir, dir, false).is_err() {
            self.disk.fail_sync_dir();
        }
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        if self.disk.bytes(path).is_none() {
            self.called(Kind::Create, path, true).map_err(|_| no_space())?;
        }
        self.disk.lock(path)
    }
}

struct WatchedFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    disk: Watched,
}

impl DiskFile for WatchedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let grows = offset + bytes.len() as u64 > self.file.len()?;
        if self.disk.called(Kind::Write, &self.path, grows).is_err() {
            // Some of it fits. What was in its place before is written over in whole sectors.
            let fits = if grows { bytes.len() / 3 } else { bytes.len() / 3 / 512 * 512 };
            self.file.write_at(&bytes[..fits], offset)?;
            return Err(no_space());
        }
        self.file.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        let result = self.disk.called(Kind::Sync, &self.path, false);
        if result.is_err() {
            self.disk.disk.fail_sync(1);
        }
        let synced = self.file.sync();
        // File systems that find out late that there is no space say so here.
        if matches!(result, Err(Fault::Full(_))) { Err(no_space()) } else { synced }
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
