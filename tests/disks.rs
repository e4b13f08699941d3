//! Disks that misbehave on purpose, over the real one.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use memstate::disk::{Access, Disk, DiskFile, RealDisk};
use std::sync::{Condvar, Mutex};

/// The real disk with a gate in front of every sync, a count of them, and an error on request.
#[derive(Debug, Default, Clone)]
pub struct GatedDisk {
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<bool>,
    changed: Condvar,
    syncs: AtomicU64,
    /// The next writes fail with this error.
    write_error: Mutex<Option<io::ErrorKind>>,
    /// The next syncs fail with this error.
    sync_error: Mutex<Option<io::ErrorKind>>,
}

impl GatedDisk {
    /// Lets no sync come to its end until the gate is opened.
    pub fn close_gate(&self) {
        *self.gate.closed.lock().expect("no test panics with it") = true;
    }

    /// Lets syncs end.
    pub fn open_gate(&self) {
        *self.gate.closed.lock().expect("no test panics with it") = false;
        self.gate.changed.notify_all();
    }

    /// How many syncs of files there were.
    pub fn syncs(&self) -> u64 {
        self.gate.syncs.load(Ordering::SeqCst)
    }

    /// Lets every write fail from now on, or none.
    pub fn fail_writes(&self, error: Option<io::ErrorKind>) {
        *self.gate.write_error.lock().expect("no test panics with it") = error;
    }

    /// Lets every sync fail from now on, or none.
    pub fn fail_syncs(&self, error: Option<io::ErrorKind>) {
        *self.gate.sync_error.lock().expect("no test panics with it") = error;
    }
}

impl Disk for GatedDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(GatedFile { file: RealDisk.open(path, access)?, gate: Arc::clone(&self.gate) }))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        RealDisk.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        RealDisk.lock(path)
    }
}

struct GatedFile {
    file: Box<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl DiskFile for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match *self.gate.write_error.lock().expect("no test panics with it") {
            Some(error) => Err(error.into()),
            None => self.file.write_at(bytes, offset),
        }
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut closed = self.gate.closed.lock().expect("no test panics with it");
        while *closed {
            closed = self.gate.changed.wait(closed).expect("no test panics with it");
        }
        drop(closed);
        self.gate.syncs.fetch_add(1, Ordering::SeqCst);
        match *self.gate.sync_error.lock().expect("no test panics with it") {
            Some(error) => Err(error.into()),
            None => self.file.sync(),
        }
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}
